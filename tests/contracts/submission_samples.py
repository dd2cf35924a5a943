"""Submissions, and the ways they come as far as a test needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pointflow.domain.codes import FailureCode
from pointflow.domain.submission import (
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Failure,
    Plan,
    Status,
    Submission,
    SubmissionRef,
    Tally,
)
from pointflow.ports.submissions import Claim, SubmissionStore

NAME = "activities_acme_20260101000000.txt"
OTHER_NAME = "activities_acme_20260102000000.txt"
CELLS = 2
FAILURE = Failure(FailureCode.CHUNK_DEAD_LETTERED, "a chunk lies in the dead-letter queue")


def ref(version: str = "v1", name: str = NAME) -> SubmissionRef:
    return SubmissionRef("acme", name, version)


def submission(which: SubmissionRef, at: int = 100) -> Submission:
    plan = Plan(
        size=150, received_at=at, cell_bytes=100, chunk_rows=500, chunk_bytes=100_000, rulings=1
    )
    return Submission(which, Status.RECEIVED, plan, updated_at=at)


def measure(cell: int) -> CellMeasure:
    return CellMeasure(cell, newlines=3 - cell, sha256=f"{cell:064x}", first_row=cell or None)


def close(cell: int) -> CellClose:
    """Cell 0 has three rows, one rejected by intake; cell 1 has two."""
    if cell == 0:
        tally = Tally(rows=3, blank=1, rejected=1, codes={"LINE_TOO_LONG": 1})
        return CellClose(0, 1, tally, "rejects/acme/intake.jsonl")
    return CellClose(1, 1, Tally(rows=2, warnings={"DUPLICATE_ROW": 1}), None)


def outcome(cell: int) -> ChunkOutcome:
    """Cell 0's chunk credits one row and rejects one; cell 1's credits both."""
    if cell == 0:
        codes, warnings = {"MEMBER_NOT_FOUND": 1}, {"NULL_LITERAL": 2}
        tally = Tally(credited=1, rejected=1, points=50, codes=codes, warnings=warnings)
        return ChunkOutcome(0, 2, 3, "digest-0", tally, "rejects/acme/chunk.jsonl")
    tally = Tally(credited=2, points=20, warnings={"DUPLICATE_ROW": 1})
    return ChunkOutcome(1, 5, 6, "digest-1", tally, None)


DECIDED = Tally(
    rows=5,
    blank=1,
    credited=3,
    rejected=2,
    points=70,
    codes={"LINE_TOO_LONG": 1, "MEMBER_NOT_FOUND": 1},
    warnings={"NULL_LITERAL": 2, "DUPLICATE_ROW": 2},
)


def plan(store: SubmissionStore, which: SubmissionRef, at: int = 100) -> None:
    store.receive(submission(which, at))
    store.start_planning(which, at + 1)


def claim(
    store: SubmissionStore,
    which: SubmissionRef,
    content: str = "content",
    *,
    hold: bool = True,
    at: int = 110,
) -> Claim:
    return store.claim(which, content, 1, hold, at)


def accept(store: SubmissionStore, which: SubmissionRef, content: str = "content") -> None:
    plan(store, which)
    claim(store, which, content)


def settle(store: SubmissionStore, which: SubmissionRef, cell: int, at: int) -> None:
    progress = store.cell_progress(which, cell)
    if progress.settled:
        store.complete_cell(which, cell, progress.tally, at)
        store.complete(which, at)


def steps(store: SubmissionStore, which: SubmissionRef) -> list[Callable[[], object]]:
    """Every call that takes a file from upload to report."""
    return [
        lambda: store.receive(submission(which)),
        lambda: store.start_planning(which, 101),
        lambda: store.save_measure(which, measure(0), 102),
        lambda: store.save_measure(which, measure(1), 103),
        lambda: claim(store, which, at=104),
        lambda: store.close_cell(which, close(0), 105),
        lambda: store.begin_crediting(which, 106),
        lambda: store.save_outcome(which, outcome(0), 106),
        lambda: settle(store, which, 0, 107),
        lambda: store.close_cell(which, close(1), 108),
        lambda: store.save_outcome(which, outcome(1), 109),
        lambda: settle(store, which, 1, 110),
        lambda: store.reported(which, 1),
    ]


def run_all(store: SubmissionStore, which: SubmissionRef) -> Submission:
    for step in steps(store, which):
        step()
    return known(store, which)


def known(store: SubmissionStore, which: SubmissionRef) -> Submission:
    found = store.get(which)
    assert found is not None
    return found


def at_once[T](*calls: Callable[[], T]) -> list[T]:
    """Make the calls at the same time, a thread each."""
    barrier = threading.Barrier(len(calls))

    def make(call: Callable[[], T]) -> T:
        barrier.wait(timeout=30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))
