"""Import members from a CSV file: profiles, pointers, opening balances.

Running the same file again changes nothing; running it again after a crash finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path

from pointflow.domain.errors import ConflictError, IdentifierHeldError, ImportRowError
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus
from pointflow.domain.text import shown
from pointflow.ports.catalog import Catalog
from pointflow.ports.members import MemberAdmin
from pointflow.services.import_clashes import Claim
from pointflow.services.import_csv import Layout, Line
from pointflow.services.import_source import ImportReport, ImportSource, Progress, Record, silent
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
    """What became of the lines. `opened` counts the opening balances among `imported`."""

    opened: int = 0
    shared: list[SharedThirdParty] = field(default_factory=list)


def import_members(
    path: Path,
    *,
    members: MemberAdmin,
    catalog: Catalog,
    at: int,
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
        work = _Import(members, at, pool)
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


def _status(line: Line) -> MemberStatus:
    value = line.fields.get("status", "") or MemberStatus.ACTIVE.value
    try:
        return MemberStatus(value.lower())
    except ValueError:
        message = f"status is {shown(value)}; it must be active or inactive, or empty for active"
        raise line.fault("status", message) from None


def _claims(line: MemberImport) -> tuple[Claim, ...]:
    """What no other line may say. Third party ids are not among it: they may be shared."""
    member = line.member
    unique = (("user_id", member.user_id), ("email", member.email), ("username", member.username))
    return tuple(
        Claim(name, (member.client_id, value)) for name, value in unique if value is not None
    )


@dataclass(frozen=True, slots=True)
class _Saved:
    changed: bool
    opened: bool


class _Import:
    """Saves lines, most of them side by side; those that wait for one another at the end."""

    def __init__(self, members: MemberAdmin, at: int, pool: Executor) -> None:
        self._members = members
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
        for member, outcome in settle_identifiers(self._members, waiting, self._at):
            record = self._deferred[member.client_id, member.user_id]
            if isinstance(outcome, ConflictError):
                self._count(record, outcome)
            elif self._count(record, _Saved(outcome, self._open(record.value))):
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
        try:
            changed = self._members.save_profile(record.value.member, self._at)
        except ConflictError as error:
            return error
        return _Saved(changed, self._open(record.value))

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
