"""Takes what is kept under a member's key out of ExpirationsTable."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from pointflow.adapters.expiration_items import (
    CURRENT,
    Item,
    current_key,
    entry_key,
    push_of_item,
    text,
)
from pointflow.adapters.retrying import Backoff, persist
from pointflow.domain.expiration_view import IndexEntry
from pointflow.domain.push import Expiration, MemberKey, Push, Version
from pointflow.domain.push_body import read_push
from pointflow.ports.erasure import Erasure

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE_SECONDS = 20.0

_ANY = Version(0, 0, "")
"""Where an index entry lies does not depend on its version."""


def _patient() -> Backoff:
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class ExpirationEraser:
    """Fulfils `ports.erasure.PushEraser`.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    table : str
        ExpirationsTable.
    """

    def __init__(
        self, client: DynamoDBClient, table: str, patience: Callable[[], Backoff] = _patient
    ) -> None:
        self._client = client
        self._table = table
        self._patience = patience

    def erase(self, member: MemberKey, days: Collection[date] = ()) -> Erasure:
        """Delete index entries, the current view, then the history.

        The days of the index are read from the pushes, so these go last: a run that is cut off
        finds them again. The view goes before the history is read for the second time: a push that
        comes in between makes a view, which the projection is told of.
        """
        named = {*days, *(day for item in self._items(member) for day in _days(item, member))}
        for day in named:
            entry = IndexEntry(member, Expiration(day), _ANY)
            self._delete(entry_key(entry))
        deleted = self._delete(current_key(member))
        for item in self._items(member):
            deleted += self._delete({"pk": item["pk"], "sk": item["sk"]})
        return Erasure(deleted, frozenset(named))

    def _items(self, member: MemberKey) -> Iterator[Item]:
        start: dict[str, Any] = {}
        while True:
            answer = self._call(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(member.text)},
                ConsistentRead=True,
                **start,
            )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _delete(self, key: dict[str, Any]) -> int:
        """Delete an item; answers 1 if it was there."""
        answer = self._call(
            self._client.delete_item, TableName=self._table, Key=key, ReturnValues="ALL_OLD"
        )
        return int("Attributes" in answer)

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        return persist(self._patience(), "ExpirationsTable", operation, **request)


def _days(item: Item, member: MemberKey) -> Iterator[date]:
    """The days that an item tells of."""
    if item["sk"]["S"] == CURRENT:
        for kind in ("redemption", "inactivity"):
            yield from map(date.fromisoformat, item[kind]["M"])
    kept = push_of_item(item)
    push = read_push(
        kept.body.encode("utf-8", "surrogatepass"),
        client_id=member.client_id,
        received_at=kept.version.received_at,
    )
    if isinstance(push, Push):
        yield from (each.day for each in push.expirations)
