"""How entries become transactions: grouped by member, packed, written down as requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from pointflow.adapters.ledger_items import (
    ADD_TO_ACCOUNT,
    account_values,
    entry_item,
    member_key,
)
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import MemberStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemsInputTypeDef,
        TransactWriteItemTypeDef,
    )

MAX_ACTIONS = 100
"""DynamoDB's limit. At under 1 KB an item, its other limit of 4 MB is far away."""


@dataclass(frozen=True, slots=True)
class Group:
    """Entries that are recorded together with the one balance update they add up to.

    `user_id` is None for what changes no balance: a rejection, or taking back what an account was
    granted that is gone.
    """

    user_id: int | None
    entries: tuple[Entry, ...]

    @property
    def actions(self) -> int:
        """How many of a transaction's actions the group takes."""
        return len(self.entries) + (self.user_id is not None)

    @property
    def takes_back(self) -> bool:
        """Whether it takes credits back, which no account is exempt from: not an inactive one."""
        return all(entry.decision is Decision.UNDONE for entry in self.entries)


type Transaction = tuple[Group, ...]
type Lane = tuple[Transaction, ...]
"""Transactions that run one after the other. Different lanes never share a member."""


def plan_lanes(entries: Iterable[Entry]) -> list[Lane]:
    """Group entries by member and pack the groups into transactions.

    A member with more rows than one transaction holds gets a lane of several: run at once they
    would only conflict with each other. These come first, since they take longest.
    """
    by_member: dict[int, list[Entry]] = {}
    rejections: list[Group] = []
    for entry in entries:
        if entry.decision is Decision.REJECTED:
            rejections.append(Group(None, (entry,)))
        elif entry.user_id is None:
            raise ValueError(f"credit {entry.identity!r} names no member")
        else:
            by_member.setdefault(entry.user_id, []).append(entry)
    long_lanes: list[Lane] = []
    groups: list[Group] = []
    for user_id, rows in by_member.items():
        parts = [Group(user_id, part) for part in batched(rows, MAX_ACTIONS - 1, strict=False)]
        if len(parts) > 1:
            long_lanes.append(tuple((part,) for part in parts))
        else:
            groups += parts
    transactions = [*pack(groups), *pack(rejections)]
    return [*long_lanes, *((transaction,) for transaction in transactions)]


def pack(groups: Iterable[Group]) -> Iterator[Transaction]:
    """Fill transactions with groups, in order, up to DynamoDB's limit of actions."""
    transaction: list[Group] = []
    actions = 0
    for group in groups:
        if actions + group.actions > MAX_ACTIONS:
            yield tuple(transaction)
            transaction, actions = [], 0
        transaction.append(group)
        actions += group.actions
    if transaction:
        yield tuple(transaction)


def build_credit_transaction(
    groups: Sequence[Group], *, client_id: str, ledger_table: str, members_table: str
) -> TransactWriteItemsInputTypeDef:
    """Write groups as one TransactWriteItems request.

    The actions stand in the order of the groups: a group's entries, then its balance update.
    Cancellation reasons come back in the same order.
    """
    actions: list[TransactWriteItemTypeDef] = []
    for group in groups:
        actions += [_put_entry(client_id, entry, ledger_table) for entry in group.entries]
        if group.user_id is not None:
            actions.append(_update_balance(client_id, group.user_id, group, members_table))
    return {"TransactItems": actions}


# What is the same in all actions is shared: made anew for each, it costs as much as the rest.

# A name that was freed may have left rejections of its former content behind; a credit is never
# replaced.
_ENTRY_CONDITION = (
    "attribute_not_exists(#identity) OR (#decision = :rejected AND #content <> :mine)"
)
_ENTRY_NAMES = {"#identity": "identity", "#decision": "decision", "#content": "content"}
_REJECTED: AttributeValueTypeDef = {"S": Decision.REJECTED.value}
_EXISTS = "attribute_exists(#key)"
_IS_ACTIVE = f"{_EXISTS} AND #status = :active"
_ACTIVE: AttributeValueTypeDef = {"S": MemberStatus.ACTIVE.value}
_CHANGE_ACCOUNT = f"{ADD_TO_ACCOUNT} SET #updated_at = :now"
_ACCOUNT_NAMES = {
    "#key": "key",
    "#balance": "balance",
    "#lifetime": "lifetime",
    "#updated_at": "updated_at",
}
_ACTIVE_NAMES = {**_ACCOUNT_NAMES, "#status": "status"}


def _put_entry(client_id: str, entry: Entry, table: str) -> TransactWriteItemTypeDef:
    item = entry_item(client_id, entry)
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": _ENTRY_CONDITION,
            "ExpressionAttributeNames": _ENTRY_NAMES,
            "ExpressionAttributeValues": {":rejected": _REJECTED, ":mine": item["content"]},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _update_balance(
    client_id: str, user_id: int, group: Group, table: str
) -> TransactWriteItemTypeDef:
    values = account_values(group.entries)
    values[":now"] = {"N": str(max(entry.recorded_at for entry in group.entries))}
    needs_active = not group.takes_back
    if needs_active:
        values[":active"] = _ACTIVE
    return {
        "Update": {
            "TableName": table,
            "Key": {"key": {"S": member_key(client_id, user_id)}},
            "ConditionExpression": _IS_ACTIVE if needs_active else _EXISTS,
            "UpdateExpression": _CHANGE_ACCOUNT,
            "ExpressionAttributeNames": _ACTIVE_NAMES if needs_active else _ACCOUNT_NAMES,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
