"""Views, pushes and index entries as items of ExpirationsTable.

    <member key>                       CURRENT                                the current view
    <member key>                       PUSH#<instant, 15 digits>#<digest>     history, dated
    <member key>                       PUSH#-#<digest>                        history, undated
    <client>#<yyyy-mm>#<shard of 4>    <yyyy-mm-dd>#<member key>              month index

A body is compressed with zlib: two kilobytes would be three write units, twice a push.

Keys and bodies hold personal data: they are never logged.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zlib import compress, crc32, decompress

from pointflow.domain.expiration_view import (
    DIGEST_SHOWN,
    ArchivedPush,
    ExpirationView,
    HistoryPosition,
    IndexEntry,
)
from pointflow.domain.push import Expiration, MemberKey, Push, Version, version_of

type Attribute = dict[str, Any]
type Item = Mapping[str, Attribute]

CURRENT = "CURRENT"
DATED_FROM = "PUSH#0"
UNDATED = "PUSH#-#"
SHARDS = 4
"""Partitions of a month. Each takes 1,000 writes a second, of which a push costs one a month; each
also costs a list one read a month, however empty."""

INDEX_DAYS = 40
"""Days an entry outlives its day, or its removal: longer than a change is kept for replay."""

_DAY = 86_400


def text(value: str) -> Attribute:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Attribute:
    """A number attribute."""
    return {"N": str(value)}


def current_key(member: MemberKey) -> dict[str, Attribute]:
    """Where a member's current view lies."""
    return {"pk": text(member.text), "sk": text(CURRENT)}


def dated_sort_key(position: HistoryPosition) -> str:
    """Where a dated push lies in its member's history."""
    return f"PUSH#{position.instant:015d}#{position.digest}"


def shard_key(client_id: str, month: str, shard: int) -> str:
    """The partition of a shard of a month, written 2022-05."""
    return f"{client_id}#{month}#{shard:02d}"


def history_item(push: Push, received_at: int, keep_days: int) -> dict[str, Attribute]:
    """A push received now. `received_at` in milliseconds."""
    version = version_of(push, received_at)
    digest = push.digest[:DIGEST_SHOWN]
    sort_key = (
        f"{UNDATED}{digest}"
        if push.instant is None
        else dated_sort_key(HistoryPosition(push.instant, digest))
    )
    return {
        "pk": text(push.member.text),
        "sk": text(sort_key),
        **_told(push.member, version, push.message_date, push.body),
        "expires_at": number(received_at // 1000 + keep_days * _DAY),
    }


def view_item(view: ExpirationView) -> dict[str, Attribute]:
    """A current view."""
    return {
        **current_key(view.member),
        **_told(view.member, view.version, view.message_date, view.body),
        "redemption": _points((each.day, each.redemption) for each in view.expirations),
        "inactivity": _points((each.day, each.inactivity) for each in view.expirations),
    }


def entry_key(entry: IndexEntry) -> dict[str, Attribute]:
    """Where an entry of the month index lies."""
    member, month = entry.member, entry.expiration.day.isoformat()[:7]
    shard = crc32(member.text.encode()) % SHARDS
    return {"pk": text(shard_key(member.client_id, month, shard)), "sk": text(entry.position)}


def entry_attributes(entry: IndexEntry) -> dict[str, Attribute]:
    """What an entry says. `lowered_at` is left as it stands where nothing was lowered."""
    expiration = entry.expiration
    lowered = {"lowered_at": number(entry.lowered_at)} if entry.lowered_at else {}
    return {
        **version_attributes(entry.version),
        "points": number(expiration.points),
        "redemption": number(expiration.redemption),
        "inactivity": number(expiration.inactivity),
        **lowered,
        "expires_at": number(_entry_expires_at(entry)),
    }


def version_attributes(version: Version) -> dict[str, Attribute]:
    """What puts an item in order among its rivals."""
    return {
        "instant": number(version.instant),
        "received_at": number(version.received_at),
        "hash": text(version.digest),
    }


def version_of_item(item: Item) -> Version:
    """Read what `version_attributes` wrote."""
    return Version(int(item["instant"]["N"]), int(item["received_at"]["N"]), item["hash"]["S"])


def view_of_item(item: Item) -> ExpirationView:
    """Read a current view."""
    redemption, inactivity = item["redemption"]["M"], item["inactivity"]["M"]
    return ExpirationView(
        member=MemberKey.parse(item["pk"]["S"]),
        version=version_of_item(item),
        message_date=_message_date(item),
        body=_unpacked(item["body"]),
        expirations=tuple(
            Expiration(
                date.fromisoformat(day), _points_on(redemption, day), _points_on(inactivity, day)
            )
            for day in sorted(redemption.keys() | inactivity.keys())
        ),
    )


def push_of_item(item: Item) -> ArchivedPush:
    """Read an item of the history."""
    return ArchivedPush(
        member=MemberKey.parse(item["pk"]["S"]),
        version=version_of_item(item),
        message_date=_message_date(item),
        body=_unpacked(item["body"]),
    )


def entry_of_item(item: Item) -> IndexEntry:
    """Read an entry of the month index."""
    day, _, member = item["sk"]["S"].partition("#")
    return IndexEntry(
        MemberKey.parse(member),
        Expiration(
            date.fromisoformat(day), int(item["redemption"]["N"]), int(item["inactivity"]["N"])
        ),
        version_of_item(item),
        int(item["lowered_at"]["N"]) if "lowered_at" in item else 0,
    )


def _told(
    member: MemberKey, version: Version, message_date: str | None, body: str
) -> dict[str, Attribute]:
    told = {
        "client_id": text(member.client_id),
        **version_attributes(version),
        "body": {"B": _packed(body)},
    }
    return told if message_date is None else {**told, "message_date": text(message_date)}


@lru_cache(maxsize=1)
def _packed(body: str) -> bytes:
    """A body as it is stored. Remembered for the second of a push's two writes."""
    return compress(body.encode())


def _unpacked(stored: Attribute) -> str:
    """A stored body. A stream, as Lambda hands it on, tells bytes in base64."""
    if "S" in stored:
        return str(stored["S"])  # as bodies were stored at first
    packed = stored["B"]
    return decompress(b64decode(packed) if isinstance(packed, str) else packed).decode()


def _message_date(item: Item) -> str | None:
    return item["message_date"]["S"] if "message_date" in item else None


def _points(days: Iterator[tuple[date, int]]) -> Attribute:
    return {"M": {day.isoformat(): number(points) for day, points in days if points}}


def _points_on(days: Mapping[str, Attribute], day: str) -> int:
    return int(days[day]["N"]) if day in days else 0


def _entry_expires_at(entry: IndexEntry) -> int:
    if not entry.expiration.points:
        told_at = max(entry.version.received_at, entry.lowered_at)
        return told_at // 1000 + INDEX_DAYS * _DAY
    day = entry.expiration.day
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + INDEX_DAYS * _DAY
