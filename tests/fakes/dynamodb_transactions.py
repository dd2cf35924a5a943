"""A transaction server that answers as DynamoDB does, conflicts included.

No emulator answers TransactionConflict, because each runs one transaction after the other. Here a
transaction holds its items while it is under way, and whoever touches one of them meanwhile is
cancelled with the reasons that DynamoDB would give. Anything DynamoDB would refuse (more than 100
actions, an item twice, placeholders that are missing or not used) is refused.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
ItemKey = tuple[str, str]  # table, key

_TOKEN = re.compile(r"\s*(attribute_not_exists|attribute_exists|AND|OR|<>|=|[(),]|[#:]\w+)")


class TransactingDynamoDB:
    """TransactWriteItems over tables in memory.

    Parameters
    ----------
    keys : mapping of str to str
        Table name -> its key attribute.
    seconds : float
        How long a transaction holds its items.

    Attributes
    ----------
    tables : dict
        Table name -> key -> item.
    requests : list of dict
        Every request, in the order of arrival.
    conflicts_answered : int
        How many actions were answered with TransactionConflict.
    """

    def __init__(self, keys: Mapping[str, str], seconds: float = 0.0) -> None:
        self.tables: dict[str, dict[str, Item]] = {table: {} for table in keys}
        self.requests: list[dict[str, Any]] = []
        self.conflicts_answered = 0
        self._keys = keys
        self._seconds = seconds
        self._mutex = threading.Lock()
        self._held: set[ItemKey] = set()
        self._conflicts: Counter[ItemKey] = Counter()
        self._faults: deque[tuple[Exception, bool]] = deque()
        self._refused: dict[ItemKey, str] = {}

    def put(self, table: str, item: Item) -> None:
        """Put an item in place, as somebody else would."""
        self.tables[table][item[self._keys[table]]["S"]] = item

    @contextmanager
    def held(self, table: str, key: str) -> Iterator[None]:
        """Another writer's transaction holds the item for as long as the block runs."""
        self._held.add((table, key))
        try:
            yield
        finally:
            self._held.discard((table, key))

    def conflict(self, table: str, key: str, times: int) -> None:
        """Another writer is in the way of the next few transactions that touch the item."""
        self._conflicts[table, key] += times

    def fail_next(self, error: Exception, *, applied: bool = False) -> None:
        """Answer the next request that has no fault yet with an error; `applied` writes first."""
        self._faults.append((error, applied))

    def refuse(self, table: str, key: str, code: str) -> None:
        """Cancel whatever touches the item with a reason of this code."""
        self._refused[table, key] = code

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        actions = [_Action(entry, self._keys) for entry in request["TransactItems"]]
        _check_request(actions)
        with self._mutex:
            self.requests.append(request)
            fault = self._faults.popleft() if self._faults else None
            if fault is not None and not fault[1]:
                raise fault[0]
            self._begin(actions)
        try:
            if self._seconds:
                time.sleep(self._seconds)
            with self._mutex:
                self._commit(actions)
        finally:
            with self._mutex:
                self._held.difference_update(action.item_key for action in actions)
        if fault is not None:
            raise fault[0]
        return {}

    def _begin(self, actions: list[_Action]) -> None:
        keys = [action.item_key for action in actions]
        reasons = [{"Code": self._refused.get(key) or self._conflict_code(key)} for key in keys]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _cancelled(reasons)
        self._held.update(keys)

    def _conflict_code(self, key: ItemKey) -> str:
        if self._conflicts[key] == 0 and key not in self._held:
            return "None"
        self._conflicts[key] = max(0, self._conflicts[key] - 1)
        self.conflicts_answered += 1
        return "TransactionConflict"

    def _commit(self, actions: list[_Action]) -> None:
        reasons: list[dict[str, Any]] = []
        for action in actions:
            found = self.tables[action.table].get(action.key)
            if action.condition_holds(found or {}):
                reasons.append({"Code": "None"})
            else:
                reasons.append(action.failed(found))
        if any(reason["Code"] != "None" for reason in reasons):
            raise _cancelled(reasons)
        for action in actions:
            table = self.tables[action.table]
            table[action.key] = action.applied_to(table.get(action.key, {}))


