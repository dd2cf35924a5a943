"""What forgetting a member needs of the world. Adapters fulfil it; tests fake it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pointflow.domain.member import IdentifierKey, Member
from pointflow.domain.push import MemberKey
from pointflow.ports.members import MemberAdmin


class Forgotten(Protocol):
    """Tells who must not come back."""

    def among(self, keys: Collection[MemberKey]) -> frozenset[MemberKey]:
        """Those of the keys that were forgotten."""
        ...


class Tombstones(Forgotten, Protocol):
    """Keyed hashes of the identifiers that must not come back."""

    def bury(self, keys: Sequence[MemberKey], at: int) -> None:
        """Remember that these keys of one member are forgotten; `at` in seconds. Repeatable."""
        ...

    def lift(self, key: MemberKey) -> bool:
        """Let the member of this key back in, by every key that was buried with it; False when it
        was not forgotten. Repeatable: the key itself goes last."""
        ...


class PushEraser(Protocol):
    """Takes the pushes about a member out."""

    def erase(self, member: MemberKey, days: Collection[date] = ()) -> Erasure:
        """Delete the current view, the history and the index entries kept under a key.

        `days`: further days on which the month index may have an entry. Repeatable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was deleted under a key: items of views and history, and the days of the index."""

    pushes: int
    days: frozenset[date]


class MemberEraser(MemberAdmin, Protocol):
    """Takes what is personal out of an account."""

    def bar(self, member: Member, at: int) -> None:
        """Make the account one that nothing is credited to, its identifiers being kept for now."""
        ...

    def erase_profile(self, client_id: str, user_id: int, at: int) -> bool:
        """Take the identifiers out of an account, and the pointers to it, in one transaction; the
        points stay. False when there is no account, or nothing was left of it."""
        ...

    def shares(self, client_id: str, key: IdentifierKey) -> bool:
        """Whether more than one member holds an identifier."""
        ...


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of an object."""

    key: str
    version: str
    is_latest: bool


class LineWriter(Protocol):
    """Where a new version is streamed to."""

    def write(self, data: bytes) -> None: ...


class ObjectVersions(Protocol):
    """The bucket with everything that it remembers."""

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Every version of every object under a prefix, by key, the newest first."""
        ...

    def read(self, stored: StoredVersion) -> Iterator[bytes]:
        """A version in blocks. One that is gone meanwhile is empty."""
        ...

    def writer(self, key: str, content_type: str) -> AbstractContextManager[LineWriter]:
        """Stream a new version; nothing appears when nothing was written."""
        ...

    def put(self, key: str, body: bytes, content_type: str) -> None: ...

    def delete(self, stored: StoredVersion) -> None:
        """Delete a version for good."""
        ...
