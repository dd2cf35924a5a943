"""What is known of a member's expirations, and what a new view changes in the month index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from pointflow.domain.iso_time import utc_date
from pointflow.domain.push import Expiration, MemberKey, Push, Version, version_of
from pointflow.domain.push_body import (
    INACTIVITY,
    INTEGER_FIELDS,
    REDEMPTION,
    REDEMPTION_ALIAS,
    is_absent,
)

DIGEST_SHOWN = 32
"""Hexadecimal digits of a digest that tell pushes of one instant apart: 128 bits."""


@dataclass(frozen=True, slots=True)
class ExpirationView:
    """A member's expirations as one push told them.

    `expirations` are the days with points, by day, that were not over when the push was received.
    """

    member: MemberKey
    version: Version
    message_date: str | None
    body: str
    expirations: tuple[Expiration, ...]

    def document(self) -> dict[str, Any]:
        """The view in the shape of the push. See `document_of`."""
        return document_of(self.body)

    def next_expiration(self, today: date) -> Expiration | None:
        """The first day, from today on, on which points expire."""
        return next((each for each in self.expirations if each.day >= today), None)


@dataclass(frozen=True, slots=True)
class ViewChange:
    """A member's current view changed. None: there was none before, or there is none any more."""

    old: ExpirationView | None
    new: ExpirationView | None


@dataclass(frozen=True, slots=True, order=True)
class HistoryPosition:
    """Where a push stands in its member's history; the newest is the greatest.

    `digest` is the first `DIGEST_SHOWN` digits of the push's digest.
    """

    instant: int
    digest: str


@dataclass(frozen=True, slots=True)
class ArchivedPush:
    """A push as history keeps it."""

    member: MemberKey
    version: Version
    message_date: str | None
    body: str

    @property
    def position(self) -> HistoryPosition:
        """Where the push stands in its member's history."""
        return HistoryPosition(self.version.instant, self.version.digest[:DIGEST_SHOWN])

    def document(self) -> dict[str, Any]:
        """The push in its documented shape. See `document_of`."""
        return document_of(self.body)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What a view says of one day. No points: nothing expires on that day any more.

    Entries without points stay for a while, so that a view that comes late cannot bring back what a
    newer one took away, and so that whoever pages through a list learns that something has moved.
    `lowered_at`, in milliseconds, is when the month index was told last that the day has fewer
    points than before, which may have moved to another day; 0 where it never was.
    """

    member: MemberKey
    expiration: Expiration
    version: Version
    lowered_at: int = field(default=0, compare=False)

    @property
    def position(self) -> str:
        """Where the entry stands among a client's: by day, then by member. Personal data."""
        return f"{self.expiration.day.isoformat()}#{self.member.text}"


def view_of(push: Push, first_received_at: int) -> ExpirationView:
    """The view that a push is, when its body was first received at that time (milliseconds)."""
    # Days as written may lag a day behind UTC. Judged by the receipt, not by the time of the
    # projection, so that a projection that runs late writes the same.
    over_before = utc_date(first_received_at) - timedelta(days=1)
    return ExpirationView(
        push.member,
        version_of(push, first_received_at),
        push.message_date,
        push.body,
        tuple(each for each in push.expirations if each.day >= over_before),
    )


def index_entries(change: ViewChange, at: int) -> Iterator[IndexEntry]:
    """What the month index must hold of a change, every day that either view names.

    Days that gain points come first, those that lose some last: whoever reads an entry of this
    change, or that points are gone from a day, finds in the index the days to which they went. `at`
    is now, in milliseconds.

    Every day of the new view is written, also an unchanged one: should a change ever be lost, the
    next push mends the index.
    """
    source = change.new or change.old
    if source is None:
        return
    before = {each.day: each.points for each in change.old.expirations} if change.old else {}
    after = change.new.expirations if change.new else ()
    emptied = (Expiration(day) for day in sorted(before.keys() - {each.day for each in after}))
    gained = {each: each.points - before.get(each.day, 0) for each in (*after, *emptied)}
    for each in sorted(gained, key=lambda each: gained[each], reverse=True):
        lowered_at = at if gained[each] < 0 else 0
        yield IndexEntry(source.member, each, source.version, lowered_at)


def document_of(body: str) -> dict[str, Any]:
    """A stored body in the documented shape.

    Names are the documented ones, integers are integers, a third party id is a text; what is
    unknown to us stands as it was sent.
    """
    sent: dict[str, Any] = json.loads(body)
    document = {
        _NAMES.get(name, name): value
        for name, value in sent.items()
        if not (value is None or (name in _IDENTIFIERS and is_absent(value)))
    }
    if "user_id" in document:
        document["user_id"] = _number(document["user_id"])
    if "third_party_id" in document:
        document["third_party_id"] = str(document["third_party_id"])
    for name in (REDEMPTION, INACTIVITY):
        if name in document:
            document[name] = [_entry(entry, INTEGER_FIELDS[name]) for entry in document[name]]
    return document


_NAMES = {REDEMPTION_ALIAS: REDEMPTION}
_IDENTIFIERS = frozenset({"user_id", "email_address", "third_party_id"})


def _entry(entry: Mapping[str, Any], integers: frozenset[str]) -> dict[str, Any]:
    return {
        name: _number(value) if name in integers else value
        for name, value in entry.items()
        if value is not None
    }


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) else value
