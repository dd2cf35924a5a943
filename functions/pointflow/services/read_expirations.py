"""Answers what will expire: a member's current view and history, and everybody's next months."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pointflow.domain.expiration_view import (
    DIGEST_SHOWN,
    ArchivedPush,
    ExpirationView,
    HistoryPosition,
    IndexEntry,
)
from pointflow.domain.iso_time import utc_text
from pointflow.domain.member import Identifier, IdentifierKey
from pointflow.domain.push import KeyKind, MemberKey
from pointflow.ports.pushes import MemberLookup, MonthIndex, ViewReader

MAX_PAGE = 1_000
MAX_HISTORY_PAGE = 50
MAX_HISTORY_CHARACTERS = 500_000
"""Of the bodies on a page, unless it holds one alone: an answer has at most 6 MB, and what is
written in few characters, such as 1e9 or a quote, may take several times as many in it."""

MAX_EXAMINED = 5_000
"""Entries that one page looks at, so that a page that finds little still ends in time."""

MAX_LOOKED_UP = 200
"""Members whose view one page looks up because they may have moved, for the same reason."""

CLOCKS_DIFFER = 60_000
"""Milliseconds: what was written so shortly before a list was begun may count as written since."""

MAX_LIST_AGE = 30 * 24 * 3_600_000
"""Milliseconds for which a list may be paged through: what has moved is remembered for longer."""

MAX_RANGE_DAYS = 732
"""Two years: inactivity rules reach that far, and each month costs a read of every shard."""

_CURSOR_INVALID = "the cursor is not one that this list gave out"
_HISTORY_CURSOR = re.compile(f"[0-9]{{1,15}}-[0-9a-f]{{{DIGEST_SHOWN}}}")
_INDEX_CURSOR = re.compile(r"([0-9]{1,15}):(([0-9]{4}-[0-9]{2}-[0-9]{2})#(.+))", re.DOTALL)
_MAX_POSITION_BYTES = 512
"""DynamoDB refuses a sort key of more than 1,024; the longest of our own has about 300."""


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """Part of a list. `next_cursor` is None at its end."""

    items: list[Item]
    next_cursor: str | None

    def document(self) -> dict[str, Any]:
        """The JSON object of the answer, for items that are JSON objects."""
        return {"items": self.items, "next_cursor": self.next_cursor}


def read_current(
    client_id: str, user_id: int, *, views: ViewReader, members: MemberLookup
) -> ExpirationView | None:
    """A member's current view.

    A platform that does not always send the user id leaves views under the member's email or third
    party id too; the newest of them is the current one.
    """
    found = [views.current(key) for key in _keys(client_id, user_id, members)]
    return max(
        (view for view in found if view is not None), key=lambda view: view.version, default=None
    )


def read_history(
    client_id: str,
    user_id: int,
    *,
    cursor: str | None,
    limit: int,
    views: ViewReader,
    members: MemberLookup,
) -> Page[ArchivedPush]:
    """A member's pushes, newest message date first.

    A page may hold fewer than `limit` and still not be the last, where bodies are long.

    Parameters
    ----------
    cursor : str or None
        `next_cursor` of the page before.
    limit : int
        From 1 to `MAX_HISTORY_PAGE`.

    Raises
    ------
    ValueError
        Limit or cursor is wrong; the message is for the caller.
    """
    _check_limit(limit, MAX_HISTORY_PAGE)
    before = _history_position(cursor) if cursor is not None else None
    found = [
        push
        for key in _keys(client_id, user_id, members)
        for push in views.history(key, before, limit + 1)
    ]
    found.sort(key=lambda push: push.position, reverse=True)
    page: list[ArchivedPush] = []
    characters = 0
    for push in found[:limit]:
        characters += len(push.body)
        if page and characters > MAX_HISTORY_CHARACTERS:
            break
        page.append(push)
    if len(page) == len(found):
        return Page(page, None)
    last = page[-1].position
    return Page(page, f"{last.instant}-{last.digest}")


def read_upcoming(
    client_id: str,
    first: date,
    last: date,
    *,
    min_points: int = 1,
    cursor: str | None,
    limit: int,
    now: int,
    index: MonthIndex,
    views: ViewReader,
) -> Page[IndexEntry]:
    """Who has points expiring from `first` to `last`, both included, soonest first.

    A page may hold fewer than `limit` entries, or none, and still not be the last: only a
    `next_cursor` of None ends the list. Points that move to an earlier day while somebody turns the
    pages are listed where they were: they may be listed twice, and are never missed.

    Parameters
    ----------
    min_points : int
        Least points on one day, from 1.
    cursor : str or None
        `next_cursor` of the page before, of the same client and days.
    limit : int
        From 1 to `MAX_PAGE`. A member who moved may add a few entries to it.
    now : int
        Milliseconds since the epoch.

    Raises
    ------
    ValueError
        A parameter is wrong; the message is for the caller.
    """
    _check_limit(limit, MAX_PAGE)
    if min_points < 1:
        raise ValueError("min_points must be at least 1")
    if not 0 <= (last - first).days <= MAX_RANGE_DAYS:
        raise ValueError(f"to must lie from 0 to {MAX_RANGE_DAYS} days after from")
    begun, after = now, None
    if cursor is not None:
        begun, after = _index_position(cursor, client_id, first, last)
        if not now - MAX_LIST_AGE <= begun <= now + CLOCKS_DIFFER:
            raise ValueError("the cursor is too old: begin the list again")
    items: dict[tuple[str, int], IndexEntry] = {}
    examined: IndexEntry | None = None
    looked_up = 0
    for count, entry in enumerate(index.entries(client_id, first, last, after, limit)):
        if examined is not None and (
            len(items) >= limit or count == MAX_EXAMINED or looked_up == MAX_LOOKED_UP
        ):
            return Page([*items.values()], _index_cursor(begun, examined.position))
        found = [entry]
        if entry.lowered_at >= begun - CLOCKS_DIFFER:
            found = [*_moved(entry, first, last, views), entry]
            looked_up += 1
        for each in found:
            if each.expiration.points >= min_points:
                # Not twice on one page, where that can be told.
                items.setdefault((each.position, each.expiration.points), each)
        examined = entry
    return Page([*items.values()], None)


def history_item(push: ArchivedPush) -> dict[str, Any]:
    """A push in the JSON of a history list."""
    return {
        "message_date": push.message_date,
        "received_at": utc_text(push.version.received_at),
        "push": push.document(),
    }


def upcoming_item(entry: IndexEntry) -> dict[str, Any]:
    """An entry in the JSON of the upcoming list: the member as the push named it."""
    member, expiration = entry.member, entry.expiration
    return {
        "user_id": int(member.value) if member.kind is KeyKind.USER_ID else None,
        "email_address": member.value if member.kind is KeyKind.EMAIL else None,
        "third_party_id": member.value if member.kind is KeyKind.THIRD_PARTY_ID else None,
        "expiration_date": expiration.day.isoformat(),
        "points_expiring": expiration.points,
        "redemption_points": expiration.redemption,
        "inactivity_points": expiration.inactivity,
    }


def _keys(client_id: str, user_id: int, members: MemberLookup) -> Iterator[MemberKey]:
    """The keys under which a member's views may lie."""
    yield MemberKey(client_id, KeyKind.USER_ID, str(user_id))
    member = members.member(client_id, user_id)
    if member is None:
        return
    if member.email is not None:
        yield MemberKey(client_id, KeyKind.EMAIL, member.email)
    if member.third_party_id is not None:
        key = IdentifierKey(Identifier.THIRD_PARTY_ID, member.third_party_id)
        # A shared third party id means its lowest holder, as it does in a batch.
        if min(members.holders(client_id, [key]).get(key, {user_id})) == user_id:
            yield MemberKey(client_id, KeyKind.THIRD_PARTY_ID, member.third_party_id)