class _Action:
    """One Put or Update of a transaction."""

    def __init__(self, action: dict[str, Any], keys: Mapping[str, str]) -> None:
        ((self._kind, self._body),) = action.items()
        self.table: str = self._body["TableName"]
        carrier = self._body["Item"] if self._kind == "Put" else self._body["Key"]
        self.key: str = carrier[keys[self.table]]["S"]
        self._names: dict[str, str] = self._body["ExpressionAttributeNames"]
        self._values: dict[str, Any] = self._body["ExpressionAttributeValues"]

    @property
    def item_key(self) -> ItemKey:
        return self.table, self.key

    @property
    def text(self) -> str:
        return f"{self._body['ConditionExpression']} {self._body.get('UpdateExpression', '')}"

    def placeholders_fit(self) -> bool:
        return set(re.findall(r"[#:]\w+", self.text)) == {*self._names, *self._values}

    def condition_holds(self, item: Item) -> bool:
        condition = _Condition(self._body["ConditionExpression"], self._names, self._values)
        return condition.holds(item)

    def failed(self, found: Item | None) -> dict[str, Any]:
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed"}
        if found and self._body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            reason["Item"] = found
        return reason

    def applied_to(self, item: Item) -> Item:
        if self._kind == "Put":
            return dict(self._body["Item"])
        changed = {**item, **self._body["Key"]}
        for verb, clauses in re.findall(
            r"(ADD|SET) (.*?)(?= ADD| SET|$)", self._body["UpdateExpression"]
        ):
            for clause in clauses.split(","):
                name, value = re.findall(r"[#:]\w+", clause)
                changed[self._names[name]] = self._changed(verb, changed, name, value)
        return changed

    def _changed(self, verb: str, item: Item, name: str, value: str) -> dict[str, str]:
        new: dict[str, str] = self._values[value]
        if verb == "SET":
            return new
        old = item.get(self._names[name], {"N": "0"})
        return {"N": str(int(old["N"]) + int(new["N"]))}


class _Condition:
    """A condition expression of attribute_exists, comparisons, AND, OR and parentheses."""

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._tokens = deque(_TOKEN.findall(text))
        if "".join(self._tokens) != text.replace(" ", ""):
            raise _validation_error(f"cannot read {text!r}")
        self._names = names
        self._values = values

    def holds(self, item: Item) -> bool:
        outcome = self._any(item)
        if self._tokens:
            raise _validation_error("condition goes on where it should end")
        return outcome

    def _any(self, item: Item) -> bool:
        outcome = self._all(item)
        while self._tokens and self._tokens[0] == "OR":
            self._tokens.popleft()
            outcome = self._all(item) or outcome
        return outcome

    def _all(self, item: Item) -> bool:
        outcome = self._term(item)
        while self._tokens and self._tokens[0] == "AND":
            self._tokens.popleft()
            outcome = self._term(item) and outcome
        return outcome

    def _term(self, item: Item) -> bool:
        token = self._tokens.popleft()
        if token == "(":
            outcome = self._any(item)
            self._tokens.popleft()
            return outcome
        if token.startswith("attribute"):
            _, name, _ = (self._tokens.popleft() for _ in range(3))
            return (self._names[name] in item) is (token == "attribute_exists")
        operator, value = self._tokens.popleft(), self._tokens.popleft()
        same = item.get(self._names[token]) == self._values[value]
        # How DynamoDB compares an absent attribute with <> is not for a test double to guess.
        if operator == "<>" and item and self._names[token] not in item:
            raise AssertionError(f"compared absent {self._names[token]!r}")
        return bool(same == (operator == "="))


def _check_request(actions: list[_Action]) -> None:
    if not 1 <= len(actions) <= 100:
        raise _validation_error(f"{len(actions)} actions")
    if len({action.item_key for action in actions}) < len(actions):
        raise _validation_error("an item stands twice in one transaction")
    for action in actions:
        if not action.placeholders_fit():
            raise _validation_error(f"placeholders do not fit {action.text!r}")


def client_error(code: str) -> ClientError:
    """An error answer as botocore raises it."""
    return ClientError({"Error": {"Code": code, "Message": code}}, "TransactWriteItems")


def _validation_error(message: str) -> ClientError:
    response = {"Error": {"Code": "ValidationException", "Message": message}}
    return ClientError(response, "TransactWriteItems")  # type: ignore[arg-type]


def _cancelled(reasons: list[dict[str, Any]]) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": reasons,
    }
    return ClientError(response, "TransactWriteItems")
