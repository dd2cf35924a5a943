"""Whatever is posted is answered with 200, 400, 413, 415 or 422, soon, and reads back if taken."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from functools import partial
from typing import Any, NoReturn, cast

import pytest
from hypothesis import given, settings

from expiration_push import app as push_app
from http_api import app as read_app
from pointflow.adapters.expiration_items import history_item, push_of_item, view_item, view_of_item
from pointflow.adapters.expiration_requests import update_entry
from pointflow.adapters.s3_quarantine import decode_refused, encode_refused
from pointflow.bootstrap import pushes as wiring
from pointflow.bootstrap.reading import Reading
from pointflow.domain.expiration_view import ViewChange, document_of, index_entries
from pointflow.domain.problem import Problem
from pointflow.domain.push import KeyKind, Push
from pointflow.domain.push_body import MAX_BODY_BYTES, read_push
from pointflow.observability import logger, metrics
from pointflow.services.accept_push import take_in
from tests.fakes.history import FakeHistory
from tests.fakes.member_directory import FakeMembers
from tests.fakes.push_store import FakeExpirations, FakeQuarantine
from tests.fuzz.hostile_pushes import CANARY, Sent, requests
from tests.unit.pushes import NOW
from tests.unit.test_activity_credit_app import Context

ANSWERS = {200, 400, 413, 415, 422}
SECONDS = 2.0  # of processor time; a body of 64 KB takes some milliseconds
ITEM_BYTES = 400 * 1024
ANSWER_BYTES = 6 * 1024 * 1024


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions log."""
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def no_batches() -> NoReturn:
    raise AssertionError("a push has nothing to do with batches")


class World:
    """Both functions, their stores in memory, empty."""

    def __init__(self) -> None:
        self.store = FakeExpirations()
        self.quarantine = FakeQuarantine()
        self._take_in: wiring.TakeIn = partial(
            take_in, store=self.store, quarantine=self.quarantine
        )
        self._reading = Reading(
            views=self.store,
            members=FakeMembers([]),
            index=self.store,
            history=FakeHistory([]),
            now=lambda: NOW,
            batches=no_batches,
        )

    def post(self, sent: Sent) -> tuple[int, Any]:
        named = {"content-type": sent.content_type, "Content-Encoding": sent.content_encoding}
        event = {
            "headers": {name: value for name, value in named.items() if value is not None},
            "requestContext": {"authorizer": {"client_id": "acme", "scopes": "push read"}},
            "body": sent.body,
            "isBase64Encoded": sent.is_base64,
        }
        begun = time.process_time()
        answer = push_app.lambda_handler(event, Context(), self._take_in)
        assert time.process_time() - begun < SECONDS
        return answer["statusCode"], json.loads(answer["body"])

    def read(self, user_id: str, more: str = "") -> dict[str, Any]:
        return read_app.lambda_handler(
            {
                "httpMethod": "GET",
                "resource": "/v1/members/{user_id}/points-expiration" + more,
                "pathParameters": {"user_id": user_id},
                "requestContext": {"authorizer": {"client_id": "acme", "scopes": "read"}},
            },
            Context(),  # type: ignore[arg-type]
            self._reading,
        )


@settings(max_examples=1_500, derandomize=True, deadline=None)
@given(requests())
def test_any_request_gets_one_of_five_answers_and_what_is_taken_reads_back(sent: Sent) -> None:
    check(sent)


def check(sent: Sent) -> int:
    """Post a request to an empty world, and see that all is as it must be; answers the status."""
    world = World()
    log = io.StringIO()
    cast("logging.StreamHandler[io.StringIO]", logger.registered_handler).setStream(log)

    status, document = world.post(sent)

    assert status in ANSWERS
    if status == 200:
        assert document == {"status": "stored"}
        _is_whole(world)
    else:
        assert set(document) == {"type", "title", "status", "detail", "code", "errors"}
        assert document["status"] == status
        assert not world.store.archived
        _waits_in_quarantine(world, expected=status in {400, 422})
    assert CANARY not in log.getvalue()
    return status


