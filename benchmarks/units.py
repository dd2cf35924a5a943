"""What DynamoDB bills for requests, worked out from the requests themselves.

Sizes follow DynamoDB's rules: names and texts in UTF-8, a number half a byte a digit and one more.
A write unit is a kilobyte, begun; a transaction counts twice; an index counts once more, for its
own copy. A consistent read unit is four kilobytes, begun.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KILOBYTE = 1024

type Item = Mapping[str, Mapping[str, Any]]


def size_of(item: Item) -> int:
    """Bytes of an item."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return math.ceil(len(content.lstrip("-")) / 2) + 1
        case "BOOL" | "NULL":
            return 1
        case "NS":
            return sum(_value_size({"N": each}) for each in content)
        case "M":
            return 3 + len(content) + size_of(content)
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
    raise ValueError(f"no size is known of {kind}")


@dataclass
class Bill:
    """Write and read units, and the largest item written, by table; and calls by operation.

    Parameters
    ----------
    accounts : mapping of str to dict
        An account as it is stored, to tell what an update of it is billed by, by table.
    indexes : mapping of str to str
        The attribute without which an item is not in its table's index, by table.
    """

    accounts: Mapping[str, Item]
    indexes: Mapping[str, str] = field(default_factory=dict)
    write_units: dict[str, float] = field(default_factory=dict)
    read_units: dict[str, float] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def count(self, operation: str, request: Mapping[str, Any]) -> None:
        """Add a request to the bill."""
        self.calls[operation] = self.calls.get(operation, 0) + 1
        match operation:
            case "TransactWriteItems":
                for action in request["TransactItems"]:
                    ((_, write),) = action.items()
                    self._written(write, factor=2)
            case "PutItem" | "UpdateItem":
                self._written(request, factor=1)
            case "BatchGetItem":
                for table, asked in request["RequestItems"].items():
                    self._add(self.read_units, table, len(asked["Keys"]))
            case _:
                self._add(self.read_units, request["TableName"], 1)

    @property
    def writes(self) -> float:
        """Write units of all tables."""
        return sum(self.write_units.values())

    @property
    def reads(self) -> float:
        """Read units of all tables."""
        return sum(self.read_units.values())

    def _written(self, write: Mapping[str, Any], factor: int) -> None:
        table = write["TableName"]
        item = write.get("Item") or {**self.accounts.get(table, {}), **_set_by(write)}
        size = size_of(item)
        self.largest[table] = max(size, self.largest.get(table, 0))
        units = math.ceil(size / KILOBYTE)
        self._add(self.write_units, table, units * factor)
        if self.indexes.get(table) in item:
            self._add(self.write_units, table, units)

    @staticmethod
    def _add(units: dict[str, float], table: str, count: float) -> None:
        units[table] = units.get(table, 0) + count


def _set_by(write: Mapping[str, Any]) -> Item:
    """Key and values of an update, for the size of an item that nothing else is known of."""
    return {**write["Key"], **write.get("ExpressionAttributeValues", {})}


class BillingDynamoDB:
    """A DynamoDB client that bills what it is asked, over another that answers."""

    def __init__(self, client: Any, bill: Bill) -> None:
        self._client = client
        self._bill = bill

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        operation = "".join(part.title() for part in name.split("_"))

        def billed(**request: Any) -> Any:
            self._bill.count(operation, request)
            return call(**request)

        return billed


def shares(bill: Bill, rows: int) -> Iterator[tuple[str, float, float]]:
    """Write and read units a row, by table."""
    for table in sorted({*bill.write_units, *bill.read_units}):
        yield (
            table,
            bill.write_units.get(table, 0) / rows,
            bill.read_units.get(table, 0) / rows,
        )
