"""A DynamoDB in memory that answers as DynamoDB does, conflicts included.

No emulator answers TransactionConflict, because each runs one transaction after the other. Here a
transaction holds its items from the moment it is accepted until it is written, as long as
`seconds` says. Whatever else wants to write one of them meanwhile is refused: another transaction
with the reasons that DynamoDB would give, item by item, a single write with
TransactionConflictException. A single write holds its item as well, against transactions alone.
A transaction that is refused holds the items it could have had until it is undone, half as long.
Reads see what is written, never wait and are never refused.

Anything DynamoDB would refuse (more than 100 actions, an item twice, placeholders that are missing
or not used) is refused.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from botocore.exceptions import ClientError

from tests.fakes.dynamodb_actions import Action, ItemKey, check_request
from tests.fakes.dynamodb_reads import Key, MemoryTables

_FINE = {"Code": "None"}


class TransactingDynamoDB(MemoryTables):
    """The calls of a low-level DynamoDB client that pointflow makes, over tables in memory.

    Parameters
    ----------
    keys : mapping of str to str or (str, str)
        Table name -> its key attributes.
    seconds : float
        How long a transaction holds its items.
    indexes : mapping of str to (str, str)
        Index name -> its key attributes.
    keep_requests : bool
        Whether `requests` remembers every transaction; a benchmark has too many.
    sleep : callable
        How the seconds pass.

    Attributes
    ----------
    tables : dict
        Table name -> key -> item. The key is a text, or two where the table has a sort key.
    requests : list of dict
        Every transaction, in the order of arrival.
    calls : Counter of str
        How often each operation was called.
    conflicts_answered : int
        How many actions were answered with TransactionConflict.
    """

    def __init__(
        self,
        keys: Mapping[str, str | tuple[str, str]],
        seconds: float = 0.0,
        *,
        indexes: Mapping[str, tuple[str, str]] | None = None,
        keep_requests: bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(keys, indexes or {})
        self.requests: list[dict[str, Any]] = []
        self.conflicts_answered = 0
        self._seconds = seconds
        self._keep_requests = keep_requests
        self._sleep = sleep
        self._held: set[ItemKey] = set()
        self._being_written: Counter[ItemKey] = Counter()
        self._conflicts: Counter[ItemKey] = Counter()
        self._faults: deque[tuple[Exception, bool]] = deque()
        self._refused: dict[ItemKey, str] = {}

    def put(self, table: str, item: Mapping[str, Any]) -> None:
        """Put an item in place, as somebody else would."""
        self.tables[table][self.key_of(table, item)] = dict(item)

    @contextmanager
    def held(self, table: str, key: Key) -> Iterator[None]:
        """Another writer's transaction holds the item for as long as the block runs."""
        self._held.add((table, key))
        try:
            yield
        finally:
            self._held.discard((table, key))

    def conflict(self, table: str, key: Key, times: int) -> None:
        """Another writer is in the way of the next few writes that touch the item."""
        self._conflicts[table, key] += times

    def fail_next(self, error: Exception, *, applied: bool = False) -> None:
        """Answer the next transaction without a fault yet with an error; `applied` writes first."""
        self._faults.append((error, applied))

    def refuse(self, table: str, key: Key, code: str) -> None:
        """Cancel whatever touches the item with a reason of this code."""
        self._refused[table, key] = code

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        actions = [Action(entry, self.key_of) for entry in request["TransactItems"]]
        check_request(actions)
        with self.mutex:
            self.calls["transact_write_items"] += 1
            if self._keep_requests:
                self.requests.append(request)
            fault = self._faults.popleft() if self._faults else None
            if fault is not None and not fault[1]:
                raise fault[0]
            reasons = [self._reason(action) for action in actions]
            accepted = [
                action.item_key
                for action, reason in zip(actions, reasons, strict=True)
                if reason is _FINE
            ]
            self._held.update(accepted)
        if len(accepted) < len(actions):
            self._cancel(accepted, reasons)
        self._pass(self._seconds)
        with self.mutex:
            for action in actions:
                self._write(action)
            self._held.difference_update(accepted)
        if fault is not None:
            raise fault[0]
        return {}

    def put_item(self, **request: Any) -> dict[str, Any]:
        return self._write_alone("Put", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        return self._write_alone("Update", request)

    def delete_item(self, **request: Any) -> dict[str, Any]:
        return self._write_alone("Delete", request)

    def _write_alone(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        action = Action({kind: request}, self.key_of)
        check_request([action])
        key = action.item_key
        with self.mutex:
            self.calls[f"{kind.lower()}_item"] += 1
            if self._in_the_way(key, of_single_write=True):
                raise client_error("TransactionConflictException")
            self._being_written[key] += 1
        try:
            self._pass(self._seconds / 2)
            with self.mutex:
                reason = self._condition_reason(action)
                if reason is not _FINE:
                    raise _condition_failed(reason)
                self._write(action)
        finally:
            with self.mutex:
                self._being_written[key] -= 1
        return {}

    def _cancel(self, accepted: Sequence[ItemKey], reasons: list[dict[str, Any]]) -> NoReturn:
        try:
            self._pass(self._seconds / 2)
        finally:
            with self.mutex:
                self._held.difference_update(accepted)
        raise _cancelled(reasons)

    def _reason(self, action: Action) -> dict[str, Any]:
        refused = self._refused.get(action.item_key)
        if refused is not None:
            return {"Code": refused}
        if self._in_the_way(action.item_key, of_single_write=False):
            return {"Code": "TransactionConflict"}
        return self._condition_reason(action)

    def _condition_reason(self, action: Action) -> dict[str, Any]:
        found = self.tables[action.table].get(action.key)
        return _FINE if action.holds(found or {}) else action.failed(found)

    def _in_the_way(self, key: ItemKey, *, of_single_write: bool) -> bool:
        written = not of_single_write and self._being_written[key] > 0
        if self._conflicts[key] == 0 and key not in self._held and not written:
            return False
        self._conflicts[key] = max(0, self._conflicts[key] - 1)
        self.conflicts_answered += 1
        return True

    def _write(self, action: Action) -> None:
        items = self.tables[action.table]
        changed = action.applied_to(items.get(action.key))
        if changed is None:
            items.pop(action.key, None)
        else:
            items[action.key] = changed

    def _pass(self, seconds: float) -> None:
        if seconds:
            self._sleep(seconds)


def client_error(code: str) -> ClientError:
    """An error answer as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}}, "TransactWriteItems")


def _condition_failed(reason: dict[str, Any]) -> ClientError:
    code = "ConditionalCheckFailedException"
    response: Any = {"Error": {"Code": code, "Message": "The conditional request failed"}}
    if "Item" in reason:
        response["Item"] = reason["Item"]
    return ClientError(response, "UpdateItem")


def _cancelled(reasons: list[dict[str, Any]]) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": reasons,
    }
    return ClientError(response, "TransactWriteItems")
