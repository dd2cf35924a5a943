"""Members, the identifiers that point at them, and how a row finds its member.

Order and fall-through come from the source document ("For matched identifiable fields ...");
what it leaves open is ruled in `docs/rulings.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointflow.domain.batch_row import Row
from pointflow.domain.client import Matching
from pointflow.domain.codes import RowCode


class MemberStatus(StrEnum):
    """Only active members are credited. Of a forgotten one nothing is left but its points."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    FORGOTTEN = "forgotten"


class Identifier(StrEnum):
    """The ways to name a member, in the order in which they are tried."""

    CT_USER_ID = "CT_USER_ID"
    EMAIL = "EMAIL"
    USERNAME = "USERNAME"
    THIRD_PARTY_ID = "THIRD_PARTY_ID"


@dataclass(frozen=True, slots=True)
class Member:
    """A member's account. `balance` and `lifetime` are points."""

    client_id: str
    user_id: int
    email: str | None = None
    username: str | None = None
    third_party_id: str | None = None
    status: MemberStatus = MemberStatus.ACTIVE
    balance: int = 0
    lifetime: int = 0

    def identifier(self, kind: Identifier) -> str | None:
        """The member's value of an identifier; None where it has none."""
        match kind:
            case Identifier.CT_USER_ID:
                return str(self.user_id)
            case Identifier.EMAIL:
                return self.email
            case Identifier.USERNAME:
                return self.username
            case Identifier.THIRD_PARTY_ID:
                return self.third_party_id


@dataclass(frozen=True, slots=True)
class IdentifierKey:
    """One identifier's value, as a row or a member carries it."""

    kind: Identifier
    value: str


@dataclass(frozen=True, slots=True)
class Match:
    """The member a row names, and how it was found."""

    user_id: int
    matched_by: Identifier
    conflict: bool = False  # another identifier of the row names somebody else


def identifier_keys(row: Row) -> Iterator[IdentifierKey]:
    """The identifiers a row carries, in matching order."""
    if row.ct_user_id is not None:
        yield IdentifierKey(Identifier.CT_USER_ID, str(row.ct_user_id))
    if row.email is not None:
        yield IdentifierKey(Identifier.EMAIL, row.email)
    if row.username is not None:
        yield IdentifierKey(Identifier.USERNAME, row.username)
    if row.third_party_id is not None:
        yield IdentifierKey(Identifier.THIRD_PARTY_ID, row.third_party_id)


def match_member(
    row: Row, holders: Mapping[IdentifierKey, frozenset[int]], matching: Matching
) -> Match | RowCode:
    """Find the member a row names.

    Parameters
    ----------
    row : Row
    holders : mapping of IdentifierKey to frozenset of int
        Who holds each identifier; a missing key means nobody. Only a third party id may have
        several holders.
    matching : Matching

    Returns
    -------
    Match or RowCode
        `MEMBER_NOT_FOUND`, or `MEMBER_AMBIGUOUS` under strict matching.
    """
    found = [(key.kind, holders.get(key) or frozenset()) for key in identifier_keys(row)]
    usable = found[:1] if matching is Matching.STRICT else found
    kind, users = next(((kind, users) for kind, users in usable if users), (None, frozenset()))
    if kind is None:
        return RowCode.MEMBER_NOT_FOUND
    # Third party ids are shared; the source document awards "the first": the lowest user id.
    user_id = min(users)
    conflict = any(others and user_id not in others for _, others in found)
    if conflict and matching is Matching.STRICT:
        return RowCode.MEMBER_AMBIGUOUS
    return Match(user_id, kind, conflict)
