"""When a file is due, and from when on one must have come."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.expectation import WEEKDAYS, Expectation, parse_expectation


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "minute", "days"),
    [
        ("00:00", 0, "mon,tue,wed,thu,fri,sat,sun"),
        ("06:30 mon-fri", 390, "mon,tue,wed,thu,fri"),
        (" 23:59 SAT,mon ", 1439, "mon,sat"),
        ("06:30 fri-mon", 390, "mon,fri,sat,sun"),
        ("06:30 tue", 390, "tue"),
        ("06:30 mon-wed,sun", 390, "mon,tue,wed,sun"),
    ],
)
def test_a_time_is_read_with_its_days(text: str, minute: int, days: str) -> None:
    weekdays = frozenset(WEEKDAYS.index(day) for day in days.split(","))

    assert parse_expectation(text) == Expectation(minute, weekdays)


@pytest.mark.parametrize(
    "text",
    ["", "6:30", "24:00", "06:60", "06:30mon", "06:30  mon", "06:30 monday", "06:30 mon-",
     "06:30 mon--fri", "06:30 mon-wed-fri", "06:30 mon,", "٠٦:٣٠"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as 06:30"):
        parse_expectation(text)


# 2026-03-02 is a Monday.
@pytest.mark.parametrize(
    ("text", "now", "since"),
    [
        ("06:30", "2026-03-04T06:29", "2026-03-02T06:30"),
        ("06:30", "2026-03-04T06:30", "2026-03-03T06:30"),
        ("06:30 mon-fri", "2026-03-02T06:30", "2026-02-27T06:30"),
        ("06:30 mon-fri", "2026-03-01T12:00", "2026-02-26T06:30"),
        ("06:30 mon", "2026-03-08T23:59", "2026-02-23T06:30"),
    ],
)
def test_a_file_must_have_come_since_the_deadline_before_the_latest(
    text: str, now: str, since: str
) -> None:
    assert parse_expectation(text).waits_since(at(now)) == at(since)


EXPECTATIONS = st.builds(
    Expectation,
    st.integers(0, 1439),
    st.frozensets(st.integers(0, 6), min_size=1),
)


@given(EXPECTATIONS)
def test_what_is_written_is_read_back(expected: Expectation) -> None:
    assert parse_expectation(str(expected)) == expected


@given(EXPECTATIONS, st.integers(at("2020-01-01"), at("2040-01-01")))
def test_exactly_one_deadline_has_passed_since(expected: Expectation, now: int) -> None:
    since = expected.waits_since(now)

    days = [datetime.fromtimestamp(since, UTC) + timedelta(days=i) for i in range(15)]
    passed = [day for day in days if day.weekday() in expected.weekdays and day.timestamp() <= now]
    assert len(passed) == 2
    assert passed[0].timestamp() == since
