"""The events of the API and of the table's stream in events/ are what the functions really get."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from http_api.request import read_request
from pointflow.adapters.stream_records import read_change
from pointflow.domain.authorization import ROUTES, AuthMode, presented_credentials
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.expiration_view import ViewChange
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.domain.push import Push
from pointflow.domain.push_body import read_push

EVENTS = Path(__file__).parents[2] / "events"
RECEIVED_AT = 1_653_517_600_000  # a minute after the message date of the samples


def names(folder: str, pattern: str = "*") -> list[str]:
    return sorted(
        path.relative_to(EVENTS).as_posix() for path in (EVENTS / folder).glob(f"{pattern}.json")
    )


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


def body_of(name: str) -> bytes:
    event = load(name)
    text = event["body"] or ""
    return base64.b64decode(text) if event["isBase64Encoded"] else text.encode()


def read(name: str) -> Push | Problem:
    return read_push(body_of(name), client_id="acme", received_at=RECEIVED_AT)


def code(name: str) -> ProblemCode | None:
    found = read(name)
    return found.code if isinstance(found, Problem) else None


@pytest.mark.parametrize("name", [*names("http_api"), *names("expiration_push")])
def test_every_proxy_event_has_the_shape_that_lambda_hands_over(name: str) -> None:
    event = load(name)

    assert set(event) == {
        "resource", "path", "httpMethod", "headers", "multiValueHeaders",
        "queryStringParameters", "multiValueQueryStringParameters", "pathParameters",
        "stageVariables", "requestContext", "body", "isBase64Encoded",
    }  # fmt: skip
    assert event["multiValueHeaders"] == {n: [v] for n, v in event["headers"].items()}
    assert event["requestContext"]["resourcePath"] == event["resource"]
    assert event["requestContext"]["httpMethod"] == event["httpMethod"]


@pytest.mark.parametrize("name", [*names("http_api"), *names("expiration_push")])
def test_proxy_events_are_of_routes_that_exist_unless_they_say_otherwise(name: str) -> None:
    event = load(name)

    known = (event["httpMethod"], event["resource"]) in ROUTES
    assert known is not name.endswith("poison_unknown_route.json")


def test_a_read_names_client_member_and_parameters() -> None:
    request = read_request(load("http_api/history.json"))

    assert (request.client_id, request.path["user_id"]) == ("acme", "348399")
    assert request.query == {"limit": ["10"]}


def test_a_request_that_passed_no_authorizer_is_no_request() -> None:
    with pytest.raises(MessageInvalidError):
        read_request(load("http_api/poison_no_authorizer.json"))


@pytest.mark.parametrize("name", names("credential_authorizer", "[!p]*"))
def test_authorizer_events_present_a_credential(name: str) -> None:
    event = load(name)

    assert event["type"] == "REQUEST"
    assert presented_credentials(event["multiValueHeaders"], AuthMode.ANY)


@pytest.mark.parametrize("name", names("credential_authorizer"))
def test_the_method_arn_ends_in_method_and_path(name: str) -> None:
    event = load(name)

    if "httpMethod" in event:
        assert event["methodArn"].endswith(f"/live/{event['httpMethod']}{event['path']}")


@pytest.mark.parametrize("name", ["push", "push_base64"])
def test_a_push_event_carries_the_documented_push_with_its_member(name: str) -> None:
    push = read(f"expiration_push/{name}.json")

    assert isinstance(push, Push)
    assert push.member.text == "acme#U#348399"
    assert [each.points for each in push.expirations] == [1000, 3013, 2000, 1000, 200]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("poison_not_json", ProblemCode.BODY_NOT_JSON),
        ("poison_no_body", ProblemCode.BODY_NOT_JSON),
        ("poison_bytes", ProblemCode.BODY_NOT_JSON),
        ("poison_content_type", ProblemCode.BODY_NOT_JSON),
        ("poison_names_nobody", ProblemCode.PUSH_INVALID),
        ("poison_faults_everywhere", ProblemCode.PUSH_INVALID),
    ],
)
def test_a_poison_push_is_refused(name: str, expected: ProblemCode) -> None:
    assert code(f"expiration_push/{name}.json") is expected


def changes(name: str) -> list[ViewChange | None]:
    return [read_change(record) for record in load(f"expiration_projection/{name}")["Records"]]


@pytest.mark.parametrize("name", names("expiration_projection"))
def test_every_stream_event_has_the_shape_that_lambda_hands_over(name: str) -> None:
    records = load(name)["Records"]

    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in records]
    assert numbers == sorted(set(numbers))
    for record in records:
        assert record["eventSource"] == "aws:dynamodb"
        assert record["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        images = {"OldImage", "NewImage"} & set(record["dynamodb"])
        expected = {"INSERT": {"NewImage"}, "REMOVE": {"OldImage"}}
        if not name.endswith("keys_only.json"):
            assert images == expected.get(record["eventName"], {"OldImage", "NewImage"})


def test_stream_events_tell_of_views_and_of_nothing_else() -> None:
    history, first = changes("first_view.json")
    (changed,) = changes("changed_view.json")
    (removed,) = changes("removed_view.json")

    assert history is None
    assert first is not None
    assert changed is not None
    assert removed is not None
    assert (first.old, changed.old) == (None, first.new)
    assert (removed.old, removed.new) == (changed.new, None)
    assert changes("expired_index_entry.json") == [None]


@pytest.mark.parametrize("name", ["poison.json", "poison_keys_only.json"])
def test_a_poison_record_is_no_change(name: str) -> None:
    with pytest.raises(MessageInvalidError):
        changes(name)


def test_the_mixed_stream_event_has_a_poison_record_between_good_ones() -> None:
    good, poison, last = load("expiration_projection/mixed.json")["Records"]

    assert read_change(good)
    assert read_change(last)
    with pytest.raises(MessageInvalidError):
        read_change(poison)
