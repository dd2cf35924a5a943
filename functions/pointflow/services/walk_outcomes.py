"""Go through a submission cell by cell: its rejects, its counts, its undecided lines."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import accumulate

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.submission import (
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Status,
    Submission,
    Tally,
)
from pointflow.domain.undecided import CellLines, LineRange, UndecidedLines
from pointflow.ports.objects import ObjectStore
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.read_progress import cell_rejects, cell_tally, stored_rejects


class OutcomeWalk:
    """One pass over a submission. Ask for `tally` and `undecided` after the rejects are consumed.

    A cell's outcomes are read once and kept while the cell lasts, so that rejects, counts and
    undecided lines agree even while late outcomes of a failed batch come in.
    """

    def __init__(
        self, submission: Submission, store: SubmissionStore, objects: ObjectStore
    ) -> None:
        self.tally = Tally()
        self._submission = submission
        self._store = store
        self._objects = objects
        self._closes = {close.cell: close for close in store.closes(submission.ref)}
        self._undecided: _UndecidedOfFailed | None = None
        if submission.status is Status.FAILED and _may_still_be_credited(submission):
            self._undecided = _UndecidedOfFailed(
                tuple(store.measures(submission.ref)), self._closes, objects
            )

    def rejects(self) -> Iterator[RejectedRow]:
        """All rejected rows in line order."""
        ref = self._submission.ref
        for cell in range(self._submission.plan.cells):
            close = self._closes.get(cell)
            outcomes = tuple(self._store.outcomes(ref, cell))
            yield from cell_rejects(close, outcomes, self._objects)
            decided = sum((outcome.tally for outcome in outcomes), Tally())
            self.tally += cell_tally(close, decided)
            if self._undecided:
                self._undecided.pass_cell(cell, close, outcomes)

    @property
    def undecided(self) -> tuple[LineRange, ...]:
        """The lines of a failed batch that have no decision; none for any other batch."""
        return self._undecided.ranges() if self._undecided else ()


def _may_still_be_credited(submission: Submission) -> bool:
    # Before the plan stands no row is sent to anybody, and once another submission has taken its
    # place a failed one is never credited.
    return submission.first_row_line is not None and submission.superseded_by is None


class _UndecidedOfFailed:
    """Line numbers from the measures; from the closes where those know more."""

    def __init__(
        self,
        measures: Sequence[CellMeasure],
        closes: dict[int, CellClose],
        objects: ObjectStore,
    ) -> None:
        self._first_lines = list(accumulate((m.newlines for m in measures), initial=1))
        self._closes = closes
        self._objects = objects
        self._lines = UndecidedLines()

    def pass_cell(
        self, cell: int, close: CellClose | None, outcomes: Sequence[ChunkOutcome]
    ) -> None:
        spans: Iterator[LineRange] = ((o.first_line, o.last_line) for o in outcomes)
        settled = close is not None and len(outcomes) >= close.chunks
        if close and not settled:
            rejects = stored_rejects(close.rejects_key, self._objects)
            spans = heapq.merge(spans, ((row.line, row.line) for row in rejects))
        first_line, next_line = self._first_lines[cell : cell + 2]
        self._lines.pass_cell(CellLines(first_line, next_line, settled, spans))

    def ranges(self) -> tuple[LineRange, ...]:
        if len(self._closes) == len(self._first_lines) - 1:
            tallies = (close.tally for close in self._closes.values())
            return self._lines.ranges(sum(tally.rows + tally.blank for tally in tallies))
        return self._lines.ranges(self._first_lines[-1])
