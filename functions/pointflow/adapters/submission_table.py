"""Reads and conditional writes on BatchesTable, repeated while DynamoDB is busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from pointflow.adapters.retrying import CONTENTION_CODES, Backoff, error_code, persist
from pointflow.adapters.submission_keys import Attribute, Item, text
from pointflow.adapters.write_requests import Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALL_SECONDS = 20.0
"""How long one call of the store goes on trying. A queue delivers again what failed."""

CONDITION_FAILED = "ConditionalCheckFailedException"
_CONDITION_REASON = "ConditionalCheckFailed"


def patient() -> Backoff:
    """The waiting that one call of the store may do."""
    return Backoff(time.monotonic() + CALL_SECONDS)


class SubmissionTable:
    """BatchesTable as the store talks to it.

    A write whose answer was lost is sent again: every write is conditional, so the second one
    changes nothing, and whoever sent it reads what is on record.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    name : str
    backoff : callable
        Makes the waiting for one call.
    """

    def __init__(
        self, client: DynamoDBClient, name: str, backoff: Callable[[], Backoff] = patient
    ) -> None:
        self.name = name
        self.backoff = backoff
        self._client = client

    def get(self, key: Mapping[str, Attribute]) -> Item | None:
        """An item, read consistently."""
        answer = self._call(
            self._client.get_item, TableName=self.name, Key=dict(key), ConsistentRead=True
        )
        item: Item | None = answer.get("Item")
        return item

    def query(self, pk: str, sk_prefix: str) -> Iterator[Item]:
        """Items of a partition by sort key, read consistently, page by page."""
        return self.pages(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": text(pk), ":prefix": text(sk_prefix)},
            ConsistentRead=True,
        )

    def between(
        self, first: Mapping[str, Attribute], last: Mapping[str, Attribute]
    ) -> Iterator[Item]:
        """Items of one partition from one key to another, read consistently, page by page."""
        return self.pages(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": first["pk"],
                ":first": first["sk"],
                ":last": last["sk"],
            },
            ConsistentRead=True,
        )

    def pages(self, **query: Any) -> Iterator[Item]:
        """Items that a Query finds, page by page."""
        start: dict[str, Any] = {}
        while True:
            answer = self._call(self._client.query, TableName=self.name, **query, **start)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def put(self, request: Request) -> Item | None:
        """PutItem. The item in the way, where there is one; None when it was written."""
        try:
            self._call(self._client.put_item, **request)
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            return cast("Item", error.response["Item"])  # type: ignore[typeddict-item]
        return None

    def update(self, request: Request) -> bool:
        """UpdateItem. False when its condition did not hold."""
        try:
            self._call(self._client.update_item, **request)
        except ClientError as error:
            if error_code(error) != CONDITION_FAILED:
                raise
            return False
        return True

    def transact(self, actions: Sequence[Mapping[str, Request]]) -> frozenset[int]:
        """TransactWriteItems: everything or nothing.

        Returns
        -------
        frozenset of int
            Which actions' conditions did not hold. Empty: everything was written.
        """
        backoff = self.backoff()
        while True:
            try:
                self._try(backoff, self._client.transact_write_items, TransactItems=list(actions))
            except ClientError as error:
                codes = cancellation_codes(error)
                failed = [index for index, code in enumerate(codes) if code == _CONDITION_REASON]
                if failed:
                    return frozenset(failed)
                if CONTENTION_CODES.isdisjoint(codes):
                    raise
                backoff.wait("the transaction conflicts with others")
            else:
                return frozenset()

    def _call(self, operation: Callable[..., Any], **request: Any) -> Any:
        return self._try(self.backoff(), operation, **request)

    def _try(self, backoff: Backoff, operation: Callable[..., Any], **request: Any) -> Any:
        return persist(backoff, "BatchesTable", operation, **request)


def cancellation_codes(error: ClientError) -> list[str]:
    """Why each action of a cancelled transaction failed; empty for any other error."""
    if error_code(error) != "TransactionCanceledException":
        return []
    reasons = cast("list[dict[str, Any]]", error.response.get("CancellationReasons", []))
    return [str(reason.get("Code")) for reason in reasons]
