"""An event bus in memory. Everything travels as the JSON that the real one would carry."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from pointflow.domain.errors import EventsNotPublishedError
from pointflow.ports.events import Event


class FakeEvents:
    """Keeps every event in order, repeats included.

    Parameters
    ----------
    refused : collection of int
        Positions that each `publish` does not accept.
    """

    def __init__(self, refused: Collection[int] = ()) -> None:
        self.published: list[tuple[str, Any]] = []
        self.refused = refused

    def publish(self, events: Sequence[Event]) -> None:
        """Accept events. See `EventPublisher.publish`."""
        failed = tuple(at for at in range(len(events)) if at in self.refused)
        for at, event in enumerate(events):
            if at not in failed:
                text = json.dumps(dict(event.detail), allow_nan=False)
                self.published.append((event.detail_type, json.loads(text)))
        if failed:
            raise EventsNotPublishedError(failed, ("ThrottlingException",))
