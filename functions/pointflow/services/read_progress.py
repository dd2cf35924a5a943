"""Read how far a submission is, and what was rejected, cell by cell."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from operator import attrgetter

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.reject_lines import decode_rejects
from pointflow.domain.submission import (
    COMPLETE,
    CellClose,
    ChunkOutcome,
    Status,
    Submission,
    Tally,
)
from pointflow.ports.objects import ObjectStore
from pointflow.ports.submissions import SubmissionStore

UNDER_WAY = frozenset({Status.PARSING, Status.CREDITING, Status.FAILED})
"""Statuses in which cells say more than the submission's own tally, which has whole cells only."""


def tally_so_far(submission: Submission, store: SubmissionStore) -> Tally:
    """What is counted by now: while work goes on, the cells' counters added up."""
    if submission.status not in UNDER_WAY:
        return submission.tally
    closes = {close.cell: close for close in store.closes(submission.ref)}
    total = Tally()
    for cell in range(submission.plan.cells):
        total += cell_tally(closes.get(cell), store.cell_progress(submission.ref, cell).tally)
    return total


def cell_tally(close: CellClose | None, outcomes: Tally) -> Tally:
    """A cell's counts. Until it is closed, the rows known of are those that were decided."""
    seen = close.tally if close else Tally(rows=outcomes.credited + outcomes.rejected)
    return seen + outcomes


def rejected_rows(
    submission: Submission, store: SubmissionStore, objects: ObjectStore
) -> Iterator[RejectedRow]:
    """All rejected rows of a submission in line order, in memory that does not grow with them."""
    if submission.status in COMPLETE and not submission.tally.rejected:
        return
    closes = {close.cell: close for close in store.closes(submission.ref)}
    for cell in range(submission.plan.cells):
        yield from cell_rejects(closes.get(cell), store.outcomes(submission.ref, cell), objects)


def cell_rejects(
    close: CellClose | None, outcomes: Iterable[ChunkOutcome], objects: ObjectStore
) -> Iterator[RejectedRow]:
    """A cell's rejected rows in line order: those of intake and those of crediting."""
    keys = (outcome.rejects_key for outcome in outcomes if outcome.rejects_key)
    crediting = decode_rejects(objects.read_objects(keys))
    intake = stored_rejects(close.rejects_key if close else None, objects)
    return heapq.merge(intake, crediting, key=attrgetter("line"))


def stored_rejects(key: str | None, objects: ObjectStore) -> Iterator[RejectedRow]:
    """The rejected rows of one object; none for None."""
    return decode_rejects(objects.read_object(key)) if key else iter(())
