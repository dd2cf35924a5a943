"""What the use cases need of the world. Adapters fulfil it; tests bring fakes.

All reads are consistent unless said otherwise. Whatever changes something may be called twice,
or twice at once, and then changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client
from pointflow.domain.ledger import Entry
from pointflow.domain.member import IdentifierKey, Member, MemberStatus
from pointflow.domain.messages import Chunk, Part, ReportRequest
from pointflow.domain.submission import (
    CellClose,
    CellMeasure,
    CellProgress,
    ChunkOutcome,
    Failure,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    Tally,
)


class ObjectStore(Protocol):
    """The bucket. Raises `ObjectUnreadableError` when a pinned version is gone for good; being
    denied it is no such thing, and may pass."""

    def read(self, ref: SubmissionRef, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) of the pinned version in blocks of about 1 MiB.

        `end` may lie past the object's end. A read that is cut short raises: it must never look
        like the end of the file.
        """
        ...

    def read_object(self, key: str) -> Iterator[bytes]:
        """An object that pointflow itself wrote, in blocks."""
        ...

    def put(self, key: str, body: bytes, content_type: str) -> None: ...

    def writer(self, key: str, content_type: str) -> AbstractContextManager[ObjectWriter]:
        """Stream an object of any size in constant memory; nothing appears when the block raises,
        and nothing when nothing was written."""
        ...


class ResultStore(ObjectStore, Protocol):
    """The bucket, for whoever replaces results: nobody else looks at them again or removes any."""

    def find(self, key: str) -> bytes | None:
        """A small object that pointflow itself wrote; None where there is none."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...


class ObjectWriter(Protocol):
    """Where a streamed object is written to."""

    def write(self, data: bytes) -> None: ...


class ClaimResult(StrEnum):
    """What a planned submission may do."""

    ACCEPTED = "ACCEPTED"
    HELD = "HELD"
    DUPLICATE = "DUPLICATE"
    NAME_REUSED = "NAME_REUSED"


@dataclass(frozen=True, slots=True)
class Claim:
    """Answer to a claim. `other` is the owner of the name, or of the content, where one stands."""

    result: ClaimResult
    other: SubmissionRef | None = None


class SubmissionStore(Protocol):
    """Submissions, the names and contents they claim, their cells and outcomes."""

    def receive(self, submission: Submission) -> Submission:
        """Record a submission once; answers what is on record."""
        ...

    def get(self, ref: SubmissionRef) -> Submission | None: ...

    def owner(self, client_id: str, file_name: str) -> SubmissionRef | None:
        """The submission that owns the name, whatever its status."""
        ...

    def start_planning(self, ref: SubmissionRef, at: int) -> None:
        """RECEIVED -> PLANNING."""
        ...

    def save_measure(self, ref: SubmissionRef, measure: CellMeasure, at: int) -> None:
        """Keep a cell's measure and count it, once."""
        ...

    def measures(
        self, ref: SubmissionRef, first: int = 0, end: int | None = None
    ) -> Iterator[CellMeasure]:
        """The measures so far of the cells [first, end), by cell, read as they are drawn."""
        ...

    def claim(
        self, ref: SubmissionRef, content: str, first_row_line: int, hold: bool, at: int
    ) -> Claim:
        """Claim name and content in one step, and move on from PLANNING: to PARSING, HELD or
        DUPLICATE. `NAME_REUSED` changes nothing: the caller refuses with words."""
        ...

    def refuse(self, ref: SubmissionRef, refusal: Refusal, at: int) -> Submission:
        """-> REFUSED, from RECEIVED or PLANNING; answers what is on record afterwards."""
        ...

    def fail(self, ref: SubmissionRef, failure: Failure, at: int) -> Submission:
        """-> FAILED, from any open status; answers what is on record afterwards."""
        ...

    def release(self, ref: SubmissionRef, at: int) -> Submission:
        """HELD -> PARSING. Raises `ConflictError` from any other status."""
        ...

    def discard(self, ref: SubmissionRef, at: int) -> Submission:
        """HELD -> DISCARDED. Raises `ConflictError` from any other status."""
        ...

    def close_cell(self, ref: SubmissionRef, close: CellClose, at: int) -> None:
        """Keep what pass 2 made of a cell and count it, once. Raises `ChunkMismatchError` when
        the cell was closed with other figures. The last close moves PARSING -> CREDITING."""
        ...

    def closes(
        self, ref: SubmissionRef, first: int = 0, end: int | None = None
    ) -> Iterator[CellClose]:
        """The closed ones of the cells [first, end), by cell, read as they are drawn."""
        ...

    def begin_crediting(self, ref: SubmissionRef, at: int) -> bool:
        """Note, before the ledger is first written, that credits may exist from now on: name and
        content are kept for good. False when another submission has taken the place of this one
        after it failed: then nothing of it may be credited any more."""
        ...

    def outcome(self, ref: SubmissionRef, cell: int, first_line: int) -> ChunkOutcome | None: ...

    def save_outcome(self, ref: SubmissionRef, outcome: ChunkOutcome, at: int) -> None:
        """Keep a chunk's outcome and count it, once. Raises `ChunkMismatchError` when the chunk
        has an outcome of another digest."""
        ...

    def outcomes(self, ref: SubmissionRef, cell: int) -> Iterator[ChunkOutcome]:
        """The cell's outcomes, by first line."""
        ...

    def cell_progress(self, ref: SubmissionRef, cell: int) -> CellProgress: ...

    def complete_cell(self, ref: SubmissionRef, cell: int, tally: Tally, at: int) -> None:
        """Count a settled cell's tally into the submission, once."""
        ...

    def complete(self, ref: SubmissionRef, at: int) -> Submission:
        """CREDITING or FAILED -> COMPLETED or COMPLETED_WITH_REJECTS, when every cell is complete;
        answers what is on record afterwards."""
        ...

    def mark_last_try(self, ref: SubmissionRef, cell: int, first_line: int, at: int) -> None:
        """Leave a trace of a chunk's last delivery before its dead-letter queue, whether or not
        there is such a submission."""
        ...

    def last_tries(self, ref: SubmissionRef, cell: int) -> Mapping[int, int]:
        """First line -> time of the last delivery, of chunks that left such a trace."""
        ...

    def reported(self, ref: SubmissionRef, revision: int) -> None:
        """Note that a revision's result files are written."""
        ...

    def open_since(self, before: int) -> Iterator[SubmissionRef]:
        """Submissions with work or a report outstanding that have neither moved nor been looked
        after since `before`, longest first. Eventually consistent. Their records are not read: one
        that cannot be read must not hide the others."""
        ...

    def count_look(self, ref: SubmissionRef, at: int) -> None:
        """Note that `batch_watch` found an outstanding submission standing still. Whatever brings
        it further starts the count afresh."""
        ...

    def listing(
        self, client_id: str, *, status: Status | None = None, limit: int = 50
    ) -> Iterator[Submission]:
        """A client's submissions, newest first. Eventually consistent."""
        ...

    def of_batch(self, client_id: str, file_name: str) -> Iterator[Submission]:
        """Every submission of a name."""
        ...


