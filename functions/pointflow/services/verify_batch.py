"""Prove that a batch's counters equal its outcomes, and its outcomes the entries of their lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointflow.domain.submission import ChunkOutcome, Status, SubmissionRef, Tally, Undone
from pointflow.domain.verification import (
    Drift,
    Findings,
    count_drifts,
    counters,
    tally_of,
    told_by_entries,
    undo_counters,
    undone_of,
)
from pointflow.ports.books import Books
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.confirm_drifts import Look, confirm_drifts
from pointflow.services.in_time import OutOfTime, in_time

MOST_SUSPECTS = 100
"""Chunks of a cell that are looked at again. Should more of them drift, the others are told once
these are mended: confirming must fit what is left of an invocation."""


def verify_cell(
    ref: SubmissionRef,
    cell: int,
    *,
    books: Books,
    store: SubmissionStore,
    out_of_time: OutOfTime,
    pause: Callable[[float], None],
    entries: bool,
    undone: bool = False,
) -> Findings:
    """Compare a cell's counters with its outcomes, and those with their lines' entries.

    Parameters
    ----------
    ref : SubmissionRef
    cell : int
    books, store
        Ports.
    out_of_time : callable
        Tells when to give the cell up.
    pause : callable
        Waits for so many seconds.
    entries : bool
        Whether to read the entries too.
    undone : bool
        Whether the batch was undone, so that each credit has an entry that takes it back.

    Raises
    ------
    OutOfTimeError
        The cell is to be compared from its start another time.
    """
    suspects: frozenset[int] | None = None

    def look() -> Look:
        nonlocal suspects
        before = store.cell_progress(ref, cell)
        outcomes = 0
        total = Tally()
        drifts: list[Drift] = []
        drifting: list[int] = []
        walk = store.outcomes(ref, cell)
        # Only the first look reads all entries. Were the others as long, a large cell would be
        # given up each time something in it drifts, and never be told of.
        for outcome in in_time(walk, out_of_time) if suspects is None else walk:
            outcomes += 1
            total += outcome.tally
            if entries and (suspects is None or outcome.first_line in suspects):
                found = tuple(_entry_drifts(ref, outcome, books, undone=undone))
                drifts += found
                drifting += [outcome.first_line] * bool(found)
        if suspects is None:
            suspects = frozenset(drifting[:MOST_SUSPECTS])
        progress = store.cell_progress(ref, cell)
        drifts += count_drifts(
            ref,
            f"cell {cell}",
            {"chunks": progress.outcomes, **counters(progress.tally)},
            {"chunks": outcomes, **counters(total)},
        )
        return Look(progress if progress == before else None, tuple(drifts))

    return _judged(look, pause)


def verify_totals(
    ref: SubmissionRef,
    *,
    books: Books,
    store: SubmissionStore,
    pause: Callable[[float], None],
) -> Findings:
    """Compare a submission's own counters with those of its cells."""

    def look() -> Look:
        before = store.get(ref)
        total = Tally()
        closed = complete = 0
        for record in books.cells(ref):
            closed += 1
            total += record.close.tally
            if record.complete:
                complete += 1
                total += store.cell_progress(ref, record.close.cell).tally
        submission = store.get(ref)
        if submission is None:  # removed meanwhile: there is nothing left to prove
            return Look(None, ())
        recorded = {
            "closed cells": submission.cells_closed,
            "complete cells": submission.cells_complete,
            **counters(submission.tally),
        }
        found = {"closed cells": closed, "complete cells": complete, **counters(total)}
        if submission.status is Status.UNDONE:
            recorded |= undo_counters(submission.undone)
            found |= undo_counters(Undone(total.credited, total.points))
        drifts = tuple(count_drifts(ref, "", recorded, found))
        return Look(submission if submission == before else None, drifts)

    return _judged(look, pause)


def _judged(look: Callable[[], Look], pause: Callable[[float], None]) -> Findings:
    if not look().drifts:
        return Findings()
    confirmed = confirm_drifts([look], pause)
    return Findings(drifts=confirmed.drifts, moving=confirmed.moving)


def _entry_drifts(
    ref: SubmissionRef, outcome: ChunkOutcome, books: Books, *, undone: bool
) -> Iterator[Drift]:
    lines = range(outcome.first_line, outcome.last_line + 1)
    recorded = counters(told_by_entries(outcome.tally))
    found = counters(tally_of(books.entries(ref.batch, lines)))
    if undone:
        recorded |= undo_counters(Undone(outcome.tally.credited, outcome.tally.points))
        found |= undo_counters(undone_of(books.undone(ref.batch, lines)))
    place = f"lines {outcome.first_line}-{outcome.last_line}"
    yield from count_drifts(ref, place, recorded, found)
