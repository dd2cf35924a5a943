"""When a client's file is expected, and whether it has failed to come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TEXT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?: ([a-z,-]+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A file is due by `minute` of each day in `weekdays`, in UTC.

    Attributes
    ----------
    minute : int
        Minute of the day, 0 to 1439.
    weekdays : frozenset of int
        0 is Monday. Never empty.
    """

    minute: int
    weekdays: frozenset[int] = frozenset(range(7))

    def __str__(self) -> str:
        """The text that `parse_expectation` reads."""
        time = f"{self.minute // 60:02d}:{self.minute % 60:02d}"
        if len(self.weekdays) == len(WEEKDAYS):
            return time
        return f"{time} {','.join(WEEKDAYS[day] for day in sorted(self.weekdays))}"

    def waits_since(self, now: int) -> int:
        """From which moment on a file must have come, so that none is missing at `now`.

        That is the deadline before the latest one that has passed: a file that came after it came
        for the latest, or came late. Nothing in a file tells the two apart, so one that came late
        also stands for the next day's: nobody is woken for a file that may have come.

        Parameters
        ----------
        now : int
            Seconds since the epoch; so is the answer.
        """
        day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        passed: list[int] = []
        while len(passed) < 2:
            deadline = int((day + timedelta(minutes=self.minute)).timestamp())
            if day.weekday() in self.weekdays and deadline <= now:
                passed.append(deadline)
            day -= timedelta(days=1)
        return passed[1]


def parse_expectation(text: str) -> Expectation:
    """Read `HH:MM`, or `HH:MM` and days: `06:30 mon-fri`, `06:30 mon,thu`.

    Raises
    ------
    ValueError
        It is none of these; the text says what it should be.
    """
    found = _TEXT.fullmatch(text.strip().lower())
    days = None if found is None else _weekdays(found[3])
    if found is None or days is None:
        raise ValueError(
            "must be a time of day in UTC, with or without days, such as 06:30, "
            "06:30 mon-fri or 06:30 mon,thu"
        )
    return Expectation(int(found[1]) * 60 + int(found[2]), days)


def _weekdays(text: str | None) -> frozenset[int] | None:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, to, last = part.partition("-")
        last = last if to else first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            return None
        start = WEEKDAYS.index(first)
        # fri-mon goes over the week's end.
        days.update((start + i) % 7 for i in range((WEEKDAYS.index(last) - start) % 7 + 1))
    return frozenset(days)
