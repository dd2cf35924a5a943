"""Ledger entries as DynamoDB items, attribute by attribute.

An item stays well under 1 KB, the unit a write is billed by: its longest texts are the identity
(under 100 bytes) and the content's digest (64).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pointflow.domain.codes import RowCode
from pointflow.domain.ledger import Decision, Entry, account_change
from pointflow.domain.member import Identifier

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]


ADD_TO_ACCOUNT = "ADD #balance :balance, #lifetime :lifetime"
"""How an update changes a member's account; `account_values` are its values."""


def account_values(entries: Iterable[Entry]) -> Item:
    """What entries of one member add to its account, as values of `ADD_TO_ACCOUNT`."""
    change = account_change(entries)
    return {
        ":balance": {"N": str(change.balance)},
        ":lifetime": {"N": str(change.lifetime)},
    }


ENTRY_ATTRIBUTES = (
    "identity",
    "content",
    "decision",
    "recorded_at",
    "user_id",
    "activity_id",
    "activity_at",
    "points",
    "matched_by",
    "conflict",
    "code",
)
"""What `entry_of` reads."""


def member_key(client_id: str, user_id: int) -> str:
    """The key of a member's account in MembersTable."""
    return f"{client_id}#M#{user_id}"


def history_key(client_id: str, user_id: int) -> str:
    """The key of a member's credits in the ledger's MemberIndex."""
    return f"{client_id}#{user_id}"


def entry_item(client_id: str, entry: Entry) -> Item:
    """Write an entry as an item of LedgerTable.

    Rejections alone do not carry `member`; everything else appears in the member's history.
    """
    item: Item = {
        "identity": {"S": entry.identity},
        "content": {"S": entry.content},
        "decision": {"S": entry.decision.value},
        "recorded_at": {"N": str(entry.recorded_at)},
    }
    if entry.user_id is not None:
        item["user_id"] = {"N": str(entry.user_id)}
    if entry.activity_id is not None:
        item["activity_id"] = {"N": str(entry.activity_id)}
    if entry.activity_at is not None:
        item["activity_at"] = {"N": str(entry.activity_at)}
    if entry.matched_by is not None:
        item["matched_by"] = {"S": entry.matched_by.value}
    if entry.conflict:
        item["conflict"] = {"BOOL": True}
    if entry.code is not None:
        item["code"] = {"S": entry.code.value}
    if entry.decision is not Decision.REJECTED and entry.user_id is not None:
        item["member"] = {"S": history_key(client_id, entry.user_id)}
        item["points"] = {"N": str(entry.points)}
    return item


def entry_of(item: Mapping[str, Any]) -> Entry:
    """Read an item of LedgerTable back."""
    matched_by = item.get("matched_by")
    code = item.get("code")
    return Entry(
        identity=item["identity"]["S"],
        content=item["content"]["S"],
        decision=Decision(item["decision"]["S"]),
        recorded_at=int(item["recorded_at"]["N"]),
        user_id=_integer(item, "user_id"),
        activity_id=_integer(item, "activity_id"),
        activity_at=_integer(item, "activity_at"),
        points=_integer(item, "points") or 0,
        matched_by=None if matched_by is None else Identifier(matched_by["S"]),
        conflict=bool(item.get("conflict", {}).get("BOOL", False)),
        code=None if code is None else RowCode(code["S"]),
    )


def _integer(item: Mapping[str, Any], name: str) -> int | None:
    value = item.get(name)
    return None if value is None else int(value["N"])
