"""The dashboard: JSON that shows metrics which somebody really emits."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.infrastructure.template import PSEUDO_PARAMETERS, ROOT, deployed, translated

OURS = "pointflow/${AWS::StackName}"


def body() -> str:
    """What CloudFormation makes of it, but for the names of resources."""
    found = deployed()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    text: str = found.replace(f"pointflow/{PSEUDO_PARAMETERS['AWS::StackName']}", OURS)
    return text


def metrics() -> list[list[Any]]:
    widgets = json.loads(body())["widgets"]
    return [metric for widget in widgets for metric in widget["properties"]["metrics"]]


def test_every_widget_has_a_title_and_its_own_place() -> None:
    widgets = json.loads(body())["widgets"]

    assert all(widget["properties"]["title"] for widget in widgets)
    assert len({(widget["x"], widget["y"]) for widget in widgets}) == len(widgets)


def test_what_it_names_is_in_the_template() -> None:
    named = {name.partition(".")[0] for name in re.findall(r"\$\{(\w[\w.]*)\}", body())}

    assert named
    assert named <= set(translated()["Resources"])


def test_our_own_metrics_are_those_that_the_functions_emit() -> None:
    texts = {
        path.parent.name: path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "functions").glob("*/*.py"))
    }
    sources = "".join(texts.values())
    shown = [metric for metric in metrics() if metric[0] == OURS]

    assert shown
    for _, name, dimension, service, *_ in shown:
        assert dimension == "service"
        assert service in texts
        assert f'"{name}"' in sources, name
    assert '"RowsRejectedByCode"' in sources
