"""When an activity counts."""

import pytest

from pointflow.domain.activity import Activity


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "moments"),
    [
        (None, None, {99: True, 0: True}),
        (100, None, {99: False, 100: True, 10**12: True}),
        (None, 200, {0: True, 199: True, 200: False}),
        (100, 200, {99: False, 100: True, 199: True, 200: False}),
        (0, 0, {0: False}),
    ],
)
def test_an_activity_counts_from_its_start_until_just_before_its_end(
    starts_at: int | None, ends_at: int | None, moments: dict[int, bool]
) -> None:
    activity = Activity("acme", 7, 50, starts_at=starts_at, ends_at=ends_at)
    assert {moment: activity.active_at(moment) for moment in moments} == moments
