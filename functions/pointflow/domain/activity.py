"""An activity that members are credited for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """What an activity is worth, and when.

    `default_points` are points; `starts_at` (inclusive) and `ends_at` (exclusive) are seconds
    since the epoch, None for no limit.
    """

    client_id: str
    activity_id: int
    default_points: int
    name: str = ""
    starts_at: int | None = None
    ends_at: int | None = None

    def active_at(self, moment: int) -> bool:
        """Whether the activity counted at `moment` (seconds since the epoch)."""
        if self.starts_at is not None and moment < self.starts_at:
            return False
        return self.ends_at is None or moment < self.ends_at
