"""Submissions and what they claim, as the use cases see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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

    def mark_last_try(
        self,
        ref: SubmissionRef,
        cell: int,
        first_line: int,
        at: int,
        error: str | None = None,
    ) -> None:
        """Leave a trace of a chunk's last delivery before its dead-letter queue, whether or not
        there is such a submission. `error` names what it failed on, once that is known."""
        ...

    def last_tries(self, ref: SubmissionRef, cell: int) -> Mapping[int, int]:
        """First line -> time of the last delivery, of chunks that left such a trace."""
        ...

    def last_error(self, ref: SubmissionRef, cell: int, first_line: int) -> str | None:
        """What a chunk's last delivery failed on; None where that is not known."""
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
