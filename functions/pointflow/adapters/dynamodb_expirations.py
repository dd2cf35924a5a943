"""ExpirationsTable: views, history and the month index, in DynamoDB."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from pointflow.adapters.expiration_items import (
    SHARDS,
    Item,
    current_key,
    entry_of_item,
    push_of_item,
    shard_key,
    version_of_item,
    view_of_item,
)
from pointflow.adapters.expiration_requests import (
    Request,
    put_current,
    put_history,
    query_dated,
    query_shard,
    query_undated,
    update_entry,
)
from pointflow.adapters.retrying import Backoff, error_code, persist
from pointflow.domain.expiration_view import (
    ArchivedPush,
    ExpirationView,
    HistoryPosition,
    IndexEntry,
)
from pointflow.domain.push import MemberKey, Push
from pointflow.ports.pushes import FirstReceipt

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE_SECONDS = 6.0
"""How long one call goes on against throttling. Two of them fit the 29 seconds of the API."""

_CONDITION_FAILED = "ConditionalCheckFailedException"
_MOST_SHARD_PAGE = 1_000


def patient() -> Backoff:
    """The waiting that one call may do."""
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class DynamoDBExpirations:
    """Fulfils `PushStore`, `ViewReader` and `MonthIndex` on ExpirationsTable.

    Every write is conditional on what it would replace, so a write whose answer was lost can be
    sent again; none needs a read before it.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    table : str
    history_days : int
        Days a push is kept in history; more than the sender goes on repeating a push.
    patience : callable
        Makes the waiting for one call.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        history_days: int = 400,
        patience: Callable[[], Backoff] = patient,
    ) -> None:
        self._client = client
        self._table = table
        self._history_days = history_days
        self._patience = patience

    def archive(self, push: Push, received_at: int) -> FirstReceipt:
        """Keep a push in history, once. See `PushStore.archive`."""
        request = put_history(self._table, push, received_at, self._history_days)
        standing = self._write(self._client.put_item, request)
        if standing is None:
            return FirstReceipt(received_at, is_repeat=False)
        first = int(standing["received_at"]["N"])
        # The same millisecond is this very receipt, whose answer was lost on the way.
        return FirstReceipt(first, is_repeat=first != received_at)

    def show(self, view: ExpirationView) -> bool:
        """Make a view the current one if it is the newest. See `PushStore.show`."""
        standing = self._write(self._client.put_item, put_current(self._table, view))
        return standing is None or version_of_item(standing) == view.version

    def record(self, entry: IndexEntry) -> bool:
        """Write an index entry unless a newer one stands. See `MonthIndex.record`."""
        return self._write(self._client.update_item, update_entry(self._table, entry)) is None

    def current(self, member: MemberKey) -> ExpirationView | None:
        """The view under one key."""
        answer = self._call(
            self._client.get_item,
            {"TableName": self._table, "Key": current_key(member), "ConsistentRead": True},
        )
        return view_of_item(answer["Item"]) if "Item" in answer else None

    def history(
        self, member: MemberKey, before: HistoryPosition | None, limit: int
    ) -> Sequence[ArchivedPush]:
        """The newest pushes under one key, newest first.

        Undated pushes are kept by digest, so all of them are read for each page; memory holds
        `limit` of them.
        """
        # One more than wanted: the position itself may be among them.
        dated = islice(self._pages(query_dated(self._table, member, before, limit + 1)), limit + 1)
        undated = self._pages(query_undated(self._table, member))
        found = (push_of_item(item) for items in (dated, undated) for item in items)
        older = (push for push in found if before is None or push.position < before)
        return heapq.nlargest(limit, older, key=lambda push: push.position)

    def entries(
        self,
        client_id: str,
        first: date,
        last: date,
        after: str | None = None,
        wanted: int = 100,
    ) -> Iterator[IndexEntry]:
        """A client's index entries by position. See `MonthIndex.entries`.

        A month is read only when the one before is through, and a shard in the order of its days:
        what moves to a later day while this reads is met there.
        """
        low = after or first.isoformat()
        high = f"{last.isoformat()}$"  # '$' follows '#': above every member of the day
        for month in _months(date.fromisoformat(low[:10]), last):
            for item in self._month(client_id, month, low, high, wanted):
                if item["sk"]["S"] != after:
                    yield entry_of_item(item)

    @cached_property
    def _shard_readers(self) -> ThreadPoolExecutor:
        """Kept, because a list of many empty months would make one a month."""
        return ThreadPoolExecutor(SHARDS, thread_name_prefix="shard")

    def _month(
        self, client_id: str, month: str, low: str, high: str, wanted: int
    ) -> Iterator[Item]:
        """The entries of a month from all its shards, in order."""
        # Members are spread evenly, but not exactly so: a little more than each shard's share.
        page = min(_MOST_SHARD_PAGE, wanted * 5 // (4 * SHARDS) + 8)
        requests = [
            query_shard(self._table, shard_key(client_id, month, shard), low, high, page)
            for shard in range(SHARDS)
        ]
        # The shards' first pages at once: one after the other they would be most of the wait.
        answers = self._shard_readers.map(
            lambda each: self._call(self._client.query, each), requests
        )
        shards = [
            self._pages(request, answer) for request, answer in zip(requests, answers, strict=True)
        ]
        return heapq.merge(*shards, key=lambda item: item["sk"]["S"])

    def _pages(self, request: Request, answer: Any = None) -> Iterator[Item]:
        """The items that a query finds, page by page; `answer` is its first page, if known."""
        answer = answer or self._call(self._client.query, request)
        while True:
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            following = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}
            answer = self._call(self._client.query, following)

    def _write(self, operation: Callable[..., Any], request: Request) -> Item | None:
        """The item that stands in the way; None when the new one was written."""
        try:
            self._call(operation, request)
        except ClientError as error:
            if error_code(error) != _CONDITION_FAILED:
                raise
            return cast("Item", error.response["Item"])  # type: ignore[typeddict-item]
        return None

    def _call(self, operation: Callable[..., Any], request: Request) -> Any:
        return persist(self._patience(), "ExpirationsTable", operation, **request)


def _months(first: date, last: date) -> Iterator[str]:
    """The months from one day to another, written 2022-05."""
    month = first.replace(day=1)
    while month <= last:
        yield month.isoformat()[:7]
        if (month.year, month.month) == (date.max.year, date.max.month):
            return
        month = (month + timedelta(days=31)).replace(day=1)
