"""The condition key `dynamodb:LeadingKeys`: which partitions a request is about.

AWS compares it with what a policy names; ministack leaves it out, and a condition that is not
looked at lets everybody pass. Of a transaction AWS looks at each item by itself; here each of them
is compared with all the keys of the transaction, which is never milder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

CONDITION_KEY = "dynamodb:LeadingKeys"
_EQUALS = re.compile(r"(#?\w+)\s*=\s*(:\w+)")

type PartitionKeys = Callable[[str], frozenset[str]]
"""Names of the partition keys of a table and of its indexes."""


def leading_keys(request: Mapping[str, Any], partition_keys: PartitionKeys) -> list[str]:
    """Values of the partition keys that a request names, in the order of the request.

    Parameters
    ----------
    request : mapping
        Body of a DynamoDB request.
    partition_keys : callable
    """
    return [
        str(next(iter(item[name].values())))
        for table, item in _items(request)
        for name in sorted(partition_keys(table) & item.keys())
    ]


def add_leading_keys(context: dict[str, Any], body: bytes, partition_keys: PartitionKeys) -> None:
    """Add the condition key to what policies see of a request; absent where it names no item."""
    try:
        request = json.loads(body or b"{}")
        found = leading_keys(request, partition_keys)
    except (ValueError, AttributeError, TypeError, StopIteration):
        return  # the service itself tells what is wrong with it
    if found:
        context[CONDITION_KEY] = found


def install() -> None:
    """Have ministack, in this process, look at the keys of the items that a request is about."""
    from ministack.core import iam_actions  # noqa: PLC0415 - in the server's process alone
    from ministack.services import dynamodb  # noqa: PLC0415

    theirs = iam_actions.dynamodb_service_context

    def partition_keys(table: str) -> frozenset[str]:
        found = dynamodb._tables.get(table)  # noqa: SLF001 - there is no public way
        if found is None:
            return frozenset()
        schemas = [found["KeySchema"], *(i["KeySchema"] for i in found["GlobalSecondaryIndexes"])]
        return frozenset(schema[0]["AttributeName"] for schema in schemas)

    def with_leading_keys(body: bytes) -> dict[str, Any]:
        context: dict[str, Any] = theirs(body)
        add_leading_keys(context, body, partition_keys)
        return context

    iam_actions.dynamodb_service_context = with_leading_keys


def _items(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    table = request.get("TableName", "")
    for field in ("Key", "Item"):
        if field in request:
            yield table, request[field]
    if "KeyConditionExpression" in request:
        yield table, _compared(request)
    for several, asked in request.get("RequestItems", {}).items():
        keys = asked["Keys"] if isinstance(asked, dict) else map(_written, asked)
        yield from ((several, key) for key in keys)
    for action in request.get("TransactItems", []):
        for each in action.values():
            yield from _items(each)


def _written(write: Mapping[str, Any]) -> Mapping[str, Any]:
    if "PutRequest" in write:
        found: Mapping[str, Any] = write["PutRequest"]["Item"]
        return found
    deleted: Mapping[str, Any] = write["DeleteRequest"]["Key"]
    return deleted


def _compared(request: Mapping[str, Any]) -> dict[str, Any]:
    """What a key condition compares with `=`, as if it were an item."""
    names = request.get("ExpressionAttributeNames", {})
    values = request.get("ExpressionAttributeValues", {})
    return {
        names.get(name, name): values[value]
        for name, value in _EQUALS.findall(request["KeyConditionExpression"])
        if value in values
    }
