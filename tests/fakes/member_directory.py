"""Members, in memory, under the rules of the real directory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import RLock

from pointflow.domain.errors import IdentifierHeldError, MemberForgottenError, NotFoundError
from pointflow.domain.ledger import AccountChange
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus


class FakeMembers:
    """`FakeMembers([Member("acme", 7, email="ann@example.com", balance=50)])`.

    Safe for threads, as the importers use them.
    """

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self._members = {(each.client_id, each.user_id): each for each in members}
        self._opened: dict[tuple[str, int], int] = {}
        self._lock = RLock()
        self.writes = 0
        self.exchanges: list[frozenset[int]] = []
        self.before_save: Callable[[Member], None] = lambda _member: None

    def __contains__(self, member: Member) -> bool:
        return self._members.get((member.client_id, member.user_id)) == member

    def __len__(self) -> int:
        return len(self._members)

    def holders(
        self, client_id: str, keys: Collection[IdentifierKey]
    ) -> Mapping[IdentifierKey, frozenset[int]]:
        with self._lock:
            found = {key: frozenset(self._holding(client_id, key)) for key in keys}
        return {key: users for key, users in found.items() if users}

    def statuses(self, client_id: str, user_ids: Collection[int]) -> Mapping[int, MemberStatus]:
        with self._lock:
            return {
                user_id: self._members[client_id, user_id].status
                for user_id in user_ids
                if (client_id, user_id) in self._members
            }

    def member(self, client_id: str, user_id: int) -> Member | None:
        return self._members.get((client_id, user_id))

    def save_profile(self, member: Member, at: int, *, readmit: bool = False) -> bool:
        self.before_save(member)
        with self._lock:
            known = self.member(member.client_id, member.user_id)
            wanted = (
                replace(member, balance=known.balance, lifetime=known.lifetime)
                if known
                else replace(member, balance=0, lifetime=0)
            )
            if wanted == known:
                return False
            if known and known.status is MemberStatus.FORGOTTEN and not readmit:
                raise MemberForgottenError(f"member {member.user_id} was forgotten")
            self._refuse_taken([wanted])
            self._store(wanted)
            return True

    def bar(self, member: Member, at: int) -> None:
        with self._lock:
            known = self._known(member.client_id, member.user_id)
            if known.status is not MemberStatus.FORGOTTEN:
                self._store(replace(known, status=MemberStatus.FORGOTTEN))

    def erase_profile(self, client_id: str, user_id: int, at: int) -> bool:
        with self._lock:
            known = self.member(client_id, user_id)
            if known is None:
                return False
            bare = replace(
                known,
                email=None,
                username=None,
                third_party_id=None,
                status=MemberStatus.FORGOTTEN,
            )
            if bare == known:
                return False
            self._store(bare)
            return True

    def shares(self, client_id: str, key: IdentifierKey) -> bool:
        with self._lock:
            return len(self._holding(client_id, key)) > 1

    def exchange_identifiers(self, members: Sequence[Member], at: int) -> None:
        with self._lock:
            self._refuse_taken(members)
            self.exchanges.append(frozenset(each.user_id for each in members))
            for each in members:
                known = self._known(each.client_id, each.user_id)
                self._store(replace(known, email=each.email, username=each.username))

    def open_balance(self, client_id: str, user_id: int, points: int, at: int) -> bool:
        with self._lock:
            if (client_id, user_id) in self._opened:
                return False
            self.add_points(client_id, user_id, points)
            self._opened[client_id, user_id] = points
            return True

    def members(self, client_id: str | None) -> Iterator[Member]:
        # By id, whatever the order in which an import's threads saved them.
        for _, each in sorted(self._members.items()):
            if client_id in {None, each.client_id}:
                yield each

    def opening_balances(self, members: Collection[Member]) -> Mapping[tuple[str, int], int]:
        keys = [(each.client_id, each.user_id) for each in members]
        return {key: self._opened[key] for key in keys if key in self._opened}

    def add_points(self, client_id: str, user_id: int, points: int) -> None:
        """What a credit does to the account: balance and lifetime grow together."""
        self.change(client_id, user_id, AccountChange(points, points))

    def put(self, member: Member) -> None:
        """Put an account in place as it is."""
        with self._lock:
            self._store(member)

    def remove(self, client_id: str, user_id: int) -> None:
        """Take an account away."""
        with self._lock:
            del self._members[client_id, user_id]

    def change(self, client_id: str, user_id: int, change: AccountChange) -> None:
        """What entries do to the account."""
        with self._lock:
            known = self._known(client_id, user_id)
            self._store(
                replace(
                    known,
                    balance=known.balance + change.balance,
                    lifetime=known.lifetime + change.lifetime,
                )
            )

    def balance_of(self, client_id: str, user_id: int) -> int:
        return self._known(client_id, user_id).balance

    def _known(self, client_id: str, user_id: int) -> Member:
        known = self.member(client_id, user_id)
        if known is None:
            raise NotFoundError(f"client {client_id} has no member {user_id}")
        return known

    def _store(self, member: Member) -> None:
        self._members[member.client_id, member.user_id] = member
        self.writes += 1

    def _refuse_taken(self, members: Sequence[Member]) -> None:
        ours = {each.user_id for each in members}
        for each in members:
            for kind, value in (
                (Identifier.EMAIL, each.email),
                (Identifier.USERNAME, each.username),
            ):
                if value is None:
                    continue
                others = self._holding(each.client_id, IdentifierKey(kind, value)) - ours
                if others:
                    raise IdentifierHeldError(kind, min(others), each.user_id)

    def _holding(self, client_id: str, key: IdentifierKey) -> set[int]:
        return {
            member.user_id
            for member in self._members.values()
            if member.client_id == client_id
            and member.identifier(key.kind) == key.value
            and not (key.kind is Identifier.CT_USER_ID and member.status is MemberStatus.FORGOTTEN)
        }