def _is_whole(world: World) -> None:
    """The push is stored, can be stored in DynamoDB, and is read back by everybody."""
    (shown,), (kept,) = world.store.views.values(), world.store.archived.values()
    assert kept.version == shown.version
    push = read_push(shown.body.encode(), client_id="acme", received_at=NOW)
    assert isinstance(push, Push)
    for item in (view_item(shown), history_item(push, NOW, 400)):
        assert len(json.dumps(item, default=lambda packed: packed.hex())) < ITEM_BYTES
        assert len(item["pk"]["S"].encode()) <= 2_048
    assert view_of_item(view_item(shown)) == shown
    assert push_of_item(history_item(push, NOW, 400)).body == shown.body
    for entry in index_entries(ViewChange(None, shown), NOW):
        assert len(update_entry("t", entry)["Key"]["sk"]["S"].encode()) <= 1_024
    if shown.member.kind is KeyKind.USER_ID:
        for more in ("", "/history"):
            answer = world.read(shown.member.value, more)
            assert answer["statusCode"] == 200
            assert len(json.dumps(answer, ensure_ascii=False).encode()) < ANSWER_BYTES
    told = document_of(shown.body)
    assert document_of(json.dumps(told)) == told


def _waits_in_quarantine(world: World, *, expected: bool) -> None:
    assert len(world.quarantine.kept) == expected
    for refused in world.quarantine.kept:
        assert decode_refused(encode_refused(refused)) == refused
        again = read_push(refused.delivery.body, client_id="acme", received_at=NOW)
        assert isinstance(again, Problem)
        assert again.code is refused.problem.code


PUSH = '{"user_id": 7, "inactivity_points_expiration": [], "x": %s}'
DAY = '{"expiration_date":"2022-05-31","points_expiring":1}'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * MAX_BODY_BYTES, 400),
        ('{"a":' * 13_000, 400),
        ("[" * 100_000 + "]" * 100_000, 413),
        ("[" * 30_000 + "]" * 30_000, 400),
        (PUSH % ("[" * 31 + "]" * 31), 200),
        (PUSH % ("[" * 32 + "]" * 32), 400),
        (PUSH % f"[{'0,' * 100_000}0]", 413),
        (PUSH % f"[{'0,' * 32_000}0]", 200),
        (f'{{"user_id":7,"inactivity_points_expiration":[{"0," * 32_000}0]}}', 422),
        (f'{{"user_id":7,"inactivity_points_expiration":[{(DAY + ",") * 1_200}{DAY}]}}', 200),
        (PUSH % ("9" * 60_000), 400),
        (PUSH % ("-" + "9" * 300), 200),
        (PUSH % ("0." + "1" * 60_000), 200),
        (PUSH % ("1e" + "9" * 60_000), 400),
        (PUSH % ("1" * 400 + ".5"), 400),
        (PUSH % f"[{'1e300,' * 10_000}0]", 200),
        (PUSH % ('"' + "\\u0001" * 10_000 + '"'), 200),
        (PUSH % ('"' + "\\ud83d\\ude00" * 5_000 + '"'), 200),
        (PUSH % ('"' + "\\ud83d" * 10_000 + '"'), 400),
        (PUSH % ("{" + ",".join(f'"{n}":{n}' for n in range(5_000)) + "}"), 200),
        (PUSH % ("{" + '"a":1,' * 9_000 + '"a":1}'), 400),
        (PUSH.replace('"x"', '"user_id"') % "8", 400),
        (PUSH % "NaN", 400),
        (PUSH.replace("7", "true") % "1", 422),
        (PUSH.replace("7", "7.0") % "1", 422),
        (f'{{"user_id":7,"message_date":"2022-05-25T10:00:00.{"1" * 60_000}Z"}}', 422),
        (f'{{"third_party_id":{"1" * 300},"inactivity_points_expiration":[]}}', 422),
        (" " * MAX_BODY_BYTES, 400),
        ("\ufeff" + PUSH % "1", 200),
        ("\ufeff\ufeff" + PUSH % "1", 400),
    ],
)
@pytest.mark.parametrize("is_base64", [False, True])
def test_what_is_meant_to_take_for_ever_or_to_break_something_does_not(
    body: str, status: int, is_base64: bool
) -> None:
    world = World()
    flagged = base64.b64encode(body.encode()).decode() if is_base64 else body

    told, _ = world.post(Sent(body.encode(), flagged, is_base64, "application/json"))

    assert told == status
    if status == 200:
        _is_whole(world)
