"""What the push job needs of the world. Adapters fulfil it; tests bring fakes.

Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

from pointflow.domain.expiration_view import (
    ArchivedPush,
    ExpirationView,
    HistoryPosition,
    IndexEntry,
)
from pointflow.domain.problem import Problem
from pointflow.domain.push import MemberKey, Push

if TYPE_CHECKING:  # the push function needs no members, and its cold start no modules about them
    from pointflow.domain.member import IdentifierKey, Member


@dataclass(frozen=True, slots=True)
class FirstReceipt:
    """When a body was first received. `is_repeat`: that was not this time."""

    received_at: int
    is_repeat: bool


class PushStore(Protocol):
    """Where pushes are kept. Raises `ContentionError` when it cannot write in time."""

    def archive(self, push: Push, received_at: int) -> FirstReceipt:
        """Keep a push in its member's history, once.

        An undated push counts as a repeat for `UNDATED_FOR` milliseconds after its first receipt;
        later it is a new one, which takes the place of the old.
        """
        ...

    def show(self, view: ExpirationView) -> bool:
        """Make a view the current one of its member, unless a greater version is.

        Answers whether it is the current one afterwards.
        """
        ...


class ViewReader(Protocol):
    """Reads what is on record about members."""

    def current(self, member: MemberKey) -> ExpirationView | None:
        """The view under one key."""
        ...

    def history(
        self, member: MemberKey, before: HistoryPosition | None, limit: int
    ) -> Sequence[ArchivedPush]:
        """The newest pushes under one key, newest first, of those below `before`."""
        ...


class MonthIndex(Protocol):
    """Who has points expiring on which day."""

    def record(self, entry: IndexEntry) -> bool:
        """Write an entry, unless a newer view has written that member's day.

        When the day was lowered last is kept where the entry does not say that it was again.
        Answers whether it was written.
        """
        ...

    def entries(
        self,
        client_id: str,
        first: date,
        last: date,
        after: str | None = None,
        wanted: int = 100,
    ) -> Iterator[IndexEntry]:
        """Entries of a client from `first` to `last`, both included, by position.

        Those without points too. Starts behind the position `after`. What is written meanwhile to
        a day that is not reached yet is met there. `wanted`: about how many will be asked for.
        """
        ...


class MemberLookup(Protocol):
    """Who holds which identifier; `ports.members.MemberAdmin` fulfils it."""

    def member(self, client_id: str, user_id: int) -> Member | None:
        """A member's profile."""
        ...

    def holders(
        self, client_id: str, keys: Collection[IdentifierKey]
    ) -> Mapping[IdentifierKey, frozenset[int]]:
        """Members by identifier."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request to take a push in, as it came.

    Attributes
    ----------
    client_id : str
        Of the credential.
    body : bytes
    content_type, content_encoding : str or None
        The headers' values.
    received_at : int
        Milliseconds since the epoch.
    """

    client_id: str
    body: bytes
    content_type: str | None
    content_encoding: str | None
    received_at: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A delivery that was refused, and why."""

    delivery: Delivery
    problem: Problem


class Quarantine(Protocol):
    """Keeps what was refused, so that it can be taken in after a fix."""

    def keep(self, refused: Refused) -> None:
        """Keep a refused delivery."""
        ...


class QuarantineCount(Protocol):
    """How many refused pushes wait for somebody."""

    def count(self) -> int:
        """Those of all clients; at most a thousand are counted."""
        ...


class QuarantineAdmin(Quarantine, Protocol):
    """What the command line does with the quarantine."""

    def keys(self, client_id: str) -> Iterator[str]:
        """The keys of a client's refused deliveries, oldest first."""
        ...

    def read(self, key: str) -> Refused:
        """A refused delivery. Raises `NotFoundError`."""
        ...

    def remove(self, key: str) -> None:
        """Let go of a delivery that was taken in after all."""
        ...
