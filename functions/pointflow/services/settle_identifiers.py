"""Members that wait for one another's emails and usernames: find an order, break the rings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pointflow.domain.errors import ConflictError, IdentifierHeldError
from pointflow.domain.member import Identifier, Member
from pointflow.ports.members import MemberAdmin

MOST_IN_EXCHANGE = 20
"""Five items a member, at most, and a transaction holds 100."""

type _Key = tuple[str, int]


def settle_identifiers(
    members: MemberAdmin, waiting: Iterable[Member], at: int, *, readmit: bool = False
) -> Iterator[tuple[Member, bool | ConflictError]]:
    """Save members whose identifiers were held by others, in whatever order works.

    Whoever waits for a member that waits itself comes after it. A ring is given its identifiers
    in one transaction, so that no identifier ever points at nobody. Only a ring of more than 20
    members is opened by taking one identifier away for a moment; if that is interrupted, running
    again puts it back.

    Parameters
    ----------
    members : MemberAdmin
    waiting : iterable of Member
        As they shall be, none of them twice.
    at : int
        Seconds since the epoch.
    readmit : bool
        Whether forgotten members are let in again.

    Yields
    ------
    tuple
        Each member with True (saved), False (already so), or why it cannot be saved.
    """
    settling = _Settling(members, waiting, at, readmit=readmit)
    while settling.waiting:
        yield from settling.follow(next(iter(settling.waiting)))


class _Settling:
    def __init__(
        self, members: MemberAdmin, waiting: Iterable[Member], at: int, *, readmit: bool
    ) -> None:
        self._members = members
        self._readmit = readmit
        self._at = at
        self._exchanged: set[_Key] = set()
        self.waiting = {_key(member): member for member in waiting}

    def follow(self, first: _Key) -> Iterator[tuple[Member, bool | ConflictError]]:
        """Walk from a member to the one it waits for, on to the next, and back as they are saved.

        Each member on the path waits for the one after it. From `ring` on, the path leads back
        into itself.
        """
        path = [first]
        ring = 0
        while path:
            try:
                changed = self._save(path[ring:])
            except IdentifierHeldError as held:
                holder = (first[0], held.holder)
                if holder not in self.waiting or holder in path[ring:]:
                    yield self.waiting.pop((first[0], held.wanted_by)), held
                    return
                if holder not in path:
                    path.append(holder)
                    ring = len(path) - 1
                elif len(path) - path.index(holder) > MOST_IN_EXCHANGE:
                    self._take(holder, held.kind)
                    ring = len(path) - 1
                else:
                    ring = path.index(holder)
            except ConflictError as conflict:
                yield self.waiting.pop(path.pop()), conflict
                ring = max(0, len(path) - 1)
            else:
                if changed is not None:
                    yield self.waiting.pop(path.pop()), changed
                ring = max(0, len(path) - 1)

    def _save(self, keys: list[_Key]) -> bool | None:
        """Save one member wholly; of several only what they hold, and answer None."""
        if len(keys) > 1:
            self._members.exchange_identifiers([self.waiting[key] for key in keys], self._at)
            self._exchanged.update(keys)
            return None
        (key,) = keys
        saved = self._members.save_profile(self.waiting[key], self._at, readmit=self._readmit)
        return saved or key in self._exchanged

    def _take(self, holder: _Key, kind: str) -> None:
        known = self._members.member(*holder)
        if known is not None:
            bare = (
                replace(known, email=None)
                if kind == Identifier.EMAIL
                else replace(known, username=None)
            )
            self._members.save_profile(bare, self._at)


def _key(member: Member) -> _Key:
    return (member.client_id, member.user_id)
