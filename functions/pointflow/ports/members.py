"""Members and their identifiers, as the use cases see them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from pointflow.domain.member import IdentifierKey, Member, MemberStatus


class MemberDirectory(Protocol):
    """Who holds which identifier."""

    def holders(
        self, client_id: str, keys: Collection[IdentifierKey]
    ) -> Mapping[IdentifierKey, frozenset[int]]:
        """Members by identifier; a CT user id is held by the member of that id, if there is one."""
        ...

    def statuses(self, client_id: str, user_ids: Collection[int]) -> Mapping[int, MemberStatus]:
        """Status of the members that exist."""
        ...


class MemberAdmin(MemberDirectory, Protocol):
    """What the command line reads and changes of members."""

    def member(self, client_id: str, user_id: int) -> Member | None: ...

    def save_profile(self, member: Member, at: int, *, readmit: bool = False) -> bool:
        """Create a member, or change profile and status, pointers included, in one transaction;
        False when nothing had to change. Balance and lifetime are left alone. Raises
        `IdentifierHeldError` when another member holds the email or the username, and
        `MemberForgottenError` for a forgotten one unless it is to be let in again."""
        ...

    def exchange_identifiers(self, members: Sequence[Member], at: int) -> None:
        """Give up to 20 members of one client their emails and usernames in one transaction, so
        that they can take them from one another; nothing else of them changes. Raises
        `IdentifierHeldError` when a member beside them holds one."""
        ...

    def open_balance(self, client_id: str, user_id: int, points: int, at: int) -> bool:
        """Credit the opening balance; False when the member has one already. Raises
        `NotFoundError` when there is no such member."""
        ...


class MemberList(Protocol):
    """What an export reads."""

    def members(self, client_id: str | None) -> Iterator[Member]:
        """Every member of a client, or of all clients, in no order. Whoever changes meanwhile
        comes as it was or as it is."""
        ...

    def opening_balances(self, members: Collection[Member]) -> Mapping[tuple[str, int], int]:
        """Points by client and user id, of those members that have an opening balance."""
        ...
