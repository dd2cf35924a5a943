"""Tombstones in ExpirationsTable: keyed hashes of the identifiers that must not come back.

    <client>#FORGOTTEN    <HMAC-SHA256, 64 digits>    its siblings of the same member

Without the key, which lies in Secrets Manager, nobody can tell whom they are of, not even by trying
every email there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from pointflow.adapters.expiration_items import Attribute, Item, number, text
from pointflow.adapters.retrying import Backoff, persist
from pointflow.domain.erasure import tombstone
from pointflow.domain.push import MemberKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE_SECONDS = 20.0


def _patient() -> Backoff:
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class DynamoDBTombstones:
    """Fulfils `ports.erasure.Tombstones`.

    A client that never forgot anybody costs one read and no key.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    table : str
        ExpirationsTable.
    key : callable
        Answers the key of the hashes.
    ask_once : bool
        Believe for good that a client forgot nobody: for a run that begins and ends.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        key: Callable[[], bytes],
        *,
        ask_once: bool = False,
        patience: Callable[[], Backoff] = _patient,
    ) -> None:
        self._client = client
        self._table = table
        self._key = key
        self._patience = patience
        self._ask_once = ask_once
        self._has_some: dict[str, bool] = {}

    def among(self, keys: Collection[MemberKey]) -> frozenset[MemberKey]:
        """Those of the keys that were forgotten; one consistent read each."""
        return frozenset(
            key for key in keys if self._any(key.client_id) and self._find(key) is not None
        )

    def bury(self, keys: Sequence[MemberKey], at: int) -> None:
        """Write a tombstone for each key; each names them all."""
        self._has_some.clear()
        hashes = [tombstone(self._key(), key) for key in keys]
        for key, digest in zip(keys, hashes, strict=True):
            # Together with those of an earlier run, which may have known more of the member.
            self._call(
                self._client.update_item,
                TableName=self._table,
                Key=_place(key.client_id, digest),
                UpdateExpression="SET #at = if_not_exists(#at, :at) ADD #siblings :siblings",
                ExpressionAttributeNames={"#at": "forgotten_at", "#siblings": "siblings"},
                ExpressionAttributeValues={":at": number(at), ":siblings": {"SS": hashes}},
            )

    def lift(self, key: MemberKey) -> bool:
        """Remove the tombstones of a member, that of the key itself last."""
        if not self._any(key.client_id):
            return False
        item = self._find(key)
        if item is None:
            return False
        own = tombstone(self._key(), key)
        for digest in [*sorted(set(item["siblings"]["SS"]) - {own}), own]:
            self._call(
                self._client.delete_item, TableName=self._table, Key=_place(key.client_id, digest)
            )
        return True

    def _any(self, client_id: str) -> bool:
        """Whether a client ever forgot anybody; a yes is remembered."""
        known = self._has_some.get(client_id)
        if known is None or not (known or self._ask_once):
            answer = self._call(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(_partition(client_id))},
                ConsistentRead=True,
                Limit=1,
            )
            known = self._has_some[client_id] = bool(answer["Items"])
        return known

    def _find(self, key: MemberKey) -> Item | None:
        place = _place(key.client_id, tombstone(self._key(), key))
        answer = self._call(
            self._client.get_item, TableName=self._table, Key=place, ConsistentRead=True
        )
        item: Item | None = answer.get("Item")
        return item

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        return persist(self._patience(), "ExpirationsTable", operation, **request)


def _partition(client_id: str) -> str:
    return f"{client_id}#FORGOTTEN"


def _place(client_id: str, digest: str) -> dict[str, Attribute]:
    return {"pk": text(_partition(client_id)), "sk": text(digest)}