class PartPublisher(Protocol):
    """The way to PartQueue."""

    def send_parts(self, parts: Iterable[Part]) -> None: ...


class ChunkPublisher(Protocol):
    """The way to CreditQueue. Returns when every chunk is accepted; raises `ContentionError`."""

    def send_chunks(self, chunks: Iterable[Chunk]) -> None: ...


class ReportPublisher(Protocol):
    """The way to ReportQueue."""

    def request_report(self, request: ReportRequest) -> None: ...


class QueueDepths(Protocol):
    """How many messages the work queues hold: waiting, delayed or being worked on.

    Approximate while messages come and go; right within a minute or so once nothing does. Nothing
    is taken out of a queue by asking.
    """

    def parts(self) -> int: ...

    def chunks(self) -> int: ...


class Catalog(Protocol):
    """Clients and activities."""

    def client(self, client_id: str) -> Client | None: ...

    def activities(
        self, client_id: str, activity_ids: Collection[int], *, fresh: bool = False
    ) -> Mapping[int, Activity]:
        """Those that exist; `fresh`: as they stand now, whatever is remembered of them."""
        ...


class CatalogAdmin(Catalog, Protocol):
    """What the command line changes in the catalog."""

    def clients(self) -> Iterator[Client]: ...

    def put_client(self, client: Client) -> None: ...

    def put_activity(self, activity: Activity) -> None: ...


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

    def save_profile(self, member: Member, at: int) -> bool:
        """Create a member, or change profile and status, pointers included, in one transaction;
        False when nothing had to change. Balance and lifetime are left alone. Raises
        `IdentifierHeldError` when another member holds the email or the username."""
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


class Ledger(Protocol):
    """Entries and the balances they add up to."""

    def record(self, client_id: str, entries: Sequence[Entry], deadline: float) -> list[Entry]:
        """Record decisions, each once; credit the balances of the credited ones in the same
        transactions.

        Parameters
        ----------
        client_id : str
        entries : sequence of Entry
            As wanted. At most one per identity.
        deadline : float
            `time.monotonic()` value after which no retry starts.

        Returns
        -------
        list of Entry
            What stands for each identity, in the order of `entries`: an earlier decision where
            there is one; `MEMBER_NOT_FOUND` or `MEMBER_INACTIVE` where the account turned out to
            be absent or inactive in the transaction.

        Raises
        ------
        ContentionError
            Some entries could not be recorded before the deadline. What was recorded stands.
        EntryMismatchError
            An identity holds a credit of other content.
        """
        ...
