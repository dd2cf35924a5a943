"""ISO-8601 times as other systems write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.iso_time import Moment, parse_moment, utc_date, utc_text


def milliseconds(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "instant", "written", "in_utc"),
    [
        ("2022-05-31T00:00:00.000Z", milliseconds(2022, 5, 31), "2022-05-31", "2022-05-31"),
        ("2022-05-31t00:00:00z", milliseconds(2022, 5, 31), "2022-05-31", "2022-05-31"),
        ("2022-05-31T00:00:00", milliseconds(2022, 5, 31), "2022-05-31", "2022-05-31"),
        ("2022-05-31 00:00", milliseconds(2022, 5, 31), "2022-05-31", "2022-05-31"),
        ("2022-05-31", milliseconds(2022, 5, 31), "2022-05-31", "2022-05-31"),
        ("2022-05-31T23:00:00-04:00", milliseconds(2022, 6, 1, 3), "2022-05-31", "2022-06-01"),
        ("2022-06-01T01:00+0530", milliseconds(2022, 5, 31, 19, 30), "2022-06-01", "2022-05-31"),
        ("2022-06-01T01:00:00+14", milliseconds(2022, 5, 31, 11), "2022-06-01", "2022-05-31"),
        ("2022-06-01T00:00:00-00:00", milliseconds(2022, 6, 1), "2022-06-01", "2022-06-01"),
        ("2022-05-31T24:00:00Z", milliseconds(2022, 6, 1), "2022-05-31", "2022-06-01"),
        ("2016-12-31T23:59:60Z", milliseconds(2017, 1, 1), "2016-12-31", "2017-01-01"),
        ("2016-12-31T18:59:60-05:00", milliseconds(2017, 1, 1), "2016-12-31", "2017-01-01"),
        ("1969-12-31T23:59:59.5Z", -500, "1969-12-31", "1969-12-31"),
        ("0001-01-01T00:00:00Z", milliseconds(1, 1, 1), "0001-01-01", "0001-01-01"),
    ],
)
def test_a_time_is_an_instant_and_the_date_that_is_written_there(
    text: str, instant: int, written: str, in_utc: str
) -> None:
    moment = parse_moment(text)

    assert moment.instant == instant
    assert (moment.written.isoformat(), moment.utc_date.isoformat()) == (written, in_utc)


@pytest.mark.parametrize(
    ("fraction", "milliseconds"),
    [(".5", 500), (",25", 250), (".043", 43), (".9999999999", 999), ("." + "1" * 5_000, 111)],
)
def test_fractions_of_any_length_are_cut_to_milliseconds(fraction: str, milliseconds: int) -> None:
    assert parse_moment(f"1970-01-01T00:00:01{fraction}Z").instant == 1_000 + milliseconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "now", "20220531", "2022-5-31", "2022-151", "2022-W22-2", "31.05.2022"),
        *("2022-05-31T", "2022-05-31T00", "2022-05-31T0000", "2022-05-31T00:00:00.Z"),
        *("2022-05-31T00:00:00 Z", "2022-05-31T00:00:00ZZ", "2022-05-31T00:00:00+1"),
        *(" 2022-05-31", "2022-05-31\n", "2022-05-31T00:00:00+01:00[Europe/Paris]"),
        *("٢٠٢٢-05-31", "2022-05-31T00:00:00\u221204:00", "+02022-05-31", "1653955200000"),
        *("2022-02-30", "2022-13-01", "0000-01-01", "2022-05-31T25:00:00Z"),
        *("2022-05-31T24:00:01Z", "2022-05-31T24:00:00.0001Z", "2022-05-31T00:60:00Z"),
        *("2022-05-31T00:00:61Z", "2022-05-31T12:00:60Z", "2022-05-31T23:59:60-04:00"),
        *("2022-05-31T00:00:00+24:00", "2022-05-31T00:00:00+01:60"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:00:00-04:00", "9999-12-31T24:00:00Z"),
    ],
)
def test_what_is_no_time_is_refused_with_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(must be|names|lies|has) [a-z]"):
        parse_moment(text)


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_it_reads_what_python_writes(naive: datetime, offset: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))

    moment = parse_moment(at.isoformat())

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert moment.instant == (at - epoch) // timedelta(milliseconds=1)
    assert moment.written == at.date()
    assert moment.utc_date == at.astimezone(UTC).date() == utc_date(moment.instant)
    assert parse_moment(utc_text(moment.instant)).instant == moment.instant


@given(
    st.from_regex(
        r"(0001|20[0-9]{2}|9999)-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
        r"(\.[0-9]{3})?(Z|[+-][0-2][0-9]:[0-6][0-9])",
        fullmatch=True,
    )
)
def test_the_quick_way_through_common_forms_reads_like_the_long_one(text: str) -> None:
    # With a space in place of the T a time is no common form any more, and is the same time.
    assert read_or_refused(text) == read_or_refused(text.replace("T", " "))


def read_or_refused(text: str) -> Moment | str:
    try:
        return parse_moment(text)
    except ValueError as error:
        return str(error)


def test_an_instant_is_written_in_utc() -> None:
    assert utc_text(1_653_955_200_007) == "2022-05-31T00:00:00.007Z"
    assert utc_date(1_653_955_199_999) == date(2022, 5, 30)
