"""ISO-8601 times as other systems write them: the instant, and the date that stands there.

    2021-05-20T18:25:43.511-04:00    2022-02-28T00:00:00Z    2022-02-28 00:00    2022-02-28

What is taken, and what is not, is ruled in `docs/rulings-push.md`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?P<offset>[Zz]|(?P<sign>[+-])(?P<off_hour>[0-9]{2})(?::?(?P<off_minute>[0-9]{2}))?)?)?"
)

# The forms that nearly every sender writes, and Python's own parser reads alike, without a limit
# ruled here: no hour 24, no second 60, no offset that does not exist.
_COMMON = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time.

    Attributes
    ----------
    instant : int
        Milliseconds since the epoch; what is finer is cut off.
    written : date
        The date as written, in whatever offset it was written.
    utc_date : date
        The date in UTC.
    """

    instant: int
    written: date
    utc_date: date


def parse_moment(text: str) -> Moment:
    """Read a time. Without an offset it is UTC; without a time of day it is midnight.

    24:00:00 is the midnight that ends the day, and 23:59:60 UTC (a leap second) the second after
    it; both keep the date as written.

    Raises
    ------
    ValueError
        It is no such time. The message says what is wrong, and never quotes the text.
    """
    return _common_moment(text) or _any_moment(text)


def utc_date(instant: int) -> date:
    """The date in UTC of an instant, milliseconds since the epoch."""
    return (_EPOCH + timedelta(milliseconds=instant)).date()


def utc_text(instant: int) -> str:
    """An instant, milliseconds since the epoch, as 2022-05-31T00:00:00.000Z."""
    at = _EPOCH + timedelta(milliseconds=instant)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _common_moment(text: str) -> Moment | None:
    """A time in a common form; None when it is not, or when something is wrong with it."""
    if not _COMMON.fullmatch(text):
        return None
    try:
        at = datetime.fromisoformat(text)
        utc = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Moment((utc - _EPOCH) // _MILLISECOND, at.date(), utc.date())


def _any_moment(text: str) -> Moment:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("must be an ISO-8601 time, for instance 2022-05-31T00:00:00.000Z")
    try:
        written = date.fromisoformat(found["day"])
    except ValueError:
        raise ValueError("names a day that is not on the calendar") from None
    try:
        at = datetime(written.year, written.month, written.day, tzinfo=UTC)
        at += _time_of_day(found) - _offset(found)
    except OverflowError:
        raise ValueError("lies outside the years 0001 to 9999 in UTC") from None
    leap_second = found["second"] == "60"
    if leap_second and (at.hour, at.minute, at.second) != (0, 0, 0):
        raise ValueError("has second 60, which only 23:59 UTC may have")
    return Moment((at - _EPOCH) // _MILLISECOND, written, at.date())


def _time_of_day(found: re.Match[str]) -> timedelta:
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    fraction = found["fraction"] or ""
    milliseconds = int(fraction[:3].ljust(3, "0"))
    ends_the_day = hour == 24 and not (minute or second or fraction.strip("0"))
    if (hour > 23 and not ends_the_day) or minute > 59 or second > 60:
        raise ValueError("names a time of day that does not exist")
    return timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=milliseconds)


def _offset(found: re.Match[str]) -> timedelta:
    if found["sign"] is None:
        return timedelta()
    hours, minutes = int(found["off_hour"]), int(found["off_minute"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("has an offset from UTC that does not exist")
    distance = timedelta(hours=hours, minutes=minutes)
    return distance if found["sign"] == "+" else -distance
