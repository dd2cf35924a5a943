"""The function behind POST /v1/points-expirations: proxy events in, answers and metrics out."""

import base64
import io
import json
from collections.abc import Mapping
from functools import partial
from itertools import count
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from expiration_push import app
from pointflow.bootstrap import projections, pushes
from pointflow.domain.errors import ContentionError
from pointflow.observability import logger, metrics
from pointflow.ports.pushes import Delivery
from pointflow.services.accept_push import take_in
from tests.fakes.push_store import FakeExpirations, FakeQuarantine
from tests.unit.pushes import NOW, body
from tests.unit.test_activity_credit_app import Context

CREDENTIAL = {"client_id": "acme", "credential_id": "c1", "scopes": "push read"}


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    # Two requests of one millisecond with one body count as one: time goes on between them.
    monkeypatch.setattr(pushes, "now", partial(next, count(NOW)))


class World:
    """The function with its stores in memory."""

    def __init__(self) -> None:
        self.store = FakeExpirations()
        self.quarantine = FakeQuarantine()
        self.take_in: pushes.TakeIn = partial(take_in, store=self.store, quarantine=self.quarantine)

    def post(
        self,
        sent: bytes | str | None,
        *,
        headers: Mapping[str, str] | None = None,
        authorizer: Any = CREDENTIAL,
        encoded: bool = False,
    ) -> dict[str, Any]:
        event = {
            "resource": "/v1/points-expirations",
            "httpMethod": "POST",
            "headers": {"content-type": "application/json"} if headers is None else headers,
            "requestContext": {"authorizer": authorizer},
            "body": sent.decode() if isinstance(sent, bytes) else sent,
            "isBase64Encoded": encoded,
        }
        answer: dict[str, Any] = app.lambda_handler(
            event, cast("LambdaContext", Context()), self.take_in
        )
        return answer


@pytest.fixture
def world() -> World:
    return World()


def document(answer: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer["body"])
    return told


def test_a_push_is_answered_with_what_became_of_it(world: World) -> None:
    newer = body({"2022-05-31": 5}, message_date="2022-05-25T12:00:00Z")
    older = body({"2022-05-31": 5}, message_date="2022-05-25T11:00:00Z")

    answers = [world.post(sent) for sent in (newer, older, newer)]

    assert [answer["statusCode"] for answer in answers] == [200, 200, 200]
    assert [document(answer) for answer in answers] == [
        {"status": "stored"},
        {"status": "stale"},
        {"status": "duplicate"},
    ]
    assert answers[0]["headers"]["Content-Type"] == "application/json"


def test_a_base64_flagged_body_is_decoded(world: World) -> None:
    answer = world.post(base64.b64encode(body({})), encoded=True)

    assert document(answer) == {"status": "stored"}
    assert document(world.post(body({}))) == {"status": "duplicate"}


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_header_names_are_read_in_any_case(world: World, name: str) -> None:
    assert world.post(body({}), headers={name: "application/json"})["statusCode"] == 200


def problem(answer: dict[str, Any]) -> tuple[int, str]:
    told = document(answer)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert set(told) == {"type", "title", "status", "detail", "code", "errors"}
    assert told["status"] == answer["statusCode"]
    return told["status"], told["code"]


def test_problems_have_one_shape(world: World) -> None:
    assert problem(world.post("{")) == (400, "BODY_NOT_JSON")
    assert problem(world.post(None)) == (400, "BODY_NOT_JSON")
    assert problem(world.post("not base64", encoded=True)) == (400, "BODY_NOT_JSON")
    assert problem(world.post("\ud800")) == (400, "BODY_NOT_JSON")
    assert problem(world.post(body({}), authorizer={**CREDENTIAL, "scopes": "read"})) == (
        403,
        "SCOPE_MISSING",
    )
    assert problem(world.post("[" * 65_537)) == (413, "BODY_TOO_LARGE")
    assert problem(world.post(body({}), headers={})) == (415, "CONTENT_TYPE_UNSUPPORTED")
    assert problem(world.post(b'{"user_id": 7}')) == (422, "PUSH_INVALID")


