"""Pushes and views that the tests of the push job are about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from pointflow.adapters.expiration_items import entry_attributes, entry_key
from pointflow.domain.expiration_view import ExpirationView, IndexEntry, view_of
from pointflow.domain.push import Expiration, KeyKind, MemberKey, Push
from pointflow.domain.push_body import read_push

NOW = 1_653_480_000_000  # 2022-05-25T12:00:00Z
HOUR = 3_600_000
DAY = 24 * HOUR
ANN = MemberKey("acme", KeyKind.USER_ID, "7")


def body(
    points: Mapping[str, int] | None = None, message_date: str | None = None, **more: Any
) -> bytes:
    """A body of member 7: points by the day on which they expire."""
    return json.dumps(
        {
            "user_id": 7,
            "message_date": message_date,
            "redemption_period_points_expiration": [
                {"expiration_date": f"{day}T00:00:00.000Z", "points_expiring": each}
                for day, each in (points or {}).items()
            ],
            **more,
        }
    ).encode()


def push(raw: bytes, received_at: int = NOW) -> Push:
    """A valid body as a push of client acme."""
    read = read_push(raw, client_id="acme", received_at=received_at)
    assert isinstance(read, Push), read
    return read


def view(
    points: Mapping[str, int], instant: int = NOW, member: MemberKey = ANN, **more: Any
) -> ExpirationView:
    """A view of an undated push received at that instant."""
    made = push(body(points, **more))
    return view_of(
        Push(
            member,
            made.digest,
            made.body,
            None,
            None,
            tuple(Expiration(date.fromisoformat(day), each) for day, each in points.items()),
        ),
        instant,
    )


def entry_item(entry: IndexEntry) -> dict[str, Any]:
    """What an update of the month index leaves where there was nothing."""
    return {**entry_key(entry), **entry_attributes(entry)}
