"""Import members from a CSV file: profiles, pointers, opening balances.

Running the same file again changes nothing; running it again after a crash finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path

from pointflow.domain.errors import (
    ConflictError,
    IdentifierHeldError,
    ImportRowError,
    MemberForgottenError,
)
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus
from pointflow.domain.push import KeyKind, MemberKey
from pointflow.domain.text import shown
from pointflow.ports.catalog import Catalog
from pointflow.ports.erasure import Tombstones
from pointflow.ports.members import MemberAdmin
from pointflow.services.import_clashes import Claim
from pointflow.services.import_csv import Layout, Line
from pointflow.services.import_source import (
    MAX_ERRORS,
    ImportReport,
    ImportSource,
    Progress,
    Record,
    silent,
)
from pointflow.services.settle_identifiers import settle_identifiers

LAYOUT = Layout(
    # An absent column would silently clear what members have; an empty field says so openly.
    required=("client_id", "user_id", "email", "username", "third_party_id"),
    optional=("status", "opening_balance"),
)
MAX_OPENING_BALANCE = 999_999_999_999_999
"""Fifteen digits: whatever reads it as a 64-bit float still reads it exactly."""

MANY_SHARERS = 1_000
"""Beyond this, a third party id that members share deserves a look."""

MAX_DEFERRED = 100_000
"""How many lines may wait for one another; the others are refused, and pass on the next run."""

WORKERS = 10
"""As many as the connections that a boto3 client keeps by default."""

_BATCH = 1_000

type Readmit = Callable[[Member], None]


@dataclass(frozen=True, slots=True)
class MemberImport:
    """What a line says. `opening_balance` are points; 0 opens nothing."""

    member: Member
    opening_balance: int


@dataclass(frozen=True, slots=True)
class SharedThirdParty:
    """A third party id with very many members: `members` of them, `user_id` being the lowest."""

    client_id: str
    user_id: int
    members: int


@dataclass(slots=True)
class MembersReport(ImportReport):
    """What became of the lines. `opened` counts the opening balances among `imported`.

    `forgotten` lines are of members that were forgotten, and were skipped; `forgotten_lines` holds
    the numbers of the first 1,000 of them.
    """

    opened: int = 0
    forgotten: int = 0
    forgotten_lines: list[int] = field(default_factory=list)
    shared: list[SharedThirdParty] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """How many lines are done."""
        return self.imported + self.unchanged + self.refused + self.forgotten

    def skip(self, line: int) -> None:
        """Count a line of a member that was forgotten."""
        self.forgotten += 1
        if len(self.forgotten_lines) < MAX_ERRORS:
            self.forgotten_lines.append(line)


def import_members(
    path: Path,
    *,
    members: MemberAdmin,
    catalog: Catalog,
    at: int,
    tombstones: Tombstones | None = None,
    readmit: Readmit | None = None,
    default_client: Callable[[], str] | None = None,
    progress: Progress = silent,
) -> MembersReport:
    """Import members.

    Parameters
    ----------
    path : Path
        A regular file; it is read twice or three times.
    members : MemberAdmin
        Safe for threads.
    catalog : Catalog
        Knows which clients exist.
    at : int
        Now, seconds since the epoch.
    tombstones : Tombstones or None
        Safe for threads. A line whose CT user id or email was forgotten is skipped. None: nobody
        was ever forgotten.
    readmit : callable or None
        Lets forgotten members in again; told of each right before. None: they are skipped.
    default_client : callable or None
        Names the client of lines whose `client_id` is absent or empty; asked only for such.
    progress : callable

    Raises
    ------
    ImportRowError
        The header row, or the file as a whole, cannot be used.
    ContentionError
        The tables were throttled for too long. What was imported stands; import again.
    """
    source = ImportSource(
        path,
        layout=LAYOUT,
        parse=parse_member,
        claims=_claims,
        client_exists=lambda client_id: catalog.client(client_id) is not None,
        default_client=default_client,
    )
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="import") as pool:
        work = _Import(members, tombstones, at, pool, readmit)
        for batch in batched(source.records(), _BATCH, strict=False):
            work.save(batch)
            progress(work.report.lines, source.total)
        work.settle()
    progress(work.report.lines, source.total)
    return work.finish()


def parse_member(line: Line, client_id: str) -> MemberImport:
    """Turn a line into a member. Raises `ImportRowError`."""
    return MemberImport(
        Member(
            client_id=client_id,
            user_id=line.record_id("user_id"),
            email=line.text("email", lower=True),
            username=line.text("username"),
            third_party_id=line.text("third_party_id"),
            status=_status(line),
        ),
        line.points("opening_balance", MAX_OPENING_BALANCE, default=0),
    )


_STATUSES = {each.value: each for each in (MemberStatus.ACTIVE, MemberStatus.INACTIVE)}


def _status(line: Line) -> MemberStatus:
    value = line.fields.get("status", "") or MemberStatus.ACTIVE.value
    try:
        return _STATUSES[value.lower()]
    except KeyError:
        message = f"status is {shown(value)}; it must be active or inactive, or empty for active"
        raise line.fault("status", message) from None


def _claims(line: MemberImport) -> tuple[Claim, ...]:
    """What no other line may say. Third party ids are not among it: they may be shared."""
    member = line.member
    unique = (("user_id", member.user_id), ("email", member.email), ("username", member.username))
    return tuple(
        Claim(name, (member.client_id, value)) for name, value in unique if value is not None
    )


def _keys(member: Member) -> tuple[MemberKey, ...]:
    """By which a line may name somebody who was forgotten; the others may change hands."""
    key = MemberKey(member.client_id, KeyKind.USER_ID, str(member.user_id))
    if member.email is None:
        return (key,)
    return (key, MemberKey(member.client_id, KeyKind.EMAIL, member.email))


@dataclass(frozen=True, slots=True)
class _Saved:
    changed: bool
    opened: bool
    forgotten: bool = False


class _Import:
    """Saves lines, most of them side by side; those that wait for one another at the end."""

    def __init__(
        self,
        members: MemberAdmin,
        tombstones: Tombstones | None,
        at: int,
        pool: Executor,
        readmit: Readmit | None,
    ) -> None:
        self._members = members
        self._tombstones = tombstones
        self._readmit = readmit
        self._at = at
        self._pool = pool
        self._deferred: dict[tuple[str, int], Record[MemberImport]] = {}
        self._shared: dict[tuple[str, IdentifierKey], SharedThirdParty] = {}
        self.report = MembersReport()

    def save(self, batch: Iterable[Record[MemberImport] | ImportRowError]) -> None:
        """Save a batch of lines; whoever's identifier is held by another is put off."""
        records = []
        for record in batch:
            if isinstance(record, ImportRowError):
                self.report.refuse(record)
            else:
                records.append(record)
        changed = []
        for record, outcome in zip(records, self._pool.map(self._save_one, records), strict=True):
            member = record.value.member
            if isinstance(outcome, IdentifierHeldError) and len(self._deferred) < MAX_DEFERRED:
                self._deferred[member.client_id, member.user_id] = record
            elif self._count(record, outcome):
                changed.append(member)
        self._note_many_sharers(changed)

    def settle(self) -> None:
        """Save the lines that were put off."""
        waiting = [record.value.member for record in self._deferred.values()]
        changed = []
        settled = settle_identifiers(
            self._members, waiting, self._at, readmit=self._readmit is not None
        )
        for member, outcome in settled:
            record = self._deferred[member.client_id, member.user_id]
            if isinstance(outcome, ConflictError):
                self._count(record, outcome)
            else:
                self._lift(member)
                if self._count(record, _Saved(outcome, self._open(record.value))):
                    changed.append(member)
        self._note_many_sharers(changed)

    def finish(self) -> MembersReport:
        """The report, in the file's order."""
        self.report.errors.sort(key=lambda error: error.line)
        self.report.shared = sorted(
            self._shared.values(), key=lambda shared: (shared.client_id, shared.user_id)
        )
        return self.report

    def _save_one(self, record: Record[MemberImport]) -> _Saved | ConflictError:
        member = record.value.member
        forgotten = self._tombstones is not None and self._tombstones.among(_keys(member))
        if forgotten and self._readmit is None:
            return _Saved(changed=False, opened=False, forgotten=True)
        if forgotten and self._readmit is not None:
            self._readmit(member)
        try:
            changed = self._members.save_profile(
                member, self._at, readmit=self._readmit is not None
            )
        except MemberForgottenError:
            return _Saved(changed=False, opened=False, forgotten=True)
        except ConflictError as error:
            return error
        if forgotten:
            self._lift(member)
        return _Saved(changed, self._open(record.value))

    def _lift(self, member: Member) -> None:
        """Take the tombstones of a member that was let in away; that it is in comes first."""
        if self._readmit is not None and self._tombstones is not None:
            for key in self._tombstones.among(_keys(member)):
                self._tombstones.lift(key)

    def _open(self, line: MemberImport) -> bool:
        member = line.member
        return line.opening_balance > 0 and self._members.open_balance(
            member.client_id, member.user_id, line.opening_balance, self._at
        )

    def _count(self, record: Record[MemberImport], outcome: _Saved | ConflictError) -> bool:
        """Count a line that is done with; tell whether its profile changed."""
        if isinstance(outcome, ConflictError):
            column = outcome.kind.lower() if isinstance(outcome, IdentifierHeldError) else None
            self.report.refuse(ImportRowError(record.number, str(outcome), column))
            return False
        if outcome.forgotten:
            self.report.skip(record.number)
            return False
        self.report.opened += outcome.opened
        if outcome.changed or outcome.opened:
            self.report.imported += 1
        else:
            self.report.unchanged += 1
        return outcome.changed

    def _note_many_sharers(self, changed: Iterable[Member]) -> None:
        by_client: dict[str, set[IdentifierKey]] = {}
        for member in changed:
            if member.third_party_id is not None:
                key = IdentifierKey(Identifier.THIRD_PARTY_ID, member.third_party_id)
                by_client.setdefault(member.client_id, set()).add(key)
        for client_id, keys in by_client.items():
            for key, users in self._members.holders(client_id, keys).items():
                if len(users) > MANY_SHARERS:
                    shared = SharedThirdParty(client_id, min(users), len(users))
                    self._shared[client_id, key] = shared
