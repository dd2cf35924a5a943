"""One write, alone or in a transaction: what it asks for, and what it makes of an item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.fakes.dynamodb_expressions import PLACEHOLDER, Item, change, condition, validation_error
from tests.fakes.dynamodb_reads import Key

type ItemKey = tuple[str, Key]  # table, key


class Action:
    """A Put, Update, Delete or ConditionCheck.

    Parameters
    ----------
    action : dict
        As a transaction carries it: the kind, and the request.
    key_of : callable
        The key of an item of a table.
    """

    def __init__(self, action: dict[str, Any], key_of: Callable[[str, Item], Key]) -> None:
        ((self._kind, self._body),) = action.items()
        self.table: str = self._body["TableName"]
        self.key = key_of(self.table, self._body["Item" if self._kind == "Put" else "Key"])
        self.item_key: ItemKey = (self.table, self.key)
        self._names = self._body.get("ExpressionAttributeNames", {})
        self._values = self._body.get("ExpressionAttributeValues", {})
        self._condition: str = self._body.get("ConditionExpression", "")

    @property
    def text(self) -> str:
        """What its expressions say."""
        return f"{self._condition} {self._body.get('UpdateExpression', '')}"

    @property
    def placeholders_fit(self) -> bool:
        """Whether every placeholder is defined, and every definition used."""
        return set(PLACEHOLDER.findall(self.text)) == {*self._names, *self._values}

    def holds(self, item: Item) -> bool:
        """Whether the condition holds for an item; an empty one is absent."""
        return not self._condition or condition(self._condition)(item, self._names, self._values)

    def failed(self, found: Item | None) -> dict[str, Any]:
        """The reason given when the condition does not hold."""
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed"}
        if found and self._body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            reason["Item"] = dict(found)
        return reason

    def applied_to(self, item: Item | None) -> Item | None:
        """The item afterwards; None: there is none."""
        if self._kind == "Put":
            return dict(self._body["Item"])
        if self._kind == "Delete":
            return None
        if self._kind == "ConditionCheck":
            return item
        changed = {**(item or {}), **self._body["Key"]}
        if "UpdateExpression" in self._body:
            change(self._body["UpdateExpression"])(changed, self._names, self._values)
        return changed


def check_request(actions: Sequence[Action]) -> None:
    """Refuse what DynamoDB refuses before it looks at any item."""
    if not 1 <= len(actions) <= 100:
        raise validation_error(f"{len(actions)} actions")
    if len({action.item_key for action in actions}) < len(actions):
        raise validation_error("an item stands twice in one transaction")
    for action in actions:
        if not action.placeholders_fit:
            raise validation_error(f"placeholders do not fit {action.text!r}")
