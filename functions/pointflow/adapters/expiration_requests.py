"""The requests that ExpirationsTable is asked, built without asking them."""

from __future__ import annotations

from typing import Any

from pointflow.adapters.expiration_items import (
    DATED_FROM,
    UNDATED,
    Attribute,
    dated_sort_key,
    entry_attributes,
    entry_key,
    history_item,
    number,
    text,
    version_attributes,
    view_item,
)
from pointflow.domain.expiration_view import ExpirationView, HistoryPosition, IndexEntry
from pointflow.domain.push import UNDATED_FOR, MemberKey, Push, Version

type Request = dict[str, Any]

_FREE = "attribute_not_exists(#pk)"
_OLDER = (
    "(#instant < :instant OR (#instant = :instant AND (#received_at < :received_at"
    " OR (#received_at = :received_at AND #hash {compared} :hash))))"
)


def put_history(table: str, push: Push, received_at: int, keep_days: int) -> Request:
    """Keep a push, unless it is a repeat; answers the item in the way."""
    request = _put(table, history_item(push, received_at, keep_days), _FREE)
    if push.instant is None:
        _also(request, "#received_at <= :forgotten")
        request["ExpressionAttributeValues"] = {":forgotten": number(received_at - UNDATED_FOR)}
    return request


def put_current(table: str, view: ExpirationView) -> Request:
    """Show a view, unless a view of the same or a greater version is shown."""
    return _if_newer(_put(table, view_item(view), _FREE), view.version, "<")


def update_entry(table: str, entry: IndexEntry) -> Request:
    """Write an index entry, unless an entry of the same or a greater version stands there.

    An entry without points also takes the place of one of its own version: that is how the
    view itself, not a newer one, goes away. An update, not a put: when points were last taken
    away from the day outlives the pushes that take nothing away.
    """
    compared = "<" if entry.expiration.points else "<="
    told = entry_attributes(entry)
    request = {
        "TableName": table,
        "Key": entry_key(entry),
        "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in told)}",
        "ConditionExpression": _FREE,
        "ExpressionAttributeNames": {"#pk": "pk", **{f"#{name}": name for name in told}},
        "ExpressionAttributeValues": {f":{name}": value for name, value in told.items()},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return _if_newer(request, entry.version, compared)


def query_dated(
    table: str, member: MemberKey, before: HistoryPosition | None, limit: int
) -> Request:
    """The newest dated pushes of a member, `before` itself included where it is one."""
    # ';' follows the digits: no sort key of a dated push is above.
    highest = "PUSH#;" if before is None else dated_sort_key(before)
    return {
        **_query(table, "sk BETWEEN :low AND :high", member.text, low=DATED_FROM, high=highest),
        "ConsistentRead": True,
        "ScanIndexForward": False,
        "Limit": limit,
    }


def query_undated(table: str, member: MemberKey) -> Request:
    """All undated pushes of a member; they are not in order of time."""
    return {
        **_query(table, "begins_with(sk, :prefix)", member.text, prefix=UNDATED),
        "ConsistentRead": True,
    }


def query_shard(table: str, shard: str, low: str, high: str, limit: int) -> Request:
    """The index entries of a shard between two positions, both included.

    Consistent: an older answer might lack a day to which points have moved already, after a newer
    one has shown that they are gone from the other day.
    """
    return {
        **_query(table, "sk BETWEEN :low AND :high", shard, low=low, high=high),
        "ConsistentRead": True,
        "Limit": limit,
    }


def _put(table: str, item: dict[str, Attribute], condition: str) -> Request:
    return {
        "TableName": table,
        "Item": item,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _if_newer(request: Request, version: Version, compared: str) -> Request:
    _also(request, _OLDER.format(compared=compared))
    request["ExpressionAttributeNames"] |= {"#instant": "instant", "#hash": "hash"}
    request["ExpressionAttributeValues"] = {
        **request.get("ExpressionAttributeValues", {}),
        **{f":{name}": value for name, value in version_attributes(version).items()},
    }
    return request


def _also(request: Request, condition: str) -> None:
    request["ConditionExpression"] += f" OR {condition}"
    request["ExpressionAttributeNames"]["#received_at"] = "received_at"


def _query(table: str, condition: str, pk: str, **values: str) -> Request:
    return {
        "TableName": table,
        "KeyConditionExpression": f"pk = :pk AND {condition}",
        "ExpressionAttributeValues": {
            ":pk": text(pk),
            **{f":{name}": text(value) for name, value in values.items()},
        },
    }
