"""Take the credits of a batch back, once each, however often and wherever the work is cut off.

Each step may be cut off by a crash and run again:

1. the ledger holds for each credit at most one entry that takes it back, whose identity follows
   from the credit's, and which changes the account in its own transaction;
2. a chunk is noted as taken back once, with what its outcome says it had been granted;
3. settling looks at what is on record, so anyone may do it: a cell, then the submission.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pointflow.domain.errors import CounterMismatchError, MessageInvalidError
from pointflow.domain.ledger import Decision, Entry, row_identity
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import (
    ChunkOutcome,
    Status,
    Submission,
    SubmissionRef,
    Undone,
)
from pointflow.domain.undo import UndoCells, UndoChunk, UndoMessage, UndoneChunk
from pointflow.ports.ledger import Ledger
from pointflow.ports.queues import ReportPublisher
from pointflow.ports.undo import LedgerReader, UndoPublisher, UndoStore
from pointflow.services.in_time import OutOfTime

LINES_AT_ONCE = 500
"""How many lines of the file are looked up and taken back between two looks at the clock."""

SLICES_AT_ONCE = 1_000
"""How many smaller slices a slice of cells is handed out in, at most."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The use case with its ports."""

    store: UndoStore
    entries: LedgerReader
    ledger: Ledger
    undos: UndoPublisher
    reports: ReportPublisher

    def run(
        self, message: UndoMessage, *, now: int, deadline: float, out_of_time: OutOfTime
    ) -> Undone:
        """Do what a message asks for.

        Parameters
        ----------
        message : UndoMessage
        now : int
            Seconds since the epoch.
        deadline : float
            `time.monotonic()` value after which no retry starts.
        out_of_time : callable
            Tells when to hand on what is left.

        Returns
        -------
        Undone
            What this run took back, or found taken back.

        Raises
        ------
        MessageInvalidError
            There is no such submission, cell or chunk, or nobody asked to undo it.
        CounterMismatchError
            The ledger does not hold what the chunk's outcome says. What it holds is taken back.
        ContentionError
            Some rows could not be taken back before the deadline; the others are.
        """
        submission = self.store.get(message.ref)
        if submission is None:
            raise MessageInvalidError(f"no submission {message.ref.version} of {message.ref.batch}")
        if submission.status is Status.UNDONE:
            self._request_report(submission)
            return Undone()
        if submission.status is not Status.UNDOING:
            raise MessageInvalidError(f"{message.ref.batch} is {submission.status}, not UNDOING")
        if isinstance(message, UndoCells):
            self._spread(message, submission, now)
            return Undone()
        return self._chunk(message, submission, now, deadline, out_of_time)

    def _spread(self, slice_: UndoCells, submission: Submission, now: int) -> None:
        """Hand out smaller slices; of a single cell the chunks that are not taken back yet."""
        ref = slice_.ref
        if slice_.end > submission.plan.cells:
            raise MessageInvalidError(f"{ref.batch} has no cell {slice_.end - 1}")
        cells = slice_.end - slice_.first
        if cells > 1:
            step = -(-cells // SLICES_AT_ONCE)
            self.undos.send_undo(
                UndoCells(ref, first, min(first + step, slice_.end))
                for first in range(slice_.first, slice_.end, step)
            )
            return
        cell = slice_.first
        done = self.store.undone_chunks(ref, cell)
        self.undos.send_undo(
            UndoChunk(ref, cell, outcome.first_line, outcome.first_line)
            for outcome in self.store.outcomes(ref, cell)
            if outcome.first_line not in done
        )
        # A cell without chunks has nobody else to settle it, nor has one whose last worker died.
        self._settle(ref, cell, now)

    def _chunk(
        self,
        message: UndoChunk,
        submission: Submission,
        now: int,
        deadline: float,
        out_of_time: OutOfTime,
    ) -> Undone:
        ref, cell, first_line = message.ref, message.cell, message.first_line
        outcome = self.store.outcome(ref, cell, first_line)
        if outcome is None:
            raise MessageInvalidError(f"{ref.batch} has no chunk at line {first_line}")
        undone = message.undone
        # Where nothing was credited there is nothing to look for.
        lines = _slices(message.line, outcome.last_line) if outcome.tally.credited else iter(())
        for slice_ in lines:
            if out_of_time():
                self.undos.send_undo([UndoChunk(ref, cell, first_line, slice_.start, undone)])
                return _since(message.undone, undone)
            undone += self._lines(slice_, submission, now, deadline)
        _check(ref, outcome, undone)
        self.store.save_undone(ref, UndoneChunk(cell, first_line, undone), now)
        self._settle(ref, cell, now)
        return _since(message.undone, undone)

    def _lines(self, lines: range, submission: Submission, now: int, deadline: float) -> Undone:
        batch = submission.ref.batch
        found = self.entries.entries([row_identity(batch, line) for line in lines])
        credits_ = [entry for entry in found.values() if _is_credit(entry, submission)]
        back = [entry.taken_back(now) for entry in credits_]
        if back:
            self.ledger.record(submission.ref.client_id, back, deadline)
        return Undone(len(credits_), sum(entry.points for entry in credits_))

    def _settle(self, ref: SubmissionRef, cell: int, now: int) -> None:
        progress = self.store.undo_progress(ref, cell)
        if not progress.settled:
            return
        self.store.complete_undone_cell(ref, cell, progress.undone, now)
        self._request_report(self.store.finish_undo(ref, now))

    def _request_report(self, submission: Submission) -> None:
        unwritten = submission.revision > submission.reported_revision
        if submission.status is Status.UNDONE and unwritten:
            self.reports.request_report(ReportRequest(submission.ref, submission.revision))


def _slices(first: int, last: int) -> Iterator[range]:
    for start in range(first, last + 1, LINES_AT_ONCE):
        yield range(start, min(start + LINES_AT_ONCE, last + 1))


def _is_credit(entry: Entry, submission: Submission) -> bool:
    return entry.decision is Decision.CREDITED and entry.content == submission.content


def _check(ref: SubmissionRef, outcome: ChunkOutcome, undone: Undone) -> None:
    granted = Undone(outcome.tally.credited, outcome.tally.points)
    if undone != granted:
        raise CounterMismatchError(
            f"{ref.batch}: the chunk at line {outcome.first_line} was granted {granted.points}"
            f" points on {granted.rows} rows, the ledger holds {undone.points} on {undone.rows}"
        )


def _since(before: Undone, after: Undone) -> Undone:
    return Undone(after.rows - before.rows, after.points - before.points)
