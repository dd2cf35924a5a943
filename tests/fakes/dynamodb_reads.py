"""Tables in memory, and the reads of a low-level DynamoDB client on them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from tests.fakes.dynamodb_expressions import Item, condition, projection

type Key = str | tuple[str, str]

PAGE_ITEMS = 1_000
"""Stands for the megabyte that ends a page of DynamoDB."""


class MemoryTables:
    """Tables and indexes, read as a client reads them.

    Parameters
    ----------
    keys : mapping of str to str or (str, str)
        Table name -> its key attributes.
    indexes : mapping of str to (str, str)
        Index name -> its key attributes. An index holds the items that have both.
    """

    def __init__(
        self,
        keys: Mapping[str, str | tuple[str, str]],
        indexes: Mapping[str, tuple[str, str]],
    ) -> None:
        self.tables: dict[str, dict[Key, Item]] = {table: {} for table in keys}
        self.calls: Counter[str] = Counter()
        self.mutex = threading.RLock()
        self._keys = keys
        self._indexes = indexes
        self._lagging: dict[str, tuple[list[Item], int]] = {}

    def key_of(self, table: str, item: Mapping[str, Any]) -> Key:
        """An item's key in `tables`."""
        names = self._keys[table]
        if isinstance(names, str):
            return str(item[names]["S"])
        first, second = names
        return str(item[first]["S"]), str(item[second]["S"])

    def lag(self, table: str, index: str, queries: int) -> None:
        """The index stays as it is now for so many queries."""
        items = [dict(item) for item in self.tables[table].values()]
        self._lagging[index] = (items, queries)

    def get_item(self, **request: Any) -> dict[str, Any]:
        with self.mutex:
            self.calls["get_item"] += 1
            table = request["TableName"]
            found = self.tables[table].get(self.key_of(table, request["Key"]))
            return {} if found is None else {"Item": _projected(found, request)}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        responses: dict[str, list[Item]] = {}
        with self.mutex:
            self.calls["batch_get_item"] += 1
            for table, wanted in request["RequestItems"].items():
                keys = [self.key_of(table, key) for key in wanted["Keys"]]
                assert len(set(keys)) == len(keys) <= 100, "too many keys, or one of them twice"
                found = (self.tables[table].get(key) for key in keys)
                responses[table] = [_projected(item, wanted) for item in found if item is not None]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def query(self, **request: Any) -> dict[str, Any]:
        with self.mutex:
            self.calls["query"] += 1
            table, index = request["TableName"], request.get("IndexName")
            if index is None:
                items: Iterable[Item] = self.tables[table].values()
                keys = self._keys[table]
                assert isinstance(keys, tuple), "a table without sort key is never queried"
            else:
                assert not request.get("ConsistentRead"), "an index is never read consistently"
                keys = self._indexes[index]
                items = (item for item in self._indexed(table, index) if keys[1] in item)
            holds = condition(request["KeyConditionExpression"])
            found = [item for item in items if holds(item, *_placeholders(request))]
            backwards = not request.get("ScanIndexForward", True)
            found.sort(key=lambda item: self._place(table, item, keys[1]), reverse=backwards)
            return self._page(table, found, request, (*keys,))

    def scan(self, **request: Any) -> dict[str, Any]:
        with self.mutex:
            self.calls["scan"] += 1
            table = request["TableName"]
            keys = self._indexes[request["IndexName"]] if "IndexName" in request else ()
            segment, segments = request.get("Segment", 0), request.get("TotalSegments", 1)
            found = [
                item
                for key, item in sorted(self.tables[table].items(), key=repr)
                if crc32(repr(key).encode()) % segments == segment
                and all(name in item for name in keys)
            ]
            return self._page(table, found, request, keys)

    def _indexed(self, table: str, index: str) -> Iterable[Item]:
        items, queries = self._lagging.get(index, ([], 0))
        if not queries:
            return self.tables[table].values()
        self._lagging[index] = (items, queries - 1)
        return items

    def _place(self, table: str, item: Item, sort: str) -> tuple[Any, ...]:
        ((kind, value),) = item[sort].items()
        return (int(value) if kind == "N" else value, self.key_of(table, item))

    def _page(
        self, table: str, found: list[Item], request: dict[str, Any], keys: tuple[str, ...]
    ) -> dict[str, Any]:
        start = 0
        if "ExclusiveStartKey" in request:
            last = self.key_of(table, request["ExclusiveStartKey"])
            start = [self.key_of(table, item) for item in found].index(last) + 1
        end = start + request.get("Limit", PAGE_ITEMS)
        page = found[start:end]
        kept = page
        if "FilterExpression" in request:
            holds = condition(request["FilterExpression"])
            kept = [item for item in page if holds(item, *_placeholders(request))]
        answer: dict[str, Any] = {"Items": [_projected(item, request) for item in kept]}
        if end < len(found):
            own = self._keys[table]
            names = {*keys, *((own,) if isinstance(own, str) else own)}
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer


def _placeholders(request: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return (
        request.get("ExpressionAttributeNames", {}),
        request.get("ExpressionAttributeValues", {}),
    )


def _projected(item: Item, request: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in request:
        return dict(item)
    names, _ = _placeholders(request)
    wanted = (names.get(name, name) for name in projection(request["ProjectionExpression"]))
    return {name: item[name] for name in wanted if name in item}
