"""What a list of upcoming expirations asks of DynamoDB, however many members there are."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any, cast

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations
from pointflow.adapters.expiration_items import SHARDS
from pointflow.domain.expiration_view import IndexEntry
from pointflow.domain.push import Expiration, KeyKind, MemberKey, Version
from pointflow.services.read_expirations import MAX_EXAMINED, Page, read_upcoming
from tests.unit.pushes import NOW, entry_item

MEMBERS = 50_000
RICH = 500  # every so many members have many points
DAYS = (date(2022, 6, 30), date(2022, 11, 30))
FIRST, LAST = date(2022, 5, 25), date(2022, 11, 30)
MONTHS = 7
ANSWER_BYTES = 1 << 20
ITEM_BYTES = 300


class QueriesOnly:
    """A DynamoDB client that knows nothing but `query`, and counts."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self._sorted: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self.queries: list[str] = []
        self.items_read = 0

    def hold(self, entries: Iterator[IndexEntry]) -> None:
        for entry in entries:
            item = entry_item(entry)
            self._partitions[item["pk"]["S"]][item["sk"]["S"]] = item
        self._sorted = {pk: sorted(items) for pk, items in self._partitions.items()}

    def query(self, **request: Any) -> dict[str, Any]:
        assert request["KeyConditionExpression"] == "pk = :pk AND sk BETWEEN :low AND :high"
        assert "FilterExpression" not in request
        pk, low, high = (
            request["ExpressionAttributeValues"][name]["S"] for name in (":pk", ":low", ":high")
        )
        keys = self._sorted.get(pk, [])
        start = bisect_left(keys, low)
        if "ExclusiveStartKey" in request:
            start = bisect_right(keys, request["ExclusiveStartKey"]["sk"]["S"])
        most = min(request["Limit"], ANSWER_BYTES // ITEM_BYTES)
        found = keys[start : min(start + most, bisect_right(keys, high))]
        with self._lock:
            self.queries.append(pk)
            self.items_read += len(found)
        answer: dict[str, Any] = {"Items": [self._partitions[pk][sk] for sk in found]}
        if len(found) == most:
            answer["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": found[-1]}}
        return answer


def entries() -> Iterator[IndexEntry]:
    for user_id in range(1, MEMBERS + 1):
        member = MemberKey("acme", KeyKind.USER_ID, str(user_id))
        for day in DAYS:
            points = 1_000 if user_id % RICH == 0 else 10
            yield IndexEntry(member, Expiration(day, points), Version(NOW, NOW, "d"))


@pytest.fixture(scope="module")
def held() -> QueriesOnly:
    client = QueriesOnly()
    client.hold(entries())
    return client


@pytest.fixture
def client(held: QueriesOnly) -> QueriesOnly:
    held.queries.clear()
    held.items_read = 0
    return held


def page(client: QueriesOnly, **asked: Any) -> Page[IndexEntry]:
    index = DynamoDBExpirations(cast("DynamoDBClient", client), "t")
    return read_upcoming(
        "acme",
        asked.pop("first", FIRST),
        asked.pop("last", LAST),
        now=NOW,
        index=index,
        views=index,
        **{"cursor": None, "limit": 100, **asked},
    )


def test_the_first_page_of_many_members_reads_each_shard_once(client: QueriesOnly) -> None:
    found = page(client, first=date(2022, 6, 1))

    assert len(found.items) == 100
    assert len(client.queries) == len(set(client.queries)) == SHARDS
    assert client.items_read < 200


def test_months_in_which_nothing_expires_cost_a_read_of_each_shard(client: QueriesOnly) -> None:
    found = page(client, first=date(2023, 1, 1), last=date(2023, 6, 30))

    assert (found.items, found.next_cursor) == ([], None)
    assert len(client.queries) == 6 * SHARDS == 24


def test_all_pages_hold_every_member_once_and_none_asks_much(client: QueriesOnly) -> None:
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        client.queries.clear()
        found = page(client, limit=1_000, cursor=cursor)
        positions = [each.position for each in found.items]
        assert positions == sorted(positions)
        assert seen.isdisjoint(positions)
        assert len(client.queries) <= 2 * SHARDS + MONTHS * SHARDS
        seen.update(positions)
        cursor = found.next_cursor
        if cursor is None:
            break

    assert len(seen) == len(DAYS) * MEMBERS


def test_the_few_with_many_points_are_found_page_by_page(client: QueriesOnly) -> None:
    found: list[int] = []
    cursor: str | None = None
    pages = 0
    while True:
        told = page(client, min_points=1_000, cursor=cursor)
        found += [int(each.member.value) for each in told.items]
        pages += 1
        cursor = told.next_cursor
        if cursor is None:
            break

    assert sorted(found) == sorted([*range(RICH, MEMBERS + 1, RICH)] * len(DAYS))
    assert pages <= len(DAYS) * MEMBERS // MAX_EXAMINED + 1
