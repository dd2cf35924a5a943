"""The way to the event bus: ten events a call, and none of them ever lost silently."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.retrying import Backoff, error_code, is_contention
from pointflow.domain.errors import ContentionError, EventsNotPublishedError
from pointflow.ports.events import Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "pointflow"
CALL_EVENTS = 10
CALL_BYTES = 256 * 1024
PATIENCE_SECONDS = 10.0

_AGAIN = frozenset({"InternalFailure", "InternalException", "ThrottlingException", None})
"""Codes of single entries that are worth another try, none at all among them. The others say what
is wrong with the entry, or that we may not."""


def _in_a_while() -> Backoff:
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class EventBridgePublisher:
    """Fulfils `ports.events.EventPublisher` on the account's default bus.

    Parameters
    ----------
    client : EventBridgeClient
    backoff : callable
        Makes the waiting of one `publish`; it ends in `ContentionError`.
    """

    def __init__(
        self, client: EventBridgeClient, backoff: Callable[[], Backoff] = _in_a_while
    ) -> None:
        self._client = client
        self._backoff = backoff

    def publish(self, events: Sequence[Event]) -> None:
        """Publish every event. See `EventPublisher.publish`.

        What one call cannot get through does not hold up the others.
        """
        backoff = self._backoff()
        failed: dict[int, str] = {}
        for batch in batches([entry_of(event) for event in events]):
            failed |= self._send(batch, backoff)
        if failed:
            raise EventsNotPublishedError(tuple(sorted(failed)), tuple(sorted({*failed.values()})))

    def _send(
        self, waiting: dict[int, PutEventsRequestEntryTypeDef], backoff: Backoff
    ) -> dict[int, str]:
        """Send a call's events; answers why those failed that did, by position."""
        failed: dict[int, str] = {}
        while waiting:
            reasons = self._call(waiting)
            failed |= {at: why for at, (why, again) in reasons.items() if not again}
            waiting = {at: entry for at, entry in waiting.items() if at in reasons.keys() - failed}
            if waiting:
                try:
                    backoff.wait("events not accepted")
                except ContentionError:
                    return failed | {at: reasons[at][0] for at in waiting}
        return failed

    def _call(
        self, waiting: dict[int, PutEventsRequestEntryTypeDef]
    ) -> dict[int, tuple[str, bool]]:
        """Events that were not accepted: why, and whether another try may help."""
        try:
            answer = self._client.put_events(Entries=list(waiting.values()))
        except (ClientError, BotoCoreError) as error:
            why = error_code(error) if isinstance(error, ClientError) else type(error).__name__
            return dict.fromkeys(waiting, (why, is_contention(error)))
        # In the order of the request; what the answer does not mention counts as not accepted.
        told = answer["Entries"] + [{}] * (len(waiting) - len(answer["Entries"]))
        return {
            at: (each.get("ErrorCode", "no answer"), each.get("ErrorCode") in _AGAIN)
            for at, each in zip(waiting, told, strict=True)
            if "EventId" not in each
        }


def entry_of(event: Event) -> PutEventsRequestEntryTypeDef:
    """An event as the bus takes it."""
    return {
        "Source": SOURCE,
        "DetailType": event.detail_type,
        "Detail": json.dumps(event.detail, separators=(",", ":")),
    }


def batches(
    entries: Sequence[PutEventsRequestEntryTypeDef],
) -> Iterator[dict[int, PutEventsRequestEntryTypeDef]]:
    """Group entries, in order and by their positions, into calls of ten events and 256 KB."""
    batch: dict[int, PutEventsRequestEntryTypeDef] = {}
    size = 0
    for at, entry in enumerate(entries):
        more = sum(len(str(value)) for value in entry.values())  # JSON escapes all but ASCII
        if batch and (len(batch) == CALL_EVENTS or size + more > CALL_BYTES):
            yield batch
            batch, size = {}, 0
        batch[at] = entry
        size += more
    if batch:
        yield batch
