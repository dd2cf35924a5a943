"""Tells whoever listens which members' upcoming expirations have changed.

After the month index was written, and whatever that write found there: a change whose announcement
was lost is projected again, finds its entries in the index, and is announced then.
"""

from __future__ import annotations

from collections.abc import Sequence

from pointflow.domain.errors import EventsNotPublishedError
from pointflow.domain.expiration_event import DETAIL_TYPE, updated_detail
from pointflow.domain.expiration_view import ViewChange
from pointflow.ports.events import Event, EventPublisher


def announce_changes(changes: Sequence[ViewChange], *, at: int, events: EventPublisher) -> int:
    """Tell of changes, in their order. `at` is now, in milliseconds since the epoch.

    Returns
    -------
    int
        How many were told; the others changed nothing that a member would notice.

    Raises
    ------
    EventsNotPublishedError
        Some could not be told; its positions are those of the changes.
    """
    told: list[tuple[int, Event]] = []
    for position, change in enumerate(changes):
        detail = updated_detail(change, at)
        if detail is not None:
            told.append((position, Event(DETAIL_TYPE, detail)))
    if not told:
        return 0
    try:
        events.publish([event for _, event in told])
    except EventsNotPublishedError as error:
        positions = tuple(told[each][0] for each in error.positions)
        raise EventsNotPublishedError(positions, error.codes) from error
    return len(told)
