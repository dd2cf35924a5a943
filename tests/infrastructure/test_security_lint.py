"""Security rules are on, and every exception from them says why in its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.infrastructure.template import ROOT, template

FOLDERS = ("benchmarks", "cli", "functions", "layers", "local", "openapi", "tests")
EXCEPTION = re.compile(r"# noqa: (?:[A-Z]+[0-9]+, ?)*S[0-9]{3}(?P<rest>.*)")


def lines() -> Iterator[tuple[Path, str]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line in path.read_text(encoding="utf-8").splitlines():
                yield path.relative_to(ROOT), line


def test_the_rules_of_bandit_are_on_for_all_that_is_deployed() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]

    assert "S" in lint["select"]
    assert not [rule for rule in lint["ignore"] if rule.startswith("S1") or rule == "S"]
    # Asserts, passwords of nobody and commands of our own are what tests are made of.
    spared = {path for path, rules in lint["per-file-ignores"].items() if {"S101"} & set(rules)}
    assert spared == {"tests/**"}


def test_every_exception_from_a_security_rule_says_why() -> None:
    found = [(path, line, EXCEPTION.search(line)) for path, line in lines()]
    exceptions = [(path, line, match) for path, line, match in found if match]

    silent = [
        f"{path}: {line.strip()}" for path, line, match in exceptions if " - " not in match["rest"]
    ]

    assert exceptions
    assert silent == []


def test_every_check_of_checkov_that_is_skipped_says_why() -> None:
    of_one = {
        (name, each["id"]): each["comment"].strip()
        for name, resource in template()["Resources"].items()
        for each in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }
    written = (ROOT / ".checkov.yaml").read_text().splitlines()
    of_all = yaml.safe_load("\n".join(written))["skip-check"]

    assert of_one
    assert all(of_one.values())
    for check in of_all:
        above = written[written.index(f"  - {check}") - 1]
        assert above.startswith("  # "), f"{check} is skipped without a reason"
