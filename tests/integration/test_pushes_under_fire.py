"""The thousand pushes of `tests.contracts` against DynamoDB: throttled, cut off, workers dying."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations
from pointflow.adapters.expiration_items import CURRENT, view_of_item
from pointflow.adapters.retrying import Backoff
from pointflow.domain.expiration_view import ExpirationView
from tests.contracts.pushes_under_fire import CrashedError, Trouble, check_thousand_pushes
from tests.integration.wired import short_way

KINDS = ("throttled", "never sent", "answer lost", "crash before", "crash after")


class TroubledClient:
    """A DynamoDB client whose writes throttle, lose their answers, or are the worker's last.

    Attributes
    ----------
    shown : list of ExpirationView
        Every view that became a current one, as the table's stream would tell.
    """

    def __init__(self, client: DynamoDBClient, trouble: Trouble) -> None:
        self._client = client
        self._trouble = trouble
        self._lock = threading.Lock()
        self.shown: list[ExpirationView] = []

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name in {"put_item", "update_item"}:
            return lambda **request: self._write(operation, request)
        return operation

    def _write(self, operation: Callable[..., Any], request: Mapping[str, Any]) -> Any:
        kind = self._trouble.next()
        if kind == "throttled":
            answer: Any = {"Error": {"Code": "ProvisionedThroughputExceededException"}}
            raise ClientError(answer, "PutItem")
        if kind == "never sent":
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        if kind == "crash before":
            raise CrashedError
        refused: ClientError | None = None
        answered: Any = None
        try:
            answered = operation(**request)
            if request.get("Item", {}).get("sk", {}).get("S") == CURRENT:
                with self._lock:
                    self.shown.append(view_of_item(request["Item"]))
        except ClientError as error:
            refused = error
        # Also of a write that was refused nobody may learn.
        if kind == "answer lost":
            raise ReadTimeoutError(endpoint_url="https://dynamodb")
        if kind == "crash after":
            raise CrashedError
        if refused is not None:
            raise refused
        return answered


@pytest.mark.timeout(300)
def test_a_thousand_pushes_in_any_order_with_every_trouble_end_in_the_newest_of_each_member(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    def patience() -> Backoff:
        return Backoff(time.monotonic() + 60, base=0.001, cap=0.005)

    trouble = Trouble(KINDS, seed=12)
    client = TroubledClient(short_way(dynamodb), trouble)
    store = DynamoDBExpirations(
        cast("DynamoDBClient", client), tables["ExpirationsTable"], patience=patience
    )

    check_thousand_pushes(store, trouble, lambda: client.shown)
