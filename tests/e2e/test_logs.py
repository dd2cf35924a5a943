"""Logs tell what happened to a file from upload to report, and nothing of a person."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import DeployedStack, eventually
from tests.e2e.http import JSON, api_key, send

SAMPLES = Path(__file__).parents[2] / "samples"
FILE = "activities_acme_20260912111111.txt"
UNKNOWN = "nobody.knows@members.example"
BAD_POINTS = "points.are.wrong@members.example"
ROWS = (
    "testing@crowdtwist.com|||testusername|126456789|7\n"
    "||A-1002||126456789|7\n"
    f"{UNKNOWN}||||126456789\n"
    f"{BAD_POINTS}||||126456789|plenty\n"
)
FUNCTIONS = {
    "batch_intake",
    "activity_credit",
    "batch_report",
    "credential_authorizer",
    "expiration_push",
    "http_api",
}


def personal() -> set[str]:
    """Every email, user name and third-party id of the samples, and of what is sent here."""
    with (SAMPLES / "members.csv").open(encoding="utf-8", newline="") as members:
        rows = list(csv.DictReader(members))
    kinds = ("email", "username", "third_party_id")
    # Names of three letters and the like are in any text.
    found = {row[kind] for row in rows for kind in kinds if len(row[kind]) > 5}
    return {*found, UNKNOWN, BAD_POINTS, "plenty"}


@pytest.fixture(scope="module")
def logs(stack: DeployedStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the functions logged, by function, after a file and pushes of every kind."""
    path = tmp_path_factory.mktemp("logs") / FILE
    path.write_text(ROWS)
    submitted = stack.pointflow("submit", str(path), "--wait", "--json")
    assert submitted.json["rejected"] == 2, submitted.err
    stack.upload("inbound/acme/no_batch.txt", b"x\n")
    key = json.loads(stack.pointflow("up", "--json").out)["credentials"]["api_key"]
    url = f"{stack.outputs['ApiUrl']}/v1/points-expirations"
    body = (SAMPLES / "pushes" / "member_1001.json").read_bytes()
    assert send("POST", url, {**JSON, **api_key(key)}, body).status == 200
    refused = json.dumps({"email_address": UNKNOWN, "points": "plenty"}).encode()
    assert send("POST", url, {**JSON, **api_key(key)}, refused).status == 422
    assert send("POST", url, {**JSON, **api_key("acme." + "0" * 40)}, body).status == 401
    assert send("GET", f"{url}?min_points=1", api_key(key)).status == 200

    def complete() -> dict[str, list[str]] | None:
        found = events(stack)
        refused = '"FILE_NAME_INVALID"' in "".join(found.get("batch_report", []))
        return found if refused and set(found) >= FUNCTIONS else None

    return eventually(complete, f"logs of {', '.join(sorted(FUNCTIONS))}")


def events(stack: DeployedStack) -> dict[str, list[str]]:
    client = stack.aws("logs")
    groups = client.describe_log_groups(logGroupNamePrefix="/pointflow/")["logGroups"]
    found: dict[str, list[str]] = {}
    for name in (group["logGroupName"] for group in groups):
        pages = client.get_paginator("filter_log_events").paginate(logGroupName=name)
        messages = [event["message"] for page in pages for event in page["events"]]
        if messages:
            found[name.rpartition("/")[2]] = messages
    return found


def test_no_log_names_a_person_or_holds_a_row(logs: dict[str, list[str]]) -> None:
    found = [
        (function, text, message)
        for function, messages in logs.items()
        for message in messages
        for text in personal()
        if text in message
    ]

    assert found == []


def lines(logs: dict[str, list[str]], function: str, message: str) -> list[dict[str, Any]]:
    found = [json.loads(text) for text in logs[function] if text.startswith("{")]
    return [line for line in found if line.get("message") == message]


@pytest.mark.parametrize(
    ("function", "message", "fields"),
    [
        ("batch_intake", "upload", {"version", "status", "function_request_id"}),
        ("activity_credit", "chunk", {"version", "handling", "function_request_id"}),
        ("batch_report", "reported", {"version", "client_id", "status", "revision"}),
        ("expiration_push", "push", {"duration_ms", "client_id", "status", "cold_start"}),
        ("credential_authorizer", "unauthorized", {"method", "route"}),
    ],
)
def test_lines_have_the_fields_that_saved_queries_ask_for(
    logs: dict[str, list[str]], function: str, message: str, fields: set[str]
) -> None:
    found = lines(logs, function, message)

    assert found
    assert all({"service", "level", *fields} <= set(line) for line in found)


def test_the_line_about_a_refused_file_says_why(logs: dict[str, list[str]]) -> None:
    refusals = {
        line["refusal"]
        for line in lines(logs, "batch_report", "reported")
        if line["status"] == "REFUSED"
    }

    assert "FILE_NAME_INVALID" in refusals


def test_no_log_holds_a_credential(stack: DeployedStack, logs: dict[str, list[str]]) -> None:
    credentials = json.loads(stack.pointflow("up", "--json").out)["credentials"]
    secrets = {credentials["password"], credentials["api_key"], "acme." + "0" * 40}

    assert [m for messages in logs.values() for m in messages if any(s in m for s in secrets)] == []


@pytest.mark.parametrize("function", ["batch_intake", "activity_credit", "batch_report"])
def test_the_object_version_leads_from_upload_to_report(
    stack: DeployedStack, logs: dict[str, list[str]], function: str
) -> None:
    key = f"outbound/acme/{FILE.removesuffix('.txt')}_result.json"
    version = stack.result(key)["submission"]

    assert [message for message in logs[function] if version in message], logs[function][-3:]
