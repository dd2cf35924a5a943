"""Go through a submission cell by cell: its rejects, its counts, its undecided lines."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.submission import (
    CellClose,
    ChunkOutcome,
    Status,
    Submission,
    Tally,
)
from pointflow.domain.undecided import CellLines, LineRange, UndecidedLines
from pointflow.ports.objects import ObjectStore
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.read_progress import cell_rejects, cell_tally, stored_rejects


@dataclass(slots=True)
class Walked:
    """What a walk knows of the cells behind it; enough to go on in another process.

    Attributes
    ----------
    next_cell : int
        The first cell that was not passed.
    tally : Tally
        Of the cells before it.
    closed : int
        How many of them were closed, with `lines` rows and blank lines altogether.
    undecided : UndecidedLines
    """

    next_cell: int = 0
    tally: Tally = field(default_factory=Tally)
    closed: int = 0
    lines: int = 0
    undecided: UndecidedLines = field(default_factory=UndecidedLines)


class OutcomeWalk:
    """A walk over a submission's cells, in order, from where `walked` ends.

    A cell's outcomes are read once and kept while the cell lasts, so that rejects, counts and
    undecided lines agree even while late outcomes of a failed batch come in.
    """

    def __init__(
        self, submission: Submission, walked: Walked, store: SubmissionStore, objects: ObjectStore
    ) -> None:
        self.walked = walked
        self._submission = submission
        self._store = store
        self._objects = objects
        self._closes = _InTurn(store.closes(submission.ref, walked.next_cell))
        self._first_lines: Sequence[int] = ()
        if submission.status is Status.FAILED and _may_still_be_credited(submission):
            newlines = (measure.newlines for measure in store.measures(submission.ref))
            self._first_lines = list(accumulate(newlines, initial=1))

    @property
    def done(self) -> bool:
        """Whether every cell was passed."""
        return self.walked.next_cell >= self._submission.plan.cells

    def next_rejects(self) -> Iterator[RejectedRow]:
        """The next cell's rejected rows in line order; it is passed once they are consumed."""
        cell, walked = self.walked.next_cell, self.walked
        close = self._closes.of(cell)
        outcomes = tuple(self._store.outcomes(self._submission.ref, cell))
        yield from cell_rejects(close, outcomes, self._objects)
        decided = sum((outcome.tally for outcome in outcomes), Tally())
        walked.tally += cell_tally(close, decided)
        if close:
            walked.closed += 1
            walked.lines += close.tally.rows + close.tally.blank
        if self._first_lines:
            walked.undecided.pass_cell(self._lines_of(cell, close, outcomes))
        walked.next_cell += 1

    @property
    def undecided(self) -> tuple[LineRange, ...]:
        """The lines of a failed batch that have no decision; none for any other batch.

        Ask once the walk is done. Line numbers come from the measures, and from the closes where
        those know more.
        """
        if not self._first_lines:
            return ()
        all_closed = self.walked.closed == len(self._first_lines) - 1
        return self.walked.undecided.ranges(
            self.walked.lines if all_closed else self._first_lines[-1]
        )

    def _lines_of(
        self, cell: int, close: CellClose | None, outcomes: Sequence[ChunkOutcome]
    ) -> CellLines:
        spans: Iterator[LineRange] = ((o.first_line, o.last_line) for o in outcomes)
        settled = close is not None and len(outcomes) >= close.chunks
        if close and not settled:
            rejects = stored_rejects(close.rejects_key, self._objects)
            spans = heapq.merge(spans, ((row.line, row.line) for row in rejects))
        first_line, next_line = self._first_lines[cell : cell + 2]
        return CellLines(first_line, next_line, settled, spans)


def _may_still_be_credited(submission: Submission) -> bool:
    # Before the plan stands no row is sent to anybody, and once another submission has taken its
    # place a failed one is never credited.
    return submission.first_row_line is not None and submission.superseded_by is None


class _InTurn:
    """Closes by cell, asked for in ascending order: a file of 80,000 cells is never in memory."""

    def __init__(self, closes: Iterator[CellClose]) -> None:
        self._closes = closes
        self._next = next(closes, None)

    def of(self, cell: int) -> CellClose | None:
        while self._next is not None and self._next.cell < cell:
            self._next = next(self._closes, None)
        return self._next if self._next is not None and self._next.cell == cell else None
