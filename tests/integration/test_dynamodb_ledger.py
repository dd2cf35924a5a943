"""The ledger's requests against DynamoDB's own expressions and transactions."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_history import DynamoDBHistory
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.ledger_items import entry_item, entry_of, history_key, member_key
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import EntryMismatchError
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Identifier
from pointflow.services.read_credits import read_credits
from tests.integration.wired import short_way

NAME = "activities_acme_20260101000000.txt"


class World:
    """A client of its own in the shared tables, and a ledger on them."""

    def __init__(self, dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> None:
        self.client_id = f"acme-{uuid4().hex[:12]}"
        self._dynamodb = dynamodb
        self._ledger_table = tables["LedgerTable"]
        self._members_table = tables["MembersTable"]
        # As deployed: what crediting calls goes over the wire without botocore's serialisers.
        self.ledger = DynamoDBLedger(short_way(dynamodb), self._ledger_table, self._members_table)

    def member(self, user_id: int, status: str = "active") -> None:
        self._dynamodb.put_item(
            TableName=self._members_table,
            Item={
                "key": {"S": member_key(self.client_id, user_id)},
                "user_id": {"N": str(user_id)},
                "status": {"S": status},
                "balance": {"N": "0"},
                "lifetime": {"N": "0"},
                "created_at": {"N": "1"},
                "updated_at": {"N": "1"},
            },
        )

    def credit(self, line: int, user_id: int, points: int = 10, content: str = "mine") -> Entry:
        return Entry(
            identity=f"{self.client_id}/{NAME}/{line}",
            content=content,
            decision=Decision.CREDITED,
            recorded_at=1_000,
            user_id=user_id,
            activity_id=7,
            activity_at=900 - line,
            points=points,
            matched_by=Identifier.EMAIL,
            conflict=line % 2 == 0,
        )

    def put(self, entry: Entry) -> None:
        self._dynamodb.put_item(
            TableName=self._ledger_table, Item=entry_item(self.client_id, entry)
        )

    def record(self, *entries: Entry) -> list[Entry]:
        return self.ledger.record(self.client_id, entries, time.monotonic() + 60)

    def entry(self, line: int) -> Entry | None:
        found = self._dynamodb.get_item(
            TableName=self._ledger_table,
            Key={"identity": {"S": f"{self.client_id}/{NAME}/{line}"}},
            ConsistentRead=True,
        )
        return entry_of(found["Item"]) if "Item" in found else None

    def balance(self, user_id: int) -> int:
        account = self._dynamodb.get_item(
            TableName=self._members_table,
            Key={"key": {"S": member_key(self.client_id, user_id)}},
            ConsistentRead=True,
        )["Item"]
        assert account["balance"] == account["lifetime"]
        return int(account["balance"]["N"])

    def history(self, user_id: int) -> Iterator[Entry]:
        """The member's credits by activity date; the index lags behind the table."""
        answer = self._dynamodb.query(
            TableName=self._ledger_table,
            IndexName="MemberIndex",
            KeyConditionExpression="#member = :member",
            ExpressionAttributeNames={"#member": "member"},
            ExpressionAttributeValues={":member": {"S": history_key(self.client_id, user_id)}},
        )
        return map(entry_of, answer["Items"])

    def pages(self, user_id: int, limit: int) -> list[list[Entry]]:
        """The member's credits as they are answered, newest first."""
        history = DynamoDBHistory(self._dynamodb, self._ledger_table)
        pages: list[list[Entry]] = []
        cursor = None
        while not pages or cursor is not None:
            page = read_credits(
                self.client_id, user_id, cursor=cursor, limit=limit, history=history
            )
            pages.append(page.items)
            cursor = page.next_cursor
        return pages


