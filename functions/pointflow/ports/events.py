"""What happened, told to whoever listens. The adapter fulfils it; tests bring a fake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; documented in docs/events.md.

    Attributes
    ----------
    detail_type : str
        PascalCase, such as `PointsExpirationUpdated`. Never renamed.
    detail : mapping
        A JSON object. No email, username, third-party id or row in it.
    """

    detail_type: str
    detail: Mapping[str, Any]


class EventPublisher(Protocol):
    """The way to the event bus. Listeners may get an event twice: tell it again rather than not."""

    def publish(self, events: Sequence[Event]) -> None:
        """Return when every event is accepted.

        Raises
        ------
        EventsNotPublishedError
            Some were not; it names their positions. The others were.
        """
        ...
