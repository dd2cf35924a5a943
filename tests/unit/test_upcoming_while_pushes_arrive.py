"""A list of upcoming expirations, paged through while pushes move points to and fro beneath it."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointflow.domain.expiration_view import ExpirationView, IndexEntry, ViewChange, index_entries
from pointflow.domain.push import KeyKind, MemberKey
from pointflow.services.read_expirations import MAX_LOOKED_UP, Page, read_upcoming
from tests.fakes.push_store import FakeExpirations
from tests.unit.pushes import DAY, NOW, view

FIRST, LAST = date(2022, 5, 26), date(2022, 7, 31)
DAYS = ("2022-05-31", "2022-06-15", "2022-06-30", "2022-07-15", "2022-07-31")
MINUTE = 60_000

type Points = Mapping[str, int]


class World:
    """Views, and a month index that is told of them an entry at a time, as late as it may be.

    Between any two entries that the list reads, as many of the waiting steps are done as the
    schedule says: the next push is shown, or the index is told the next entry.
    """

    def __init__(self, schedule: Iterator[tuple[bool, bool]]) -> None:
        self.store = FakeExpirations()
        self.shown: dict[int, list[Points]] = {}
        self.pushes: deque[tuple[int, Points]] = deque()
        self._entries: deque[IndexEntry] = deque()
        self._schedule = schedule
        self.clock = NOW
        self.meanwhile: Callable[[], None] = self._by_schedule

    def push(self, user_id: int, points: Points) -> None:
        self.clock += 1
        new = view(points, self.clock, MemberKey("acme", KeyKind.USER_ID, str(user_id)))
        self.store.show(new)
        self.shown.setdefault(user_id, []).append(points)
        self._entries.extend(index_entries(self.store.changes[-1], self.clock))

    def tell(self) -> None:
        while self._entries:
            self.store.record(self._entries.popleft())

    def _by_schedule(self) -> None:
        for pushes_next, ends in self._schedule:
            if pushes_next and self.pushes:
                self.push(*self.pushes.popleft())
            elif self._entries:
                self.store.record(self._entries.popleft())
            if ends:
                return

    def entries(self, *arguments: Any) -> Iterator[IndexEntry]:
        for entry in self.store.entries(*arguments):
            yield entry
            self.meanwhile()

    def record(self, entry: IndexEntry) -> bool:
        return self.store.record(entry)


def listed(world: World, begun: int, **asked: Any) -> list[IndexEntry]:
    """Every page of the list, the clock going on between them."""
    found: list[IndexEntry] = []
    cursor: str | None = None
    now = begun
    while True:
        page: Page[IndexEntry] = read_upcoming(
            "acme",
            FIRST,
            LAST,
            cursor=cursor,
            now=now,
            index=world,
            views=world.store,
            **asked,
        )
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found
        now += DAY
        world.meanwhile()


ENOUGH = 5
views = st.dictionaries(st.sampled_from(DAYS), st.integers(1, 3), max_size=3)
members = st.integers(1, 4)


@pytest.mark.parametrize("seeds", [range(start, start + 250) for start in range(0, 1_000, 250)])
def test_what_moves_may_be_listed_twice_and_is_never_missed(seeds: range) -> None:
    for seed in seeds:
        rng = random.Random(seed)  # noqa: S311 - the same moves every time
        world = World((rng.random() < 0.4, rng.random() < 0.3) for _ in range(200))
        for user_id in range(1, 4):
            world.push(user_id, moving(rng))
        world.tell()
        # Whoever writes the index may have a clock that is a little behind.
        begun = world.clock + MINUTE // 2
        world.pushes.extend((rng.randint(1, 3), moving(rng)) for _ in range(rng.randint(1, 12)))

        items = listed(world, begun, limit=rng.randint(1, 3), min_points=ENOUGH)

        told = {(int(each.member.value), each.expiration.day.isoformat()) for each in items}
        for user_id, history in world.shown.items():
            assert user_id in {each for each, _ in told}, seed
            for day in DAYS:
                if all(points.get(day, 0) >= ENOUGH for points in history):
                    assert (user_id, day) in told, seed
        for each in items:
            points = each.expiration.points
            day = each.expiration.day.isoformat()
            assert points >= ENOUGH
            assert points in {shown.get(day) for shown in world.shown[int(each.member.value)]}


def moving(rng: random.Random) -> Points:
    """A view with enough points on one day, and now and then too few on another."""
    enough, other = rng.sample(DAYS, k=2)
    return {enough: ENOUGH + rng.randint(0, 1), **({other: 1} if rng.random() < 0.5 else {})}


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.dictionaries(members, views, max_size=4), st.integers(1, 3))
def test_while_nothing_moves_nothing_is_listed_twice(
    standing: Mapping[int, Points], limit: int
) -> None:
    world = World(iter(()))
    for user_id, points in standing.items():
        world.push(user_id, points)
    world.tell()

    items = listed(world, world.clock + 2 * MINUTE, limit=limit)

    positions = [each.position for each in items]
    assert positions == sorted(set(positions))
    assert len(positions) == sum(map(len, standing.values()))


def moved(lowered: Points, raised: Points, **asked: Any) -> list[tuple[str, int]]:
    """What is listed of a member whose points move just before its last day is read."""
    world = World(iter(()))
    world.push(1, {"2022-05-31": 9})
    world.push(2, lowered)
    world.tell()
    steps: deque[Callable[[], object]] = deque([lambda: world.push(2, raised), world.tell])

    def meanwhile() -> None:
        while steps:
            steps.popleft()()

    world.meanwhile = meanwhile  # from the first entry of the list on
    items = listed(world, world.clock, **{"limit": 9, "min_points": 1, **asked})
    return [
        (each.expiration.day.isoformat(), each.expiration.points)
        for each in items
        if each.member.value == "2"
    ]


def test_points_that_move_in_part_are_listed_on_both_days() -> None:
    assert moved({"2022-06-30": 20}, {"2022-05-30": 15, "2022-06-30": 5}) == [
        ("2022-05-30", 15),
        ("2022-06-30", 5),
    ]


def test_whoever_has_too_little_left_on_a_day_is_listed_where_the_points_went() -> None:
    assert moved({"2022-06-30": 20}, {"2022-05-30": 17, "2022-06-30": 3}, min_points=10) == [
        ("2022-05-30", 17)
    ]


def test_points_that_move_ahead_are_listed_once() -> None:
    assert moved({"2022-06-30": 20}, {"2022-07-15": 20}) == [("2022-07-15", 20)]


def test_a_page_looks_up_so_many_members_and_goes_on_from_there() -> None:
    world = World(iter(()))
    for user_id in range(1, MAX_LOOKED_UP + 51):
        world.push(user_id, {"2022-06-30": 1})
        world.push(user_id, {})
    world.push(999, {"2022-07-31": 5})
    world.tell()
    asked: dict[str, Any] = {"limit": 10, "index": world, "views": Counting(world.store)}

    first = read_upcoming("acme", FIRST, LAST, cursor=None, now=world.clock, **asked)
    rest = read_upcoming("acme", FIRST, LAST, cursor=first.next_cursor, now=world.clock, **asked)

    assert (first.items, rest.next_cursor) == ([], None)
    assert [each.expiration.points for each in rest.items] == [5]
    assert asked["views"].looked_up == MAX_LOOKED_UP + 50


class Counting:
    """Counts the views that are looked up."""

    def __init__(self, store: FakeExpirations) -> None:
        self._store = store
        self.looked_up = 0

    def current(self, member: MemberKey) -> ExpirationView | None:
        self.looked_up += 1
        return self._store.current(member)

    def history(self, *arguments: Any) -> Any:
        return self._store.history(*arguments)


def test_a_change_is_told_with_what_gains_first_and_what_loses_last() -> None:
    old = view({"2022-05-31": 5, "2022-06-15": 5, "2022-06-30": 5}, NOW)
    new = view({"2022-05-31": 2, "2022-06-15": 5, "2022-07-31": 8}, NOW + 1)

    told = [
        (each.expiration.day.isoformat(), each.expiration.points, each.lowered_at)
        for each in index_entries(ViewChange(old, new), NOW + 7)
    ]

    assert told == [
        ("2022-07-31", 8, 0),
        ("2022-06-15", 5, 0),
        ("2022-05-31", 2, NOW + 7),
        ("2022-06-30", 0, NOW + 7),
    ]
