"""A DynamoDB client whose writes go wrong where a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError
from mypy_boto3_dynamodb import DynamoDBClient

WRITES = ("put_item", "update_item", "transact_write_items")


class CrashError(Exception):
    """The process ends here."""


@dataclass(frozen=True, slots=True)
class Write:
    """A write that is about to be sent; `number` counts from 0."""

    number: int
    operation: str
    send: Callable[[], Any]


type Fault = Callable[[Write], Any]


class FaultyClient:
    """Leaves every write to `fault`."""

    def __init__(self, client: DynamoDBClient, fault: Fault) -> None:
        self._client = client
        self._fault = fault
        self._writes = 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in WRITES:
            return operation

        def write(**request: Any) -> Any:
            number, self._writes = self._writes, self._writes + 1
            return self._fault(Write(number, name, lambda: operation(**request)))

        return write


def crash_before(nth: int) -> Fault:
    """The process ends before the nth write is sent."""

    def fault(write: Write) -> Any:
        if write.number == nth:
            raise CrashError
        return write.send()

    return fault


def crash_after(nth: int) -> Fault:
    """The process ends as soon as the nth write is answered, well or badly."""

    def fault(write: Write) -> Any:
        try:
            return write.send()
        finally:
            if write.number == nth:
                raise CrashError

    return fault


def lose_every_other_answer(write: Write) -> Any:
    """Every write is done, but only the answer to its repeat arrives."""
    if write.number % 2:
        return write.send()
    write.send()
    raise ReadTimeoutError(endpoint_url="http://127.0.0.1")


def conflict_every_other_time(write: Write) -> Any:
    """Another writer is in the way each time a write is sent first."""
    if write.number % 2:
        return write.send()
    raise _conflict(write)


def conflict_always(write: Write) -> Any:
    """Another writer is in the way for ever."""
    raise _conflict(write)


def _conflict(write: Write) -> ClientError:
    if write.operation != "transact_write_items":
        answer: Any = {"Error": {"Code": "TransactionConflictException"}}
    else:
        answer = {
            "Error": {"Code": "TransactionCanceledException"},
            "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        }
    return ClientError(answer, write.operation)


def overtaken_by(other: Callable[[], object]) -> Fault:
    """Somebody else is faster than the first transaction that relies on what was read."""
    waiting = [other]

    def fault(write: Write) -> Any:
        if write.operation == "transact_write_items" and waiting:
            waiting.pop()()
        return write.send()

    return fault
