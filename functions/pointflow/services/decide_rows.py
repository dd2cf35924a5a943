"""What should become of each row, as members and activities stand now.

The ledger has the last word: an earlier decision stands, and an account may change in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointflow.domain.activity import Activity
from pointflow.domain.batch_row import Row, RowFault, parse_row
from pointflow.domain.client import Matching
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import MessageInvalidError, NotFoundError
from pointflow.domain.ledger import Decision, Entry, row_identity
from pointflow.domain.member import (
    IdentifierKey,
    Match,
    MemberStatus,
    identifier_keys,
    match_member,
)
from pointflow.domain.messages import Chunk
from pointflow.ports.catalog import Catalog
from pointflow.ports.members import MemberDirectory

_OF_THE_ACTIVITY = frozenset({RowCode.ACTIVITY_UNKNOWN, RowCode.ACTIVITY_INACTIVE})


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A row of a chunk: its line number, the line as sent without its end, and what it says."""

    line: int
    raw: bytes
    row: Row


def read_rows(chunk: Chunk) -> list[CreditRow]:
    """Parse the chunk's rows again.

    Raises
    ------
    MessageInvalidError
        The rows are not as many as the chunk's lines, or one of them is not valid. Intake sends
        valid rows only, so either the message or the rulings were tampered with.
    """
    lines = [line for first, count in chunk.segments for line in range(first, first + count)]
    raws = chunk.rows.split(b"\n")
    if raws.pop() or len(raws) != len(lines):
        raise MessageInvalidError(
            f"credit message has {len(raws)} rows that end in LF, expected {len(lines)}"
        )
    return [
        CreditRow(line, raw, _parse(line, raw, chunk.received_at))
        for line, raw in zip(lines, raws, strict=True)
    ]


def decide_rows(
    chunk: Chunk,
    rows: Sequence[CreditRow],
    *,
    catalog: Catalog,
    members: MemberDirectory,
    now: int,
) -> list[Entry]:
    """Resolve members and activities and decide each row.

    Parameters
    ----------
    chunk : Chunk
    rows : sequence of CreditRow
        The chunk's rows.
    catalog, members
        Ports.
    now : int
        Seconds since the epoch, noted in the entries.

    Returns
    -------
    list of Entry
        A credit or a rejection for each row, in their order.

    Raises
    ------
    NotFoundError
        The catalog has no such client.
    """
    client_id = chunk.ref.client_id
    client = catalog.client(client_id)
    if client is None:
        raise NotFoundError(f"client {client_id} is not in the catalog")
    holders = members.holders(
        client_id, {key for each in rows for key in identifier_keys(each.row)}
    )
    named = [_named_member(each.row, holders, client.matching) for each in rows]
    statuses = members.statuses(client_id, {each.match.user_id for each in named if each.match})
    activities = catalog.activities(client_id, {each.row.activity_id for each in rows})
    entries = _decide_all(chunk, rows, named, _World(statuses, activities), now)
    doubtful = {
        each.row.activity_id
        for each, entry in zip(rows, entries, strict=True)
        if entry.code in _OF_THE_ACTIVITY
    }
    if not doubtful:
        return entries
    # The catalog may remember what an activity was a minute ago, but a rejection stands for ever.
    fresh = catalog.activities(client_id, doubtful, fresh=True)
    return _decide_all(chunk, rows, named, _World(statuses, {**activities, **fresh}), now)


@dataclass(frozen=True, slots=True)
class _NamedMember:
    match: Match | None
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class _World:
    statuses: Mapping[int, MemberStatus]
    activities: Mapping[int, Activity]


def _parse(line: int, raw: bytes, received_at: int) -> Row:
    parsed = parse_row(raw, received_at=received_at, is_first=False)
    if parsed is None:
        raise MessageInvalidError(f"line {line} of a credit message is blank")
    if isinstance(parsed, RowFault):
        raise MessageInvalidError(f"line {line} of a credit message is not valid: {parsed.code}")
    return parsed


def _named_member(
    row: Row, holders: Mapping[IdentifierKey, frozenset[int]], matching: Matching
) -> _NamedMember:
    match = match_member(row, holders, matching)
    if isinstance(match, Match):
        return _NamedMember(match)
    if match is RowCode.MEMBER_AMBIGUOUS:
        # Who would have been credited still matters: an inactive member is told first.
        chosen = match_member(row, holders, Matching.LENIENT)
        if isinstance(chosen, Match):
            return _NamedMember(chosen, ambiguous=True)
    return _NamedMember(None)


def _decide_all(
    chunk: Chunk,
    rows: Sequence[CreditRow],
    named: Sequence[_NamedMember],
    world: _World,
    now: int,
) -> list[Entry]:
    return [
        _decide(chunk, each, member, world, now) for each, member in zip(rows, named, strict=True)
    ]


def _decide(
    chunk: Chunk, credit_row: CreditRow, member: _NamedMember, world: _World, now: int
) -> Entry:
    row, match = credit_row.row, member.match
    activity = world.activities.get(row.activity_id)
    activity_at = chunk.received_at if row.activity_date is None else row.activity_date
    default_points = 0 if activity is None else activity.default_points
    credit = Entry(
        identity=row_identity(chunk.ref.batch, credit_row.line),
        content=chunk.content,
        decision=Decision.CREDITED,
        recorded_at=now,
        user_id=None if match is None else match.user_id,
        activity_id=row.activity_id,
        activity_at=activity_at,
        points=default_points if row.points is None else row.points,
        matched_by=None if match is None else match.matched_by,
        conflict=match is not None and match.conflict,
    )
    code = _fault(member, world, activity, activity_at)
    return credit if code is None else credit.rejected(code)


def _fault(
    member: _NamedMember, world: _World, activity: Activity | None, activity_at: int
) -> RowCode | None:
    """The first code that applies, in the documented order."""
    status = None if member.match is None else world.statuses.get(member.match.user_id)
    if status in {None, MemberStatus.FORGOTTEN}:
        return RowCode.MEMBER_NOT_FOUND
    if status is MemberStatus.INACTIVE:
        return RowCode.MEMBER_INACTIVE
    if member.ambiguous:
        return RowCode.MEMBER_AMBIGUOUS
    if activity is None:
        return RowCode.ACTIVITY_UNKNOWN
    return None if activity.active_at(activity_at) else RowCode.ACTIVITY_INACTIVE
