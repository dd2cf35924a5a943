"""Consistent BatchGetItem of any number of keys: every key is asked until it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.retrying import Backoff, is_contention

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    Item = dict[str, Any]

KEYS_PER_REQUEST = 100
"""DynamoDB's limit."""

PATIENCE_SECONDS = 20.0
"""How long one call of an adapter goes on against throttling, unless its owner says otherwise."""

type Patience = Callable[[], Backoff]
"""Starts the waiting of one call."""


def patient() -> Backoff:
    """Wait for up to `PATIENCE_SECONDS` in all."""
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


def batch_get(
    client: DynamoDBClient,
    table: str,
    keys: Iterable[Item],
    attributes: Sequence[str],
    patience: Patience = patient,
) -> Iterator[Item]:
    """Read items by key.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
        The table's name.
    keys : iterable of dict
        Whole primary keys as AttributeValues, none of them twice (DynamoDB refuses the request).
    attributes : sequence of str
        What to read of each item.
    patience : callable
        Makes the back-off of this call.

    Yields
    ------
    dict
        The items that exist, in no order.

    Raises
    ------
    ContentionError
        Keys were still unprocessed at the deadline.
    """
    backoff = patience()
    for part in batched(keys, KEYS_PER_REQUEST, strict=False):
        pending = list(part)
        while pending:
            items, pending = _read(client, build_batch_get(table, pending, attributes), pending)
            yield from items
            if pending:
                backoff.wait(f"BatchGetItem left {len(pending)} keys unprocessed")


def build_batch_get(table: str, keys: Sequence[Item], attributes: Sequence[str]) -> Item:
    """The request for up to 100 keys."""
    names = {f"#{name}": name for name in attributes}
    return {
        "RequestItems": {
            table: {
                "Keys": list(keys),
                "ConsistentRead": True,
                "ProjectionExpression": ", ".join(names),
                "ExpressionAttributeNames": names,
            }
        }
    }


def _read(client: DynamoDBClient, request: Item, keys: list[Item]) -> tuple[list[Item], list[Item]]:
    """One request's items, and the keys to ask for again."""
    try:
        response: Any = client.batch_get_item(**request)
    except (ClientError, BotoCoreError) as error:
        if not is_contention(error):
            raise
        return [], keys
    (table,) = request["RequestItems"]
    left = response.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    return response["Responses"].get(table, []), left
