"""Answers what a member was credited: the ledger's entries in the order of their activity dates."""

from __future__ import annotations

import base64
import re
from typing import Any

from pointflow.domain.iso_time import utc_text
from pointflow.domain.ledger import Decision, Entry, account_change, opening_identity
from pointflow.ports.history import CreditHistory, CreditPosition
from pointflow.services.read_expirations import Page

MAX_CREDITS_PAGE = 1_000

_CURSOR = re.compile(r"([^#:]+)#([0-9]{1,18}):([0-9]{1,15}):([^:]+)")
_CURSOR_INVALID = "the cursor is not one that this list gave out"
_MAX_CURSOR_BYTES = 1_024


def read_credits(
    client_id: str, user_id: int, *, cursor: str | None, limit: int, history: CreditHistory
) -> Page[Entry]:
    """What changed a member's balance, newest activity date first.

    Paging neither repeats nor misses an entry; one that is recorded meanwhile may be either.

    Parameters
    ----------
    cursor : str or None
        `next_cursor` of the page before, of the same member.
    limit : int
        From 1 to `MAX_CREDITS_PAGE`.

    Raises
    ------
    ValueError
        Limit or cursor is wrong; the message is for the caller.
    """
    if not 1 <= limit <= MAX_CREDITS_PAGE:
        raise ValueError(f"limit must lie between 1 and {MAX_CREDITS_PAGE}")
    before = None if cursor is None else _position(cursor, client_id, user_id)
    found = history.credits(client_id, user_id, before, limit + 1)
    page = list(found[:limit])
    if len(found) <= limit:
        return Page(page, None)
    return Page(page, _cursor(client_id, user_id, page[-1]))


def credit_item(entry: Entry) -> dict[str, Any]:
    """An entry in the JSON of the list. Points are what it changed in the balance.

    `kind` is `opening_balance`, `credit`, or the ledger's own name of what was decided since.
    """
    client_id, _, place = entry.identity.partition("/")
    file_name, _, line = place.partition("/")
    is_opening = entry.user_id is not None and entry.identity == opening_identity(
        client_id, entry.user_id
    )
    number = re.match("[0-9]+", line)
    kind = "credit" if entry.decision is Decision.CREDITED else entry.decision.value.lower()
    return {
        "kind": "opening_balance" if is_opening else kind,
        "batch": None if is_opening else file_name,
        "line": None if is_opening or number is None else int(number[0]),
        "activity_id": entry.activity_id,
        "activity_date": None if entry.activity_at is None else utc_text(entry.activity_at * 1000),
        "points": account_change([entry]).balance,
        "matched_by": None if entry.matched_by is None else entry.matched_by.value,
        "recorded_at": utc_text(entry.recorded_at * 1000),
    }


def _cursor(client_id: str, user_id: int, last: Entry) -> str:
    told = f"{client_id}#{user_id}:{last.activity_at}:{last.identity}".encode()
    return base64.urlsafe_b64encode(told).decode("ascii").rstrip("=")


def _position(cursor: str, client_id: str, user_id: int) -> CreditPosition:
    """The position up to which this member's list was read."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        found = _CURSOR.fullmatch(told.decode())
    except ValueError:
        found = None
    if found is None or len(told) > _MAX_CURSOR_BYTES:
        raise ValueError(_CURSOR_INVALID)
    client, member, activity_at, identity = found.groups()
    if (client, member) != (client_id, str(user_id)):
        raise ValueError(_CURSOR_INVALID)
    return CreditPosition(int(activity_at), identity)
