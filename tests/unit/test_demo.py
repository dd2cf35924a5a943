"""What `make run` shows of the push job, and that it tells a wrong answer from a right one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from pointflow.domain.problem import Problem
from pointflow.domain.push import KeyKind, MemberKey, Push
from pointflow.domain.push_body import read_push
from pointflow_cli.demo.api import Answer, Api
from pointflow_cli.demo.checks import Checks
from pointflow_cli.demo.pushes import (
    PushShow,
    expected_upcoming,
    older,
    upcoming_path,
    upcoming_pushes,
)
from pointflow_local.state import project_root

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
RECEIVED_AT = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1000
SAMPLES = project_root() / "samples" / "pushes"


def test_all_as_expected_leaves_no_fault() -> None:
    checks = Checks()
    checks.expect("push", "200 stored", "200 stored")
    assert (checks.made, checks.faults) == (1, [])


def test_another_answer_is_a_fault_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    checks = Checks()
    checks.expect("push", "200 stored", "503 UNAVAILABLE")
    checks.summarise()
    assert checks.faults == ["WRONG: push: expected 200 stored, found 503 UNAVAILABLE"]
    assert capsys.readouterr().out.count(checks.faults[0]) == 2


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"status": "stored"}, "200 stored"),
        ({"status": 422, "code": "PUSH_INVALID"}, "200 PUSH_INVALID"),
        ({"items": []}, "200"),
    ],
)
def test_an_answer_is_told_in_two_words(document: Mapping[str, Any], told: str) -> None:
    assert Answer(200, document).told == told


@pytest.mark.parametrize("now", [NOW, datetime(2026, 12, 31, 23, 59, tzinfo=UTC)])
def test_the_pushes_about_next_month_are_valid_and_hold_what_the_list_must_name(
    now: datetime,
) -> None:
    path = upcoming_path(now)
    first, last = (part.partition("=")[2] for part in path.partition("?")[2].split("&"))
    listed = sorted(
        (str(expiration.day), expiration.points)
        for push in map(valid, upcoming_pushes(now))
        for expiration in push.expirations
        if first <= str(expiration.day) <= last
    )
    assert listed == [(day, points) for day, points, *_ in expected_upcoming(now)]


def test_next_month_follows_december_too() -> None:
    now = datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert upcoming_path(now) == "/v1/points-expirations?from=2027-01-01&to=2027-01-31"


def test_the_sample_names_member_1001_and_an_older_push_is_a_day_older() -> None:
    sample = json.loads((SAMPLES / "member_1001.json").read_bytes())
    now, before = valid(sample), valid(older(sample))
    assert now.member == before.member == MemberKey("acme", KeyKind.USER_ID, "1001")
    assert now.instant is not None
    assert before.instant is not None
    assert now.instant - before.instant == 86_400_000


def test_the_sample_as_printed_names_nobody_and_is_otherwise_the_same() -> None:
    body = (SAMPLES / "as_printed.json").read_bytes()
    refused = read_push(body, client_id="acme", received_at=RECEIVED_AT)
    assert isinstance(refused, Problem)
    assert [fault.path for fault in refused.faults] == [""]
    named = json.loads((SAMPLES / "member_1001.json").read_bytes())
    assert json.loads(body).items() <= named.items()


class ScriptedApi:
    """Answers pushes in turn, and remembers what came with which credential."""

    basic: Mapping[str, str] = {"Authorization": "Basic of acme"}
    api_key: Mapping[str, str] = {"x-api-key": "acme.key"}

    def __init__(self, *answers: Answer) -> None:
        self._answers = iter(answers)
        self.received: list[tuple[bytes, Mapping[str, str]]] = []

    def post(self, _path: str, body: bytes, credential: Mapping[str, str]) -> Answer:
        self.received.append((body, credential))
        return next(self._answers)


def answers_as_expected() -> list[Answer]:
    fault = {"path": "", "message": "names nobody"}
    return [
        Answer(422, {"code": "PUSH_INVALID", "errors": [fault]}),
        *(Answer(200, {"status": status}) for status in ("stored", "duplicate", "stale")),
        Answer(401, {"code": "CREDENTIAL_INVALID", "errors": []}),
        *(Answer(200, {"status": "stored"}) for _ in range(2)),
    ]


def send_to(api: ScriptedApi) -> Checks:
    checks = Checks()
    PushShow(cast("Api", api), checks, NOW).send()
    return checks


def test_the_sample_is_sent_as_it_is_with_basic_and_then_with_the_key(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = ScriptedApi(*answers_as_expected())
    assert send_to(api).faults == []
    sample = (SAMPLES / "member_1001.json").read_bytes()
    assert api.received[1:3] == [(sample, api.basic), (sample, api.api_key)]
    assert "the body names nobody" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", range(7))
def test_each_push_that_is_answered_otherwise_is_a_fault(wrong: int) -> None:
    answers = answers_as_expected()
    answers[wrong] = Answer(503, {"code": "UNAVAILABLE", "errors": []})
    (fault,) = send_to(ScriptedApi(*answers)).faults
    assert "503 UNAVAILABLE" in fault


def valid(document: Mapping[str, Any]) -> Push:
    push = read_push(json.dumps(document).encode(), client_id="acme", received_at=RECEIVED_AT)
    assert isinstance(push, Push), push
    return push
