"""Pushes in any order, as often as you like, cut off anywhere: the newest one is shown."""

import json
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.expiration_view import view_of
from pointflow.domain.iso_time import utc_text
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.domain.push import UNDATED_FOR
from pointflow.domain.push_body import MAX_BODY_BYTES
from pointflow.ports.pushes import Delivery
from pointflow.services.accept_push import Receipt, accept_push, take_in
from tests.fakes.faults import Faults, WorkerKilled, every_fault
from tests.fakes.push_store import FakeExpirations, FakeQuarantine
from tests.unit.pushes import ANN, DAY, HOUR, NOW, body, push


class World:
    """An intake with everything behind it."""

    def __init__(self) -> None:
        self.store = FakeExpirations()
        self.quarantine = FakeQuarantine()

    def send(self, raw: bytes, at: int = NOW, **changes: Any) -> Receipt | Problem:
        delivery = Delivery("acme", raw, "application/json", None, at)
        return take_in(replace(delivery, **changes), store=self.store, quarantine=self.quarantine)

    def refusal(self, raw: bytes, **changes: Any) -> ProblemCode:
        problem = self.send(raw, **changes)
        assert isinstance(problem, Problem)
        return problem.code

    @property
    def shown(self) -> str:
        return self.store.views[ANN].body


@pytest.fixture
def world() -> World:
    return World()


def dated(hours_ago: float, points: int = 1) -> bytes:
    """A push whose message date lies so many hours before `NOW`."""
    at = utc_text(NOW - int(hours_ago * HOUR))
    return body({"2022-06-30": points}, message_date=at)


# --- Order --------------------------------------------------------------------------------------


def test_the_first_push_is_stored_and_shown(world: World) -> None:
    assert world.send(dated(1)) is Receipt.STORED
    assert world.shown == dated(1).decode()
    assert len(world.store.archived) == 1


def test_an_older_push_is_archived_as_stale(world: World) -> None:
    world.send(dated(1))

    assert world.send(dated(2), NOW + 5) is Receipt.STALE
    assert world.shown == dated(1).decode()
    assert len(world.store.archived) == 2


def test_the_same_body_again_is_a_duplicate_however_late(world: World) -> None:
    world.send(dated(1))

    assert world.send(dated(1), NOW + 30 * DAY) is Receipt.DUPLICATE
    assert len(world.store.archived) == 1
    assert world.store.views[ANN].version.received_at == NOW


def test_of_equal_message_dates_the_one_first_received_later_is_shown(world: World) -> None:
    assert world.send(dated(1, points=1), NOW) is Receipt.STORED
    assert world.send(dated(1, points=2), NOW + 1) is Receipt.STORED
    assert world.send(dated(1, points=1), NOW + 2) is Receipt.DUPLICATE

    assert world.shown == dated(1, points=2).decode()


def test_the_instant_counts_not_the_text(world: World) -> None:
    later = body({}, message_date="2022-05-25T06:30:00-05:00")
    world.send(later)

    assert world.send(body({}, message_date="2022-05-25T11:29:00Z"), NOW + 5) is Receipt.STALE


def test_an_undated_push_counts_from_its_first_receipt_for_seven_days(world: World) -> None:
    first, second = body({"2022-06-30": 1}), body({"2022-06-30": 2})
    assert world.send(first, NOW) is Receipt.STORED
    assert world.send(second, NOW + 1) is Receipt.STORED

    assert world.send(first, NOW + UNDATED_FOR - 1) is Receipt.DUPLICATE
    assert world.shown == second.decode()
    assert world.send(first, NOW + UNDATED_FOR) is Receipt.STORED
    assert world.shown == first.decode()


def test_a_dated_push_and_an_undated_one_are_put_in_order_by_date_and_receipt(
    world: World,
) -> None:
    world.send(body({}), NOW)

    assert world.send(dated(1), NOW + 5) is Receipt.STALE
    assert world.send(dated(-0.5), NOW + 6) is Receipt.STORED


def test_one_member_never_changes_what_is_shown_of_another(world: World) -> None:
    world.send(dated(1))
    world.send(body({}, user_id=8))
    world.send(body({}, user_id=7), client_id="other")

    assert world.shown == dated(1).decode()
    assert len(world.store.views) == 3


