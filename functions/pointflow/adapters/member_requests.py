"""Members and pointers as items of MembersTable, and the transactions that keep them true.

A member and the pointers at it always change in one transaction, so a pointer never names a
member that does not carry the identifier. The account's condition repeats the identifiers that
were read: if another writer was faster, nothing is written and everything is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from pointflow.adapters.ledger_items import (
    ADD_TO_ACCOUNT,
    account_values,
    entry_item,
    member_key,
)
from pointflow.domain.ledger import Decision, Entry, opening_identity
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    Item = dict[str, Any]

KEY_BYTES = 2048
"""DynamoDB's limit for a partition key. A BatchGetItem with one key over it fails whole."""

OPENING_CONTENT = "opening-balance"
"""Stands in opening entries where others name their file's content."""

_POINTERS = {
    Identifier.EMAIL: "EMAIL",
    Identifier.USERNAME: "USERNAME",
    Identifier.THIRD_PARTY_ID: "THIRD",
}
_UNIQUE = (Identifier.EMAIL, Identifier.USERNAME)
_PROFILE = ("email", "username", "third_party_id")


class Guard(Enum):
    """What a step's condition protects; tells what its failure means."""

    ACCOUNT = auto()  # the profile is still as it was read
    CLAIM = auto()  # nobody else holds the identifier
    RELEASE = auto()  # the pointer is still the member's own
    SHARE = auto()  # unconditional: a set of members


@dataclass(frozen=True, slots=True)
class Step:
    """One action of a transaction."""

    guard: Guard
    user_id: int
    action: TransactWriteItemTypeDef
    kind: Identifier | None = None


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """A profile as it was read (None: no such member) and as it shall be."""

    before: Member | None
    after: Member

    @property
    def needed(self) -> bool:
        """Whether anything differs; points do not count."""
        return self.before is None or _profile(self.before) != _profile(self.after)

    @property
    def of_forgotten(self) -> bool:
        """Whether the member was forgotten."""
        return self.before is not None and self.before.status is MemberStatus.FORGOTTEN


def identifier_key(client_id: str, key: IdentifierKey) -> str:
    """Where an identifier is looked up: a pointer's key, or the member's own for a CT user id."""
    if key.kind is Identifier.CT_USER_ID:
        return member_key(client_id, int(key.value))
    return f"{client_id}#{_POINTERS[key.kind]}#{key.value}"


def storable(key: str) -> bool:
    """Whether DynamoDB takes the key at all; one it does not take belongs to nobody."""
    return len(key.encode("utf-8", "surrogatepass")) <= KEY_BYTES


def holders_of(item: Mapping[str, Any]) -> frozenset[int]:
    """Members that a pointer names, or the member itself, unless it was forgotten.

    Nobody, for a shared pointer whose last member left it: DynamoDB drops an empty set and keeps
    the item.
    """
    if item.get("status", {}).get("S") == MemberStatus.FORGOTTEN:
        return frozenset()
    if "user_id" in item:
        return frozenset({int(item["user_id"]["N"])})
    return frozenset(map(int, item.get("user_ids", {}).get("NS", ())))


def member_of(client_id: str, item: Mapping[str, Any]) -> Member:
    """Read a member's item."""
    return Member(
        client_id=client_id,
        user_id=int(item["user_id"]["N"]),
        email=item.get("email", {}).get("S"),
        username=item.get("username", {}).get("S"),
        third_party_id=item.get("third_party_id", {}).get("S"),
        status=MemberStatus(item["status"]["S"]),
        balance=int(item["balance"]["N"]),
        lifetime=int(item["lifetime"]["N"]),
    )


def build_profile_steps(table: str, changes: Sequence[ProfileChange], at: int) -> list[Step]:
    """Turn profile changes of one client into the steps of one transaction.

    Parameters
    ----------
    table : str
        Name of MembersTable.
    changes : sequence of ProfileChange
        Of different members. Several only where no third party id changes: one item cannot be
        in a transaction twice.
    at : int
        Seconds since the epoch.

    Returns
    -------
    list of Step
        At most seven for a single member, and five a member otherwise.
    """
    return [
        *(_account_step(table, change, at) for change in changes),
        *_pointer_steps(table, changes),
        *(step for change in changes for step in _share_steps(table, change)),
    ]


def build_opening_actions(
    *, ledger_table: str, members_table: str, client_id: str, user_id: int, points: int, at: int
) -> list[TransactWriteItemTypeDef]:
    """The opening balance: the ledger entry, and what it adds to the account."""
    entry = Entry(
        identity=opening_identity(client_id, user_id),
        content=OPENING_CONTENT,
        decision=Decision.CREDITED,
        recorded_at=at,
        user_id=user_id,
        activity_at=at,
        points=points,
    )
    return [
        {
            "Put": {
                "TableName": ledger_table,
                "Item": entry_item(client_id, entry),
                "ConditionExpression": "attribute_not_exists(#identity)",
                "ExpressionAttributeNames": {"#identity": "identity"},
            }
        },
        {
            "Update": {
                "TableName": members_table,
                "Key": {"key": {"S": member_key(client_id, user_id)}},
                "ConditionExpression": "attribute_exists(#key)",
                "UpdateExpression": f"{ADD_TO_ACCOUNT} SET #updated_at = :at",
                "ExpressionAttributeNames": {
                    "#key": "key",
                    "#balance": "balance",
                    "#lifetime": "lifetime",
                    "#updated_at": "updated_at",
                },
                "ExpressionAttributeValues": {
                    **account_values([entry]),
                    ":at": {"N": str(at)},
                },
            }
        },
    ]