def _check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise ValueError(f"limit must lie between 1 and {most}")


def _history_position(cursor: str) -> HistoryPosition:
    if not _HISTORY_CURSOR.fullmatch(cursor):
        raise ValueError(_CURSOR_INVALID)
    instant, _, digest = cursor.partition("-")
    return HistoryPosition(int(instant), digest)


def _moved(lowered: IndexEntry, first: date, last: date, views: ViewReader) -> Iterator[IndexEntry]:
    """What a member has now on days before one that lost points: the list has passed them.

    Later days are in the index, where the list will meet them, unless the view is newer than the
    entry: then the index may be told of them too late.
    """
    shown = views.current(lowered.member)
    if shown is None:
        return
    for each in shown.expirations:
        is_passed = each.day < lowered.expiration.day or shown.version != lowered.version
        if first <= each.day <= last and is_passed:
            yield IndexEntry(shown.member, each, shown.version)


def _index_cursor(begun: int, position: str) -> str:
    told = f"{begun}:{position}".encode()
    return base64.urlsafe_b64encode(told).decode("ascii").rstrip("=")


def _index_position(cursor: str, client_id: str, first: date, last: date) -> tuple[int, str]:
    """When the list was begun, and the position up to which it was read."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        found = _INDEX_CURSOR.fullmatch(told.decode())
        if found is None or len(told) > _MAX_POSITION_BYTES:
            raise ValueError
        begun, position, day, member = found.groups()
        fits = first <= date.fromisoformat(day) <= last
        fits = fits and MemberKey.parse(member).client_id == client_id
    except ValueError:
        raise ValueError(_CURSOR_INVALID) from None
    if not fits:
        raise ValueError(_CURSOR_INVALID)
    return int(begun), position
