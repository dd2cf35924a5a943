"""The ledger: one entry for every row that was decided, whatever the decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from pointflow.domain.codes import RowCode
from pointflow.domain.member import Identifier


class Decision(StrEnum):
    """What was decided about a row. The first decision stands."""

    CREDITED = "CREDITED"
    REJECTED = "REJECTED"
    UNDONE = "UNDONE"  # of an entry of its own, beside the credit that it takes back


@dataclass(frozen=True, slots=True)
class Entry:
    """The decision on one row.

    `identity` is `<client>/<file name>/<line>`: it does not depend on the member, so a retry that
    would find somebody else cannot credit twice. `content` tells the file's content apart from
    another that bore the same name and failed before anything was credited. Times are seconds
    since the epoch. A credited entry names its member, activity and activity date; a rejected one
    names what was known when it was decided, its code, and no points.
    """

    identity: str
    content: str
    decision: Decision
    recorded_at: int
    user_id: int | None = None
    activity_id: int | None = None
    activity_at: int | None = None
    points: int = 0
    matched_by: Identifier | None = None
    conflict: bool = False
    code: RowCode | None = None

    def rejected(self, code: RowCode) -> Entry:
        """Turn the entry into the rejection of the same row."""
        return replace(self, decision=Decision.REJECTED, code=code, points=0, conflict=False)

    def taken_back(self, at: int) -> Entry:
        """The entry that takes a credit back, whose identity follows from the credit's.

        It bears the credit's activity and activity date, so that a member's history shows both
        side by side.
        """
        if self.decision is not Decision.CREDITED:
            raise ValueError(f"{self.identity!r} is no credit")
        return replace(
            self,
            identity=undo_identity(self.identity),
            decision=Decision.UNDONE,
            recorded_at=at,
            points=-self.points,
            conflict=False,
        )


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What entries change in their member's account, in points; below 0 where they take back."""

    balance: int = 0
    lifetime: int = 0

    def __add__(self, other: AccountChange) -> AccountChange:
        return AccountChange(self.balance + other.balance, self.lifetime + other.lifetime)


def account_change(entries: Iterable[Entry]) -> AccountChange:
    """What entries of one member change in its account, all of them together.

    The one rule behind every write to an account, and behind the proof that an account equals its
    entries: a rejection changes nothing, and whatever else is decided changes balance and lifetime
    points by the entry's points. An opening balance is an entry like any other, and one that takes
    a credit back has points below 0.
    """
    points = sum(entry.points for entry in entries if entry.decision is not Decision.REJECTED)
    return AccountChange(balance=points, lifetime=points)


def row_identity(batch: str, line: int) -> str:
    """The ledger identity of a row: `<client>/<file name>/<line>`."""
    return f"{batch}/{line}"


def undo_identity(identity: str) -> str:
    """The ledger identity of what takes a row's credit back: `<client>/<file name>/<line>/undo`."""
    return f"{identity}/undo"


def opening_identity(client_id: str, user_id: int) -> str:
    """The ledger identity of a member's opening balance."""
    return f"{client_id}/opening-balance/{user_id}"
