"""Tables in memory (moto) for adapter tests: one writer at a time, as moto wants it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEYS = {
    "catalog": ("client_id", "item"),
    "members": ("key",),
    "ledger": ("identity",),
}


@contextmanager
def moto_tables() -> Iterator[DynamoDBClient]:
    """A client of a DynamoDB that holds the tables `catalog`, `members` and `ledger`, empty."""
    with mock_aws():
        client = _client()
        for table, keys in _KEYS.items():
            kinds: Any = zip(keys, ("HASH", "RANGE"), strict=False)
            client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
            )
        yield client


@cache
def _client() -> DynamoDBClient:
    # Made once, because it costs more than all the tests together.
    return boto3.client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


class Interrupted:
    """A client that lets other things happen before its calls.

    `before["transact_write_items"]` holds what the next calls of that name meet, one each: an
    exception to raise, or something to call first. `calls` names every call.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.before: dict[str, list[Any]] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**request: Any) -> Any:
            self.calls.append(name)
            waiting = self.before.get(name)
            if waiting:
                event = waiting.pop(0)
                if isinstance(event, Exception):
                    raise event
                event()
            return method(**request)

        return call
