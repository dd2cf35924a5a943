"""The books in DynamoDB: accounts, entries and batches as they are stored, read to be proved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pointflow.adapters.batch_get import Patience, batch_get, patient
from pointflow.adapters.ledger_items import entry_of, history_key, member_key
from pointflow.adapters.retrying import persist
from pointflow.adapters.submission_items import read_close, read_open_ref
from pointflow.adapters.submission_keys import CELLS, Item, cells_of
from pointflow.adapters.submission_table import SubmissionTable
from pointflow.domain.ledger import (
    AccountChange,
    Entry,
    account_change,
    row_identity,
    undo_identity,
)
from pointflow.domain.submission import SubmissionRef
from pointflow.domain.verification import Account
from pointflow.ports.books import CellRecord, Page

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PAGE_MEMBERS = 400
"""Items a page. Few of them, so that a slice ends in time: each account is a query of its own."""

PAGE_SUBMISSIONS = 100

_ACCOUNT_KEY = re.compile(r"(?P<client>[A-Za-z0-9-]+)#M#(?P<user>[0-9]+)")
_ENTRY = ("identity", "content", "decision", "recorded_at", "points", "code", "conflict")


class DynamoDBBooks:
    """Reads what has to add up. Fulfils `ports.books.Books`; safe for threads.

    Parameters
    ----------
    client : DynamoDBClient
    members_table, ledger_table, batches_table : str
        Names of the tables.
    patience : callable
        Makes the back-off of one call.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        members_table: str,
        ledger_table: str,
        batches_table: str,
        *,
        patience: Patience = patient,
    ) -> None:
        self._client = client
        self._members_table = members_table
        self._ledger_table = ledger_table
        self._batches_table = batches_table
        self._batches = SubmissionTable(client, batches_table, patience)
        self._patience = patience

    def accounts(self, segment: int, segments: int, after: str | None) -> Page[Account]:
        """Accounts of a segment of MembersTable; pointers are passed over."""
        answer = self._call(
            self._client.scan,
            TableName=self._members_table,
            ConsistentRead=True,
            Segment=segment,
            TotalSegments=segments,
            Limit=PAGE_MEMBERS,
            FilterExpression="attribute_exists(#balance) OR attribute_exists(#lifetime)",
            ProjectionExpression="#key, #balance, #lifetime",
            ExpressionAttributeNames={
                "#key": "key",
                "#balance": "balance",
                "#lifetime": "lifetime",
            },
            **_start(after),
        )
        items = tuple((_place(item, ("key",)), _account(item)) for item in answer["Items"])
        return Page(items, _end(answer))

    def account(self, client_id: str, user_id: int) -> Account | None:
        """One account, read consistently."""
        answer = self._call(
            self._client.get_item,
            TableName=self._members_table,
            Key={"key": {"S": member_key(client_id, user_id)}},
            ConsistentRead=True,
            ProjectionExpression="#key, #balance, #lifetime",
            ExpressionAttributeNames={
                "#key": "key",
                "#balance": "balance",
                "#lifetime": "lifetime",
            },
        )
        return _account(answer["Item"]) if "Item" in answer else None

    def change(self, client_id: str, user_id: int) -> AccountChange:
        """What all entries in the member's history change, added up page by page."""
        return account_change(self._history(history_key(client_id, user_id)))

    def submissions(self, segment: int, segments: int, after: str | None) -> Page[SubmissionRef]:
        """Submissions of a segment of ClientIndex, which holds them alone."""
        answer = self._call(
            self._client.scan,
            TableName=self._batches_table,
            IndexName="ClientIndex",
            Segment=segment,
            TotalSegments=segments,
            Limit=PAGE_SUBMISSIONS,
            ProjectionExpression="pk, sk, client_id, received_sort",
            **_start(after),
        )
        keys = ("pk", "sk", "client_id", "received_sort")
        items = tuple((_place(item, keys), read_open_ref(item)) for item in answer["Items"])
        return Page(items, _end(answer))

    def cells(self, ref: SubmissionRef) -> Iterator[CellRecord]:
        """The closed cells of a submission."""
        for item in self._batches.query(cells_of(ref), CELLS):
            close = read_close(item)
            if close is not None:
                yield CellRecord(close, complete="completed_at" in item)

    def entries(self, batch: str, lines: Iterable[int]) -> Iterator[Entry]:
        """The entries of some lines of a batch."""
        return self._entries(row_identity(batch, line) for line in lines)

    def undone(self, batch: str, lines: Iterable[int]) -> Iterator[Entry]:
        """The entries that take back credits of some lines of a batch."""
        return self._entries(undo_identity(row_identity(batch, line)) for line in lines)

    def _entries(self, identities: Iterable[str]) -> Iterator[Entry]:
        keys = ({"identity": {"S": identity}} for identity in identities)
        items = batch_get(self._client, self._ledger_table, keys, _ENTRY, self._patience)
        return map(entry_of, items)

    def _history(self, member: str) -> Iterator[Entry]:
        start: dict[str, Any] = {}
        while True:
            answer = self._call(
                self._client.query,
                TableName=self._ledger_table,
                IndexName="MemberIndex",
                KeyConditionExpression="#member = :member",
                ProjectionExpression=", ".join(f"#{name}" for name in _ENTRY),
                ExpressionAttributeNames={
                    "#member": "member",
                    **{f"#{name}": name for name in _ENTRY},
                },
                ExpressionAttributeValues={":member": {"S": member}},
                **start,
            )
            yield from map(entry_of, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        return persist(self._patience(), "the books", operation, **request)


def _account(item: Mapping[str, Any]) -> Account:
    key = item["key"]["S"]
    matched = _ACCOUNT_KEY.fullmatch(key)
    if matched is None:
        raise ValueError("an item of MembersTable has a balance and is no account")
    return Account(
        client_id=matched["client"],
        user_id=int(matched["user"]),
        balance=int(item.get("balance", {"N": "0"})["N"]),
        lifetime=int(item.get("lifetime", {"N": "0"})["N"]),
    )


def _place(item: Item, names: Iterable[str]) -> str:
    return json.dumps({name: item[name] for name in names}, sort_keys=True)


def _start(after: str | None) -> dict[str, Any]:
    return {} if after is None else {"ExclusiveStartKey": json.loads(after)}


def _end(answer: Mapping[str, Any]) -> str | None:
    last = answer.get("LastEvaluatedKey")
    return None if last is None else _place(last, last)