def test_a_view_keeps_the_days_that_were_not_over(world: World) -> None:
    world.send(body({"2022-04-30": 1, "2022-05-24": 2, "2022-05-31": 3}))

    days = [each.day.isoformat() for each in world.store.views[ANN].expirations]
    assert days == ["2022-05-24", "2022-05-31"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_in_any_order_the_newest_message_date_is_shown(world: World, order: list[int]) -> None:
    for position, hours_ago in enumerate(order):
        world.send(dated(hours_ago), NOW + position)

    assert world.shown == dated(0).decode()
    assert len(world.store.archived) == 4


# --- Crashes and repeats ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", list(every_fault(2)), ids=str)
def test_a_crash_anywhere_heals_when_the_push_comes_again(world: World, fault: Any) -> None:
    world.send(dated(2), NOW)
    dying = Faults(*fault)
    with pytest.raises(WorkerKilled):
        accept_push(push(dated(1)), received_at=NOW + 1, store=dying.wrap(world.store))

    again = world.send(dated(1), NOW + DAY)

    assert again is (Receipt.STORED if fault == (0, "before") else Receipt.DUPLICATE)
    assert world.shown == dated(1).decode()
    assert len(world.store.archived) == 2


def test_two_writes_and_no_read(world: World) -> None:
    counting = Faults()
    accept_push(push(dated(1)), received_at=NOW, store=counting.wrap(world.store))

    assert counting.calls == ["archive", "show"]


attempts = st.lists(
    st.tuples(
        st.integers(0, 7),  # which body
        st.sampled_from([None, (0, "before"), (0, "after"), (1, "before"), (1, "after")]),
        st.integers(0, 2 * UNDATED_FOR // 3),  # milliseconds since the attempt before
    ),
    max_size=30,
)
BODIES = [
    *(dated(hours_ago, points) for hours_ago in (0, 1) for points in (1, 2, 3)),
    *(body({"2022-06-30": points}) for points in (1, 2)),
]


@given(attempts, st.permutations(range(8)))
def test_whatever_happens_the_greatest_version_of_the_history_is_shown(
    tried: list[tuple[int, Any, int]], at_last: list[int]
) -> None:
    """Each body is sent until it is answered; before that, anything happens."""
    world, now = World(), NOW
    first_received: dict[int, int] = {}
    for number, fault, pause in [*tried, *((number, None, 1) for number in at_last)]:
        now += pause
        before = len(world.store.archived)
        store = Faults(*fault).wrap(world.store) if fault else world.store
        sent = push(BODIES[number], now)
        try:
            answer = accept_push(sent, received_at=now, store=store)
        except WorkerKilled:
            if fault != (0, "before"):
                first_received.setdefault(number, now)
            continue
        fresh = number not in first_received or (
            sent.instant is None and now - first_received[number] >= UNDATED_FOR
        )
        assert (answer is Receipt.DUPLICATE) == (not fresh)
        assert len(world.store.archived) - before == (number not in first_received)
        if fresh:
            first_received[number] = now

    newest = max(each.version for each in world.store.archived.values())
    assert world.store.views[ANN].version == newest
    assert len(world.store.archived) == len(BODIES)


@given(st.lists(st.integers(0, 3), min_size=8, max_size=8), st.permutations(range(4)))
def test_workers_at_the_same_time_end_in_the_same_view(
    schedule: list[int], order: list[int]
) -> None:
    """Four workers, their writes interleaved in any way."""
    store = FakeExpirations()
    pushes = [push(BODIES[number]) for number in (0, 0, 1, 6)]
    receipts: dict[int, int] = {}
    for worker in [*schedule, *order, *order]:
        if worker not in receipts:
            receipts[worker] = store.archive(pushes[worker], NOW + worker).received_at
        else:
            store.show(view_of(pushes[worker], receipts[worker]))

    newest = max(each.version for each in store.archived.values())
    assert store.views[ANN].version == newest
    assert len(store.archived) == 3


# --- Refusals -----------------------------------------------------------------------------------


def test_a_body_over_64_kb_is_not_looked_at(world: World) -> None:
    assert world.refusal(b"[" * (MAX_BODY_BYTES + 1)) is ProblemCode.BODY_TOO_LARGE
    assert world.refusal(b"[" * MAX_BODY_BYTES) is ProblemCode.BODY_NOT_JSON
    assert len(world.quarantine.kept) == 1


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", "Application/JSON", "application/json;charset=utf-8"),
        *('application/json; charset="UTF-8"', "application/json ; profile=x; CHARSET=utf8;"),
    ],
)
def test_json_in_utf_8_is_taken(world: World, content_type: str) -> None:
    assert world.send(dated(1), content_type=content_type) is Receipt.STORED


@pytest.mark.parametrize(
    "content_type",
    [
        *(None, "", "text/plain", "application/jsonp", "application/problem+json"),
        *("application/json; charset=iso-8859-1", "text/json", "application/json, text/plain"),
        *("multipart/form-data; boundary=application/json", "application/json;charset="),
    ],
)
def test_other_content_types_are_refused(world: World, content_type: str | None) -> None:
    code = world.refusal(dated(1), content_type=content_type)

    assert code is ProblemCode.CONTENT_TYPE_UNSUPPORTED
    assert (world.store.archived, world.quarantine.kept) == ({}, [])


@pytest.mark.parametrize(("encoding", "taken"), [("gzip", False), (" Identity", True), ("", True)])
def test_encoded_bodies_are_refused(world: World, encoding: str, taken: bool) -> None:
    answer = world.send(dated(1), content_encoding=encoding)

    assert isinstance(answer, Receipt) is taken


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"user_id": 7', ProblemCode.BODY_NOT_JSON),
        (b'{"user_id": 7}', ProblemCode.PUSH_INVALID),
    ],
)
def test_a_refused_body_is_kept_as_it_came_and_why(
    world: World, raw: bytes, code: ProblemCode
) -> None:
    problem = world.send(raw)

    (kept,) = world.quarantine.kept
    assert isinstance(problem, Problem)
    assert problem.code is code
    assert (kept.delivery.body, kept.problem) == (raw, problem)
    assert world.store.archived == {}


@given(st.binary(max_size=200), st.text(max_size=30) | st.none(), st.text(max_size=20) | st.none())
def test_any_request_gets_a_documented_answer(
    raw: bytes, content_type: str | None, encoding: str | None
) -> None:
    outcome = World().send(raw, content_type=content_type, content_encoding=encoding)

    assert isinstance(outcome, Receipt) or outcome.status in (400, 413, 415, 422)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_gets_a_documented_answer(value: Any) -> None:
    outcome = World().send(json.dumps(value).encode())

    assert isinstance(outcome, Problem)
    assert outcome.status in (400, 422)
