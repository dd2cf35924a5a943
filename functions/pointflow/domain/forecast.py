"""What a dry run foretells beside the counts: how members are found, and which activities pay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Granted:
    """Rows that would be credited for an activity, and their points."""

    rows: int = 0
    points: int = 0

    def __add__(self, other: Granted) -> Granted:
        return Granted(self.rows + other.rows, self.points + other.points)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What some rows foretell.

    Attributes
    ----------
    rows : int
        Rows whose member was looked for; intake rejects the others before.
    carried : mapping of str to int
        By identifier: rows that carry it.
    known : mapping of str to int
        By identifier: rows in which it names a member.
    matched : mapping of str to int
        By identifier: rows whose member was found by it, whatever became of the row then.
    activities : mapping of int to Granted
        By activity id: what would be granted.
    """

    rows: int = 0
    carried: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    matched: Mapping[str, int] = field(default_factory=dict)
    activities: Mapping[int, Granted] = field(default_factory=dict)

    def __add__(self, other: Forecast) -> Forecast:
        activities = dict(self.activities)
        for activity_id, granted in other.activities.items():
            activities[activity_id] = activities.get(activity_id, Granted()) + granted
        return Forecast(
            rows=self.rows + other.rows,
            carried=dict(Counter(self.carried) + Counter(other.carried)),
            known=dict(Counter(self.known) + Counter(other.known)),
            matched=dict(Counter(self.matched) + Counter(other.matched)),
            activities=activities,
        )