def _profile(member: Member) -> tuple[str | None, ...]:
    return (member.email, member.username, member.third_party_id, member.status.value)


def _account_step(table: str, change: ProfileChange, at: int) -> Step:
    member = change.after
    sets = [
        "#user_id = :user_id",
        "#status = :status",
        "#updated_at = :at",
        "#created_at = if_not_exists(#created_at, :at)",
        "#balance = if_not_exists(#balance, :zero)",
        "#lifetime = if_not_exists(#lifetime, :zero)",
    ]
    removes = []
    conditions = ["attribute_exists(#key)" if change.before else "attribute_not_exists(#key)"]
    values: Item = {
        ":user_id": {"N": str(member.user_id)},
        ":status": {"S": member.status.value},
        ":at": {"N": str(at)},
        ":zero": {"N": "0"},
    }
    for name in _PROFILE:
        new, old = getattr(member, name), getattr(change.before, name, None)
        if new is None:
            removes.append(f"#{name}")
        else:
            sets.append(f"#{name} = :{name}")
            values[f":{name}"] = {"S": new}
        if old is None:
            conditions.append(f"attribute_not_exists(#{name})")
        else:
            conditions.append(f"#{name} = :old_{name}")
            values[f":old_{name}"] = {"S": old}
    attributes = ("key", "user_id", "status", "updated_at", "created_at", "balance", "lifetime")
    action: TransactWriteItemTypeDef = {
        "Update": {
            "TableName": table,
            "Key": {"key": {"S": member_key(member.client_id, member.user_id)}},
            "ConditionExpression": " AND ".join(conditions),
            "UpdateExpression": "SET "
            + ", ".join(sets)
            + (f" REMOVE {', '.join(removes)}" if removes else ""),
            "ExpressionAttributeNames": {f"#{name}": name for name in (*attributes, *_PROFILE)},
            "ExpressionAttributeValues": values,
        }
    }
    return Step(Guard.ACCOUNT, member.user_id, action)


def _pointer_steps(table: str, changes: Iterable[ProfileChange]) -> Iterator[Step]:
    """Claims and releases of unique identifiers; one that changes hands is a claim alone."""
    claims: list[tuple[str, Identifier, int]] = []
    released: dict[str, tuple[Identifier, int]] = {}
    for change in changes:
        for kind in _UNIQUE:
            old, new = _moved(change, kind)
            if old is not None:
                released[old] = (kind, change.after.user_id)
            if new is not None:
                claims.append((new, kind, change.after.user_id))
    for key, kind, user_id in claims:
        _, former = released.pop(key, (kind, user_id))
        yield Step(Guard.CLAIM, user_id, _claim(table, key, user_id, former), kind)
    for key, (kind, user_id) in released.items():
        yield Step(Guard.RELEASE, user_id, _release(table, key, user_id), kind)


def _claim(table: str, key: str, user_id: int, former: int) -> TransactWriteItemTypeDef:
    return {
        "Put": {
            "TableName": table,
            "Item": {"key": {"S": key}, "user_id": {"N": str(user_id)}},
            "ConditionExpression": "attribute_not_exists(#key) OR #user_id IN (:mine, :former)",
            "ExpressionAttributeNames": {"#key": "key", "#user_id": "user_id"},
            "ExpressionAttributeValues": {
                ":mine": {"N": str(user_id)},
                ":former": {"N": str(former)},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _release(table: str, key: str, user_id: int) -> TransactWriteItemTypeDef:
    return {
        "Delete": {
            "TableName": table,
            "Key": {"key": {"S": key}},
            "ConditionExpression": "attribute_not_exists(#key) OR #user_id = :mine",
            "ExpressionAttributeNames": {"#key": "key", "#user_id": "user_id"},
            "ExpressionAttributeValues": {":mine": {"N": str(user_id)}},
        }
    }


def _share_steps(table: str, change: ProfileChange) -> Iterator[Step]:
    old, new = _moved(change, Identifier.THIRD_PARTY_ID)
    for key, verb in ((old, "DELETE"), (new, "ADD")):
        if key is not None:
            action: TransactWriteItemTypeDef = {
                "Update": {
                    "TableName": table,
                    "Key": {"key": {"S": key}},
                    "UpdateExpression": f"{verb} #user_ids :mine",
                    "ExpressionAttributeNames": {"#user_ids": "user_ids"},
                    "ExpressionAttributeValues": {":mine": {"NS": [str(change.after.user_id)]}},
                }
            }
            yield Step(Guard.SHARE, change.after.user_id, action, Identifier.THIRD_PARTY_ID)


def _moved(change: ProfileChange, kind: Identifier) -> tuple[str | None, str | None]:
    """The pointer to give up and the pointer to take; neither where the value stays."""
    old, new = (
        _pointer(member, kind) if member is not None else None
        for member in (change.before, change.after)
    )
    return (None, None) if old == new else (old, new)


def _pointer(member: Member, kind: Identifier) -> str | None:
    value = member.identifier(kind)
    return None if value is None else identifier_key(member.client_id, IdentifierKey(kind, value))