@pytest.fixture
def world(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> World:
    return World(dynamodb, tables)


def test_a_history_is_paged_even_among_credits_of_one_second(world: World) -> None:
    for user_id in (1, 2):
        world.member(user_id)
    one_second = [replace(world.credit(line, 1), activity_at=500) for line in range(1, 8)]
    others = [world.credit(line, 1) for line in (8, 9)]
    world.record(
        *one_second,
        *others,
        world.credit(10, 2),
        world.credit(11, 1, 3).rejected(RowCode.ACTIVITY_UNKNOWN),
    )

    for limit in (1, 3, 9):
        pages = world.pages(1, limit)
        found = [entry for page in pages for entry in page]
        assert [len(page) for page in pages] == [limit] * (9 // limit)
        assert found[:2] == others
        assert sorted(found[2:], key=lambda each: each.identity) == one_second


def test_entries_balances_and_history_change_together(world: World) -> None:
    for user_id in (1, 2):
        world.member(user_id)
    entries = [world.credit(1, 1, 10), world.credit(2, 2, 0), world.credit(3, 1, 5)]

    assert world.record(*entries) == entries
    assert [world.entry(line) for line in (1, 2, 3)] == entries
    assert (world.balance(1), world.balance(2)) == (15, 0)
    assert list(world.history(1)) == [entries[2], entries[0]]


def test_a_second_delivery_changes_nothing(world: World) -> None:
    for user_id in range(1, 61):
        world.member(user_id)
    entries = [world.credit(line, 1 + line % 60) for line in range(1, 501)]
    world.record(*entries)

    assert world.record(*(world.credit(line, 1) for line in range(1, 501))) == entries
    assert sum(world.balance(user_id) for user_id in range(1, 61)) == 5_000


def test_a_member_in_hundreds_of_rows_is_credited_for_each(world: World) -> None:
    world.member(1)

    world.record(*(world.credit(line, 1) for line in range(1, 251)))

    assert world.balance(1) == 2_500


def test_absent_and_inactive_members_reject_their_rows_alone(world: World) -> None:
    world.member(1)
    world.member(2, status="inactive")

    stands = world.record(world.credit(1, 1), world.credit(3, 2), world.credit(5, 404))

    assert [entry.code for entry in stands] == [
        None,
        RowCode.MEMBER_INACTIVE,
        RowCode.MEMBER_NOT_FOUND,
    ]
    assert [world.entry(line) for line in (1, 3, 5)] == stands
    assert (world.balance(1), world.balance(2)) == (10, 0)
    assert list(world.history(2)) == []


def test_only_a_rejection_of_other_content_is_replaced(world: World) -> None:
    world.member(1)
    world.put(world.credit(1, 1, content="former").rejected(RowCode.ACTIVITY_UNKNOWN))
    world.put(world.credit(2, 1).rejected(RowCode.ACTIVITY_UNKNOWN))
    world.put(world.credit(3, 1, content="other"))

    first, second = world.record(world.credit(1, 1), world.credit(2, 1))
    with pytest.raises(EntryMismatchError):
        world.record(world.credit(3, 1))

    assert (first.code, second.code) == (None, RowCode.ACTIVITY_UNKNOWN)
    assert world.balance(1) == 10


def test_workers_with_the_same_rows_at_the_same_moment_credit_each_once(world: World) -> None:
    for user_id in range(1, 31):
        world.member(user_id)
    entries = [world.credit(line, 1 + line % 30) for line in range(1, 201)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: world.record(*entries), range(4)))

    assert answers == [entries] * 4
    assert sum(world.balance(user_id) for user_id in range(1, 31)) == 2_000


@pytest.mark.parametrize(
    ("operation", "request_of"),
    [
        ("get_item", lambda table: {"TableName": table, "Key": {"key": {"S": "m"}}}),
        ("get_item", lambda table: {"TableName": table, "Key": {"key": {"S": "nobody"}}}),
        (
            "batch_get_item",
            lambda table: {"RequestItems": {table: {"Keys": [{"key": {"S": "m"}}]}}},
        ),
        (
            "query",
            lambda table: {
                "TableName": table,
                "KeyConditionExpression": "#key = :key",
                "ExpressionAttributeNames": {"#key": "key"},
                "ExpressionAttributeValues": {":key": {"S": "m"}},
            },
        ),
        ("put_item", lambda table: {"TableName": table, **unless_there("m")}),
        (
            "transact_write_items",
            lambda table: {
                "TransactItems": [
                    {"Put": {"TableName": table, **unless_there(key)}} for key in ("n", "m")
                ]
            },
        ),
        ("get_item", lambda table: {"TableName": f"{table}x", "Key": {"key": {"S": "m"}}}),
        ("update_item", lambda table: {"TableName": table, "Key": {"nokey": {"S": "m"}}}),
    ],
)
def test_the_short_way_answers_and_fails_as_botocore_does(
    dynamodb: DynamoDBClient,
    tables: Mapping[str, str],
    operation: str,
    request_of: Callable[[str], dict[str, Any]],
) -> None:
    table = tables["MembersTable"]
    dynamodb.put_item(TableName=table, Item=ITEM)

    usual, short = (
        outcome(client, operation, request_of(table)) for client in (dynamodb, short_way(dynamodb))
    )

    assert short == usual


ITEM: dict[str, Any] = {
    "key": {"S": "m"},
    "name": {"S": 'Zo\u00eb "quoted" \u7530\U0001f600'},
    "number": {"N": "12345678901234567890.5"},
    "numbers": {"NS": ["1", "2"]},
    "flag": {"BOOL": True},
}


def unless_there(key: str) -> dict[str, Any]:
    return {
        "Item": ITEM | {"key": {"S": key}},
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": "key"},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def outcome(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """What a call answers, or fails with, beside what belongs to the connection."""
    try:
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        response: Any = dict(error.response)
        failed = {name: response.get(name) for name in ("Item", "CancellationReasons")}
        return response["Error"]["Code"], failed
    answer = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
    for items in (answer.get("Item"), *answer.get("Items", ())):
        for value in (items or {}).values():
            if "NS" in value:
                value["NS"] = sorted(value["NS"])
    return answer
