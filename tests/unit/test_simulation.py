"""The platform in small: its plan, its cadence on a clock of the test's own, and its report."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from pointflow.domain.push import Push
from pointflow.domain.push_body import read_push
from pointflow_cli.http_post import Reply
from pointflow_cli.http_session import NoAnswerError
from pointflow_cli.simulation.api import Endpoint, Outage, WrongView
from pointflow_cli.simulation.plan import Delivery, Plan, SimulatedPush, cleared, deliveries
from pointflow_cli.simulation.platform import Answer, Outcome, Platform
from pointflow_cli.simulation.report import Report, latencies
from tests.unit.pushes import NOW

MINUTE = 60.0


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class AtOnce(Executor):
    """Runs everything where it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def flat(plan: Plan) -> list[Delivery]:
    return [each for made in deliveries(plan, NOW) for each in made]


def pushes_of(plan: Plan) -> list[SimulatedPush]:
    return [made[0].push for made in deliveries(plan, NOW)]


# --- The plan -----------------------------------------------------------------------------------

MIXED = Plan(members=10, pushes=400, rate=10, duplicates=0.2, reorder=0.3, seed=5)


def test_a_plan_is_the_same_from_the_same_seed_and_another_from_another() -> None:
    assert flat(MIXED) == flat(MIXED)
    assert flat(MIXED) != flat(Plan(10, 400, 10, 0.2, 0.3, seed=6))


def test_every_push_is_valid_and_no_member_has_two_at_one_instant() -> None:
    instants: dict[int, list[int]] = defaultdict(list)
    for push in pushes_of(Plan(members=3, pushes=300, rate=5_000)):
        read = read_push(push.body, client_id="acme", received_at=NOW + 3_600_000)
        assert isinstance(read, Push), read
        assert (read.instant, read.member.value) == (push.instant, str(push.user_id))
        instants[push.user_id].append(push.instant)
    assert len(instants) == 3
    for each in instants.values():
        assert each == sorted(set(each))


def test_so_many_pushes_are_sent_twice_and_overtaken_by_the_members_next() -> None:
    planned = flat(MIXED)
    times = Counter(each.push.number for each in planned)
    first: dict[int, float] = {}
    for each in planned:
        first.setdefault(each.push.number, each.due)
    by_member: dict[int, list[SimulatedPush]] = defaultdict(list)
    for push in pushes_of(MIXED):
        by_member[push.user_id].append(push)
    pairs = [pair for row in by_member.values() for pair in pairwise(row)]
    overtaken = [a for a, b in pairs if first[b.number] < first[a.number]]

    assert 40 < sum(number == 2 for number in times.values()) < 120
    assert 60 < len(overtaken) < 180


def test_without_shares_each_push_is_sent_once_when_it_is_made() -> None:
    planned = flat(Plan(members=4, pushes=20, rate=10))

    assert [each.due for each in planned] == [number / 10 for number in range(20)]


def test_a_view_is_emptied_by_a_push_that_is_newer() -> None:
    read = read_push(
        json.dumps(cleared(7, NOW + 1)).encode(), client_id="acme", received_at=NOW + 1
    )

    assert isinstance(read, Push)
    assert (read.instant, read.expirations) == (NOW + 1, ())


# --- The cadence --------------------------------------------------------------------------------


class Line:
    """Answers each try as the test says; notes when each body came."""

    def __init__(self, clock: Clock, answer: Callable[[int, float], int]) -> None:
        self._clock = clock
        self._answer = answer
        self.tries: dict[bytes, list[float]] = defaultdict(list)

    def send(self, body: bytes) -> Answer:
        tries = self.tries[body]
        tries.append(self._clock.now)
        status = self._answer(len(tries), self._clock.now)
        return Answer(status, str(status), 0.25)


def played(plan: Plan, answer: Callable[[int, float], int], speed: float = 1) -> tuple[Line, Any]:
    clock = Clock()
    line = Line(clock, answer)
    platform = Platform(
        line.send,
        AtOnce(),
        at_once=4,
        speed=speed,
        monotonic=clock.monotonic,
        sleep=clock.sleep,
    )
    return line, platform.run(deliveries(plan, NOW), lambda number: number / plan.rate)


def test_what_is_taken_at_once_is_sent_once() -> None:
    line, outcome = played(MIXED, lambda _, __: 200)

    assert outcome.sent == outcome.done == len(flat(MIXED))
    assert outcome.answers == {"200": outcome.sent}
    assert outcome.taken == set(range(400))
    assert (outcome.retries, outcome.given_up, outcome.lost) == (0, [], [])
    assert len(line.tries) == 400


