"""A ledger in memory that credits the accounts of `FakeMembers`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock

from pointflow.domain.codes import RowCode
from pointflow.domain.errors import ContentionError, EntryMismatchError
from pointflow.domain.ledger import Decision, Entry, account_change
from pointflow.domain.member import MemberStatus
from tests.fakes.member_directory import FakeMembers


class FakeLedger:
    """`FakeLedger(members)`; each entry and its balance change together.

    Attributes
    ----------
    entries : dict of str to Entry
        What was decided, by identity.
    contended : set of int
        Members that somebody else holds: their rows are not recorded, all others are.
    before_entry : callable
        Runs before each entry with its position in the call, where a worker may be killed.
    """

    def __init__(self, members: FakeMembers) -> None:
        self.entries: dict[str, Entry] = {}
        self.contended: set[int] = set()
        self.before_entry: Callable[[int], None] = lambda _position: None
        self._members = members
        self._lock = RLock()

    def __contains__(self, entry: Entry) -> bool:
        return self.entries.get(entry.identity) == entry

    def record(self, client_id: str, entries: Sequence[Entry], deadline: float) -> list[Entry]:
        faults: list[ContentionError | EntryMismatchError] = []
        for position, entry in enumerate(entries):
            self.before_entry(position)
            try:
                with self._lock:
                    self._record(client_id, entry)
            except (ContentionError, EntryMismatchError) as fault:
                faults.append(fault)
        if faults:
            raise min(faults, key=lambda fault: not isinstance(fault, ContentionError))
        return [self.entries[entry.identity] for entry in entries]

    def _record(self, client_id: str, entry: Entry) -> None:
        found = self.entries.get(entry.identity)
        if found is not None and found.content == entry.content:
            return
        if found is not None and found.decision is Decision.CREDITED:
            raise EntryMismatchError(f"{entry.identity!r} is a credit of other content")
        if entry.decision is Decision.REJECTED:
            self.entries[entry.identity] = entry
            return
        if entry.user_id in self.contended:
            raise ContentionError("somebody else holds the account")
        if entry.decision is Decision.UNDONE:
            self._take_back(client_id, entry)
        else:
            self._credit(client_id, entry)

    def entries_of(self, identities: Sequence[str]) -> dict[str, Entry]:
        with self._lock:
            return {each: self.entries[each] for each in identities if each in self.entries}

    def _take_back(self, client_id: str, entry: Entry) -> None:
        assert entry.user_id is not None
        self.entries[entry.identity] = entry
        if self._members.member(client_id, entry.user_id) is not None:
            self._members.change(client_id, entry.user_id, account_change([entry]))

    def _credit(self, client_id: str, entry: Entry) -> None:
        assert entry.user_id is not None
        status = self._members.statuses(client_id, [entry.user_id]).get(entry.user_id)
        if status is MemberStatus.ACTIVE:
            self.entries[entry.identity] = entry
            self._members.change(client_id, entry.user_id, account_change([entry]))
        elif status is MemberStatus.INACTIVE:
            self.entries[entry.identity] = entry.rejected(RowCode.MEMBER_INACTIVE)
        else:
            self.entries[entry.identity] = entry.rejected(RowCode.MEMBER_NOT_FOUND)
