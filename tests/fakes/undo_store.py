"""What of a batch is taken back, in memory, beside a `FakeSubmissionStore`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointflow.domain.errors import ConflictError
from pointflow.domain.ledger import Entry
from pointflow.domain.submission import (
    ChunkOutcome,
    Status,
    Submission,
    SubmissionRef,
    Undone,
)
from pointflow.domain.undo import UndoneChunk, UndoProgress
from tests.fakes.ledger import FakeLedger
from tests.fakes.submission_store import FakeSubmissionStore


class FakeUndoStore:
    """`FakeUndoStore(store)`: the undo of the store's submissions."""

    def __init__(self, store: FakeSubmissionStore) -> None:
        self._store = store
        self._chunks: dict[tuple[SubmissionRef, int], dict[int, Undone]] = {}
        self._cells: set[tuple[SubmissionRef, int]] = set()

    def get(self, ref: SubmissionRef) -> Submission | None:
        return self._store.get(ref)

    def start_undo(self, ref: SubmissionRef, at: int) -> Submission:
        with self._store.lock:
            if self._store.known(ref).all_decided:
                self._store.change(ref, at, status=Status.UNDOING, undoing_since=at)
            return self._store.known(ref)

    def outcome(self, ref: SubmissionRef, cell: int, first_line: int) -> ChunkOutcome | None:
        return self._store.outcome(ref, cell, first_line)

    def outcomes(self, ref: SubmissionRef, cell: int) -> Iterator[ChunkOutcome]:
        return self._store.outcomes(ref, cell)

    def undone_chunks(self, ref: SubmissionRef, cell: int) -> frozenset[int]:
        with self._store.lock:
            return frozenset(self._chunks.get((ref, cell), {}))

    def save_undone(self, ref: SubmissionRef, chunk: UndoneChunk, at: int) -> None:
        with self._store.lock:
            chunks = self._chunks.setdefault((ref, chunk.cell), {})
            chunks.setdefault(chunk.first_line, chunk.undone)

    def undo_progress(self, ref: SubmissionRef, cell: int) -> UndoProgress:
        with self._store.lock:
            chunks = self._store.cell_progress(ref, cell).chunks
            if chunks is None:
                raise ConflictError(f"{ref.batch}: cell {cell} is not closed")
            undone = self._chunks.get((ref, cell), {})
            return UndoProgress(chunks, len(undone), sum(undone.values(), Undone()))

    def complete_undone_cell(self, ref: SubmissionRef, cell: int, undone: Undone, at: int) -> None:
        with self._store.lock:
            submission = self._store.known(ref)
            if submission.status is Status.UNDOING and (ref, cell) not in self._cells:
                self._cells.add((ref, cell))
                changes: dict[str, Any] = {"cells_undone": submission.cells_undone + 1}
                self._store.change(ref, at, undone=submission.undone + undone, **changes)

    def finish_undo(self, ref: SubmissionRef, at: int) -> Submission:
        with self._store.lock:
            seen = self._store.known(ref)
            if seen.status is Status.UNDOING and seen.cells_undone == seen.plan.cells:
                revision = seen.revision + 1
                self._store.change(ref, at, status=Status.UNDONE, revision=revision, finished_at=at)
            return self._store.known(ref)


class FakeLedgerReader:
    """`FakeLedgerReader(ledger)`: the ledger's entries by identity."""

    def __init__(self, ledger: FakeLedger) -> None:
        self._ledger = ledger

    def entries(self, identities: Sequence[str]) -> Mapping[str, Entry]:
        return self._ledger.entries_of(identities)