def test_every_fault_is_told_with_its_path(world: World) -> None:
    told = document(world.post(b'{"user_id": 0, "inactivity_points_expiration": [{}]}'))

    assert [error["path"] for error in told["errors"]] == [
        "/user_id",
        "/inactivity_points_expiration/0/expiration_date",
        "/inactivity_points_expiration/0/points_expiring",
    ]


def failing(error: Exception) -> pushes.TakeIn:
    def fail(_delivery: Delivery) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [
        ContentionError("busy"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "ann"}}, "PutItem"),
        KeyError("ann@example.com"),
    ],
)
def test_our_own_failure_asks_the_sender_to_try_again(world: World, error: Exception) -> None:
    world.take_in = failing(error)
    answer = world.post(body({}))

    assert problem(answer) == (503, "UNAVAILABLE")
    assert int(answer["headers"]["Retry-After"]) > 0


@pytest.mark.parametrize("authorizer", [None, {}, {"principalId": "user"}])
def test_a_request_that_nobody_authorized_is_our_own_failure(world: World, authorizer: Any) -> None:
    assert problem(world.post(body({}), authorizer=authorizer)) == (503, "UNAVAILABLE")
    assert world.store.archived == {}


def test_metrics_count_answers_and_name_no_member(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    dated = partial(body, {"2022-05-31": 5})
    for sent in (
        *(dated("2022-05-25T12:00:00Z"), dated("2022-05-25T11:00:00Z")),
        *(dated("2022-05-25T12:00:00Z"), b"{}"),
    ):
        world.post(sent)
    world.take_in = failing(ContentionError("busy"))
    world.post(b"{}")

    blobs = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counted = [
        metric["Name"]
        for blob in blobs
        for metric in blob["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    ]
    assert counted == [
        *("PushesStored", "PushesStale", "PushesDuplicate", "PushesRefused", "PushesFailed"),
    ]
    for blob in blobs:
        (dimensions,) = blob["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
        assert set(dimensions) <= {"service"}


def test_logs_hold_nothing_of_the_body(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)

    world.post(body({}, user_id=None, email_address="ann@example.com"))
    world.post(body({}, user_id="ann@example.com"))
    world.post(b'{"ann@example.com": 1, "ann@example.com": 2}')
    world.take_in = failing(KeyError("ann@example.com"))
    world.post(body({}))

    assert stream.getvalue().count('"duration_ms":') == 4
    assert '"client_id":"acme"' in stream.getvalue()
    assert '"/user_id"' in stream.getvalue()
    assert "KeyError" in stream.getvalue()
    assert "ann@example.com" not in stream.getvalue()


@given(
    st.text(max_size=100) | st.none(),
    st.dictionaries(st.sampled_from(["Content-Type", "content-encoding", "x"]), st.text())
    | st.none(),
    st.booleans(),
)
def test_any_request_gets_a_documented_answer(
    sent: str | None, headers: dict[str, str] | None, encoded: bool
) -> None:
    answer = World().post(sent, headers=headers or {}, encoded=encoded)

    assert answer["statusCode"] in (200, 400, 413, 415, 422)
    answer["body"].encode("ascii")


def test_the_wiring_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPIRATIONS_TABLE", "views")
    monkeypatch.setenv("BUCKET", "bucket")
    monkeypatch.setenv("PUSH_HISTORY_DAYS", "30")
    monkeypatch.setattr(pushes, "client", lambda _service: object())
    monkeypatch.setattr(pushes, "wire", lambda client, _settings: client)
    monkeypatch.setattr(projections, "client", lambda _service: object())
    wirings = (
        *(pushes.push_config, pushes.expirations, pushes.intake),
        *(projections.projection, projections.announcement),
    )
    for wiring in wirings:
        wiring.cache_clear()
    try:
        assert pushes.push_config() == pushes.PushConfig("views", "bucket", 30)
        assert callable(pushes.intake())
        assert callable(projections.projection())
        assert callable(projections.announcement())
    finally:
        for wiring in wirings:
            wiring.cache_clear()
