"""Submissions in memory, with the same rules as the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pointflow.domain.errors import ChunkMismatchError, ConflictError
from pointflow.domain.submission import (
    CLAIMED,
    CellClose,
    CellMeasure,
    CellProgress,
    ChunkOutcome,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    unreconciled,
)
from tests.fakes.submission_claims import FakeClaims


@dataclass(slots=True)
class _Cell:
    measure: CellMeasure | None = None
    close: CellClose | None = None
    complete: bool = False
    outcomes: dict[int, ChunkOutcome] = field(default_factory=dict)
    last_tries: dict[int, int] = field(default_factory=dict)
    last_errors: dict[int, str | None] = field(default_factory=dict)


class FakeSubmissionStore(FakeClaims):
    """`FakeSubmissionStore(submission, …)`: holds what it is given, in whatever status.

    A given submission whose content is known and whose claim was granted owns its name.
    """

    def __init__(self, *submissions: Submission) -> None:
        super().__init__(*submissions)
        self._looked_at: dict[SubmissionRef, int] = {}
        self._cells: dict[tuple[SubmissionRef, int], _Cell] = {}

    # Submissions

    def receive(self, submission: Submission) -> Submission:
        with self.lock:
            return self._submissions.setdefault(submission.ref, submission)

    def get(self, ref: SubmissionRef) -> Submission | None:
        with self.lock:
            return self._submissions.get(ref)

    def owner(self, client_id: str, file_name: str) -> SubmissionRef | None:
        with self.lock:
            return self._owners.get((client_id, file_name))

    def start_planning(self, ref: SubmissionRef, at: int) -> None:
        with self.lock:
            if self.known(ref).status is Status.RECEIVED:
                self.change(ref, at, status=Status.PLANNING)

    # Cells

    def save_measure(self, ref: SubmissionRef, measure: CellMeasure, at: int) -> None:
        with self.lock:
            submission, cell = self.known(ref), self._cell(ref, measure.cell)
            if cell.measure is None:
                cell.measure = measure
                self.change(ref, at, cells_measured=submission.cells_measured + 1)

    def measures(
        self, ref: SubmissionRef, first: int = 0, end: int | None = None
    ) -> Iterator[CellMeasure]:
        return iter([cell.measure for cell in self._cells_of(ref, first, end) if cell.measure])

    def close_cell(self, ref: SubmissionRef, close: CellClose, at: int) -> None:
        with self.lock:
            submission, cell = self.known(ref), self._cell(ref, close.cell)
            if cell.close is None:
                if submission.status not in {Status.PARSING, Status.FAILED}:
                    raise ConflictError(f"{ref.batch} is {submission.status}, not PARSING")
                cell.close = close
                tally = submission.tally + close.tally
                closed = submission.cells_closed + 1
                self.change(ref, at, tally=tally, cells_closed=closed)
            elif cell.close != close:
                raise ChunkMismatchError(f"{ref.batch}: cell {close.cell} closed otherwise before")
            self._start_crediting(ref, at)

    def _start_crediting(self, ref: SubmissionRef, at: int) -> None:
        submission = self.known(ref)
        if submission.status is Status.PARSING and submission.cells_closed == submission.plan.cells:
            self.change(ref, at, status=Status.CREDITING)

    def closes(
        self, ref: SubmissionRef, first: int = 0, end: int | None = None
    ) -> Iterator[CellClose]:
        return iter([cell.close for cell in self._cells_of(ref, first, end) if cell.close])

    def begin_crediting(self, ref: SubmissionRef, at: int) -> bool:
        with self.lock:
            submission = self.known(ref)
            if submission.status not in CLAIMED or submission.superseded_by:
                return False
            if submission.crediting_since is None:
                self.change(ref, at, crediting_since=at)
            return True

    def outcome(self, ref: SubmissionRef, cell: int, first_line: int) -> ChunkOutcome | None:
        with self.lock:
            return self._cell(ref, cell).outcomes.get(first_line)

    def save_outcome(self, ref: SubmissionRef, outcome: ChunkOutcome, at: int) -> None:
        with self.lock:
            outcomes = self._cell(ref, outcome.cell).outcomes
            if outcomes.setdefault(outcome.first_line, outcome).digest != outcome.digest:
                raise ChunkMismatchError(
                    f"{ref.batch}: the chunk at line {outcome.first_line} has another digest"
                )

    def outcomes(self, ref: SubmissionRef, cell: int) -> Iterator[ChunkOutcome]:
        with self.lock:
            return iter([outcome for _, outcome in sorted(self._cell(ref, cell).outcomes.items())])

    def cell_progress(self, ref: SubmissionRef, cell: int) -> CellProgress:
        with self.lock:
            state = self._cell(ref, cell)
            tally = sum((outcome.tally for outcome in state.outcomes.values()), Tally())
            return CellProgress(
                state.close.chunks if state.close else None, len(state.outcomes), tally
            )

    def complete_cell(self, ref: SubmissionRef, cell: int, tally: Tally, at: int) -> None:
        with self.lock:
            submission, state = self.known(ref), self._cell(ref, cell)
            if state.close is None:
                raise ConflictError(f"{ref.batch}: cell {cell} is not closed")
            if not state.complete:
                state.complete = True
                cells_complete = submission.cells_complete + 1
                total = submission.tally + tally
                self.change(ref, at, tally=total, cells_complete=cells_complete)

    def complete(self, ref: SubmissionRef, at: int) -> Submission:
        with self.lock:
            self.known(ref)
            self._start_crediting(ref, at)
            submission = self.known(ref)
            if submission.may_complete:
                if not submission.tally.reconciles:
                    return self.fail(ref, unreconciled(submission.tally), at)
                status = submission.tally.final_status
                self._report(ref, at, status=status, failure=None, finished_at=at)
            return self.known(ref)

    def mark_last_try(
        self,
        ref: SubmissionRef,
        cell: int,
        first_line: int,
        at: int,
        error: str | None = None,
    ) -> None:
        with self.lock:
            self._cell(ref, cell).last_tries[first_line] = at
            self._cell(ref, cell).last_errors[first_line] = error

    def last_error(self, ref: SubmissionRef, cell: int, first_line: int) -> str | None:
        with self.lock:
            return self._cell(ref, cell).last_errors.get(first_line)

    def last_tries(self, ref: SubmissionRef, cell: int) -> Mapping[int, int]:
        with self.lock:
            return dict(self._cell(ref, cell).last_tries)

    # Looking after

    def reported(self, ref: SubmissionRef, revision: int) -> None:
        with self.lock:
            submission = self.known(ref)
            if revision > submission.reported_revision:
                self._submissions[ref] = replace(submission, reported_revision=revision)

    def open_since(self, before: int) -> Iterator[SubmissionRef]:
        with self.lock:
            found = [
                each
                for each in self._submissions.values()
                if each.outstanding and each.updated_at < before
            ]
        return iter([each.ref for each in sorted(found, key=lambda each: each.updated_at)])

    def count_look(self, ref: SubmissionRef, at: int) -> None:
        with self.lock:
            submission = self.known(ref)
            if submission.outstanding and self._looked_at.get(ref) != at:
                self._looked_at[ref] = at
                self.change(ref, at, looks=submission.looks + 1)

    def listing(
        self, client_id: str, *, status: Status | None = None, limit: int = 50
    ) -> Iterator[Submission]:
        with self.lock:
            found = [
                each
                for ref, each in self._submissions.items()
                if ref.listed_under == client_id and status in {None, each.status}
            ]
        found.sort(
            key=lambda each: (each.plan.received_at, each.ref.file_name, each.ref.version),
            reverse=True,
        )
        return iter(found[:limit])

    def of_batch(self, client_id: str, file_name: str) -> Iterator[Submission]:
        with self.lock:
            return iter(
                [
                    self._submissions[ref]
                    for ref in sorted(self._submissions)
                    if ref.batch == f"{client_id}/{file_name}"
                ]
            )

    def _cell(self, ref: SubmissionRef, cell: int) -> _Cell:
        return self._cells.setdefault((ref, cell), _Cell())

    def _cells_of(self, ref: SubmissionRef, first: int, end: int | None) -> list[_Cell]:
        with self.lock:
            cells = range(first, self.known(ref).plan.cells if end is None else end)
            return [self._cells[ref, cell] for cell in cells if (ref, cell) in self._cells]