@pytest.mark.parametrize("status", [401, 422, 429, 503])
def test_what_fails_is_tried_five_times_an_hour_for_eight_hours_and_then_given_up(
    status: int,
) -> None:
    line, outcome = played(Plan(members=1, pushes=1, rate=1), lambda _, __: status)

    ((_, tries),) = line.tries.items()
    pauses = [b - a for a, b in pairwise(tries)]
    assert len(tries) == 1 + 40
    assert pauses == pytest.approx([12 * MINUTE] * 40)
    assert tries[-1] == pytest.approx(8 * 60 * MINUTE)
    assert (outcome.retries, len(outcome.given_up), len(outcome.lost)) == (40, 1, 1)
    assert outcome.given_up[0][1] == str(status)


def test_a_compressed_clock_tries_again_sooner() -> None:
    line, _ = played(Plan(1, 1, 1), lambda tries, _: 200 if tries == 3 else 503, speed=720)

    ((_, tries),) = line.tries.items()
    assert tries == pytest.approx([0, 1, 2])


def test_a_push_of_which_one_delivery_was_taken_is_not_lost() -> None:
    twice = Plan(members=1, pushes=1, rate=1, duplicates=1)
    taken: list[bool] = []

    def once(_: int, __: float) -> int:
        taken.append(True)
        return 200 if len(taken) == 1 else 503

    _, outcome = played(twice, once, speed=720)

    assert len(outcome.given_up) == 1
    assert outcome.lost == []


def test_in_an_outage_half_are_cut_off_and_the_answers_to_the_others_are() -> None:
    clock = Clock()
    sent: list[bytes] = []

    def send(body: bytes) -> Answer:
        sent.append(body)
        return Answer(200, "200 stored", 0.1)

    outage = Outage(send, begins=10, seconds=5, monotonic=clock.monotonic)
    told = []
    for clock.now in (9.9, 10, 11, 12, 14.9, 15):
        told.append(outage.push(str(clock.now).encode()).status)

    assert told == [200, None, None, None, None, 200]
    assert sent == [b"9.9", b"11", b"14.9", b"15"]


# --- The report ---------------------------------------------------------------------------------


class Reader:
    """A session that answers a GET with each reply in turn."""

    def __init__(self, *replies: Reply | None) -> None:
        self._replies = list(replies)

    def request(self, *_: Any) -> Reply:
        reply = self._replies.pop(0)
        if reply is None:
            raise NoAnswerError("broken")
        return reply


(PUSH,) = pushes_of(Plan(members=1, pushes=1, rate=1))
SHOWN = Reply(200, PUSH.body)


def compared(*replies: Reply | None) -> WrongView | None:
    endpoint = Endpoint(Reader(*replies))  # type: ignore[arg-type]
    return endpoint.compare(PUSH, sleep=lambda _: None)


def test_a_view_is_right_when_it_is_the_newest_push_and_nothing_else() -> None:
    older = json.dumps({**PUSH.document, "message_date": "2022-05-01T00:00:00Z"}).encode()
    less = json.dumps({**PUSH.document, "inactivity_points_expiration": None}).encode()

    assert compared(SHOWN) is None
    wrong = compared(Reply(200, older))
    assert wrong is not None
    assert wrong.found == "a view of 2022-05-01T00:00:00Z"
    assert compared(Reply(200, less)) is not None
    assert compared(Reply(200, b"<html>")) is not None


def test_a_view_that_is_not_there_is_wrong_and_one_that_cannot_be_read_is_asked_for_again() -> None:
    missing = compared(Reply(404, b'{"code": "NOT_FOUND"}'))

    assert missing is not None
    assert missing.found == "404 NOT_FOUND"
    assert compared(Reply(503, b"{}"), None, Reply(429, b""), SHOWN) is None
    never = compared(*[None] * 5)
    assert never is not None
    assert never.found == "no answer"


def test_latencies_are_told_by_nearest_rank() -> None:
    assert latencies([]) is None
    assert latencies([0.3, 0.1, 0.2]) == {"p50": 200.0, "p90": 300.0, "p99": 300.0, "max": 300.0}
    assert latencies([each / 1000 for each in range(1, 101)]) == {
        "p50": 50.0,
        "p90": 90.0,
        "p99": 99.0,
        "max": 100.0,
    }


def test_a_report_names_what_was_lost_and_what_is_wrong() -> None:
    outcome = Outcome(sent=41, retries=40, given_up=[(PUSH, "503 UNAVAILABLE")])
    outcome.answers["503 UNAVAILABLE"] = 41
    wrong = WrongView(PUSH.user_id, str(PUSH.document["message_date"]), "404 NOT_FOUND")
    report = Report(Plan(members=5, pushes=1, rate=1), outcome, [wrong], 2.0)

    document = report.document()
    lines = "\n".join(report.lines())

    assert not report.is_well
    assert (document["given_up"], document["views_right"]) == (1, 0)
    assert document["lost"] == [
        {"user_id": PUSH.user_id, "message_date": PUSH.document["message_date"]}
    ]
    assert document["views_wrong"][0]["found"] == "404 NOT_FOUND"
    assert document["latency_ms"] is None
    assert "error log: gave up the push" in lines
    assert "final views: 0 of 1 are" in lines
    assert datetime.fromisoformat(document["lost"][0]["message_date"]).tzinfo is not None
