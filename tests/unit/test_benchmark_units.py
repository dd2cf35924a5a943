"""What DynamoDB bills: the sizes that the benchmarks count with, and what a row may cost."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.ledger import CHUNK_ROWS, bill_of
from benchmarks.units import Bill, size_of


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "abc"}, 3),
        ({"S": "\u7530"}, 3),
        ({"N": "0"}, 2),
        ({"N": "123"}, 3),
        ({"N": "-1234"}, 3),
        ({"BOOL": True}, 1),
        ({"NS": ["1", "12"]}, 4),
        ({"M": {"a": {"S": "b"}}}, 6),
        ({"L": [{"S": "b"}]}, 5),
    ],
)
def test_an_attribute_has_the_size_that_dynamodb_counts(value: dict[str, Any], size: int) -> None:
    assert size_of({"name": value}) == 4 + size


def test_a_transaction_counts_twice_and_an_index_once_more() -> None:
    bill = Bill({"members": {"key": {"S": "x" * 1_030}}}, {"ledger": "member"})
    bill.count(
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Put": {"TableName": "ledger", "Item": {"member": {"S": "1"}}}},
                {"Put": {"TableName": "ledger", "Item": {"identity": {"S": "1"}}}},
                {"Update": {"TableName": "members", "Key": {"key": {"S": "x" * 1_030}}}},
            ]
        },
    )
    assert bill.write_units == {"ledger": 3 + 2, "members": 4}


@pytest.mark.parametrize(("a_member", "most"), [(1, 5.1), (2, 4.1), (5, 3.5), (20, 3.2)])
def test_a_row_costs_no_more_write_units_than_promised(a_member: int, most: float) -> None:
    bill = bill_of(a_member, chunks=1)
    assert bill.writes / CHUNK_ROWS <= most
    assert max(bill.largest.values()) < 1_024
