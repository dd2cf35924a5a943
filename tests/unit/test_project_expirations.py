"""Changes of views, late, twice and in any order: the month index ends the same."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.expiration_view import ExpirationView, ViewChange
from pointflow.services.project_expirations import project_expirations
from tests.fakes.faults import Faults, WorkerKilled, every_fault
from tests.fakes.push_store import FakeExpirations
from tests.unit.pushes import NOW, view

FIRST = view({"2022-05-31": 1, "2022-06-30": 2}, NOW)
SECOND = view({"2022-06-30": 5, "2022-07-31": 3}, NOW + 1)


def listed(index: FakeExpirations) -> dict[str, int]:
    found = index.entries("acme", date(2022, 1, 1), date(2023, 1, 1))
    return {
        each.expiration.day.isoformat(): each.expiration.points
        for each in found
        if each.expiration.points
    }


def points_of(shown: ExpirationView | None) -> dict[str, int]:
    return {each.day.isoformat(): each.points for each in shown.expirations} if shown else {}


def chain(views: Sequence[ExpirationView]) -> list[ViewChange]:
    return [ViewChange(old, new) for old, new in zip([None, *views], views, strict=False)]


def test_a_change_writes_each_day_once() -> None:
    index = FakeExpirations()

    assert project_expirations(ViewChange(None, FIRST), at=NOW, index=index) == 2
    assert project_expirations(ViewChange(None, FIRST), at=NOW, index=index) == 0
    assert listed(index) == points_of(FIRST)


def test_days_that_a_newer_view_no_longer_names_are_gone() -> None:
    index = FakeExpirations()
    for change in chain([FIRST, SECOND]):
        project_expirations(change, at=NOW, index=index)

    assert listed(index) == points_of(SECOND)


def test_a_late_change_brings_nothing_back() -> None:
    index = FakeExpirations()
    for change in reversed(chain([FIRST, SECOND])):
        project_expirations(change, at=NOW, index=index)

    assert listed(index) == points_of(SECOND)


def test_a_view_that_goes_takes_its_days_along() -> None:
    index = FakeExpirations()
    for change in (ViewChange(None, FIRST), ViewChange(FIRST, None), ViewChange(None, FIRST)):
        project_expirations(change, at=NOW, index=index)

    assert listed(index) == {}


@pytest.mark.parametrize("fault", list(every_fault(3)), ids=str)
def test_a_crash_anywhere_heals_when_the_change_comes_again(fault: Any) -> None:
    index = FakeExpirations()
    first, second = chain([FIRST, SECOND])
    project_expirations(first, at=NOW, index=index)
    with pytest.raises(WorkerKilled):
        project_expirations(second, at=NOW, index=Faults(*fault).wrap(index))

    project_expirations(second, at=NOW, index=index)

    assert listed(index) == points_of(SECOND)


days = st.sampled_from(["2022-05-31", "2022-06-30", "2022-07-31", "2022-08-31"])
histories = st.lists(st.dictionaries(days, st.integers(1, 3)), min_size=1, max_size=6)


@given(histories, st.data())
def test_in_any_order_and_any_number_the_changes_end_in_the_same_index(
    history: list[dict[str, int]], data: st.DataObject
) -> None:
    views = [view(points, NOW + number) for number, points in enumerate(history)]
    changes = chain(views)
    order = data.draw(st.permutations(range(len(changes))))
    repeats = data.draw(st.lists(st.sampled_from(range(len(changes))), max_size=8))
    index = FakeExpirations()

    for number in [*repeats[::2], *order, *repeats[1::2]]:
        project_expirations(changes[number], at=NOW, index=index)

    assert listed(index) == points_of(views[-1])
