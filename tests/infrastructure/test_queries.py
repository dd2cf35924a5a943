"""Saved queries: they ask for fields and messages that the functions really log."""

from __future__ import annotations

import ast
import io
import json
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from aws_lambda_powertools.logging import Logger

from pointflow.described_error import described
from tests.infrastructure.template import ROOT, deployed, resources, value

QUERIES = sorted(resources("AWS::Logs::QueryDefinition"))
LEVELS = {"info", "warning", "error", "exception"}
INSIGHTS = {"@timestamp"}
WORDS = {
    *("fields", "filter", "stats", "sort", "limit"),
    *("as", "by", "asc", "desc", "and", "or", "in", "count", "max"),
}
# Said of whole messages: by `lines_are_about`, and by the push endpoint.
OF_MESSAGES = {"client_id", "version"}


def query(name: str) -> str:
    text: str = resources("AWS::Logs::QueryDefinition")[name]["Properties"]["QueryString"]
    return text


def asked(text: str) -> set[str]:
    """Fields that a query names; what it makes itself (`as`) is none."""
    without_texts = re.sub(r'"[^"]*"', "", text)
    made = set(re.findall(r"\bas (\w+)", without_texts))
    return set(re.findall(r"@?[a-z_]+", without_texts)) - WORDS - made


def texts_of(field: str, text: str) -> set[str]:
    """What a query compares a field with."""
    found = re.findall(rf'\b{field} (?:= ("[^"]*")|in \[([^\]]*)\])', text)
    return {each for pair in found for each in re.findall(r'"([^"]*)"', "".join(pair))}


def services(name: str) -> set[str]:
    """The functions whose log groups a query reads."""
    names = resources("AWS::Logs::QueryDefinition")[name]["Properties"]["LogGroupNames"]
    groups = resources("AWS::Logs::LogGroup")
    return {
        str(value(groups[each["Ref"]]["Properties"]["LogGroupName"])).rpartition("/")[2]
        for each in names
    }


@cache
def standing_fields() -> frozenset[str]:
    """The fields of every line, as Powertools writes them."""
    stream = io.StringIO()
    logger = Logger(service="any", logger_handler=None, stream=stream)
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1,
        invoked_function_arn="arn",
        aws_request_id="r",
    )
    logger.inject_lambda_context(lambda _event, _context: logger.info("any"))({}, context)
    return frozenset(json.loads(stream.getvalue()))


def calls(paths: list[Path]) -> list[ast.Call]:
    """Every call that logs a line."""
    return [
        node
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "logger"
    ]


def sources(service: str) -> list[Path]:
    folders = (ROOT / "functions" / service, ROOT / "functions" / "pointflow")
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def logged_fields(service: str) -> set[str]:
    found = set(standing_fields()) | OF_MESSAGES
    for call in calls(sources(service)):
        for keyword in call.keywords:
            found |= {keyword.arg} if keyword.arg else set(described(Exception()))
    return found


def logged_messages(service: str) -> set[str]:
    return {
        str(part.value)
        for call in calls(sources(service))
        for part in ast.walk(call.args[0])
        if isinstance(part, ast.Constant)
    }


def test_there_is_a_query_for_each_thing_that_is_asked_at_night() -> None:
    names = {
        value(resources("AWS::Logs::QueryDefinition")[name]["Properties"]["Name"])
        for name in QUERIES
    }

    assert names == {
        f"pointflow/pointflow/{name}"
        for name in (
            "one file, message or invocation",
            "errors by function",
            "refused batches",
            "slow pushes",
            "authorization failures",
        )
    }


def test_what_a_query_asks_for_is_read_out_of_it() -> None:
    text = 'fields @timestamp, a_b | filter c = "d e" or f in ["g", "h"] | stats count(*) as n by i'

    assert asked(text) == {"@timestamp", "a_b", "c", "f", "i"}
    assert texts_of("c", text) == {"d e"}
    assert texts_of("f", text) == {"g", "h"}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_for_fields_that_the_functions_it_reads_log(name: str) -> None:
    known = set().union(*(logged_fields(service) for service in services(name)))

    assert asked(query(name)) - known - INSIGHTS == set()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_looks_for_messages_that_the_functions_it_reads_log(name: str) -> None:
    known = set().union(*(logged_messages(service) for service in services(name)))

    assert texts_of("message", query(name)) <= known


@pytest.mark.parametrize("name", ["OneIdQuery", "ErrorsQuery"])
@pytest.mark.parametrize("jobs", ["both", "batch", "expirations"])
def test_what_is_asked_of_all_functions_reads_every_log_there_is(name: str, jobs: str) -> None:
    found = deployed(Jobs=jobs)["Resources"]
    groups = {each for each, found_ in found.items() if found_["Type"] == "AWS::Logs::LogGroup"}

    assert {each["Ref"] for each in found[name]["Properties"]["LogGroupNames"]} == groups
