"""What taking a batch back needs of the world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from pointflow.domain.ledger import Entry
from pointflow.domain.submission import ChunkOutcome, Submission, SubmissionRef, Undone
from pointflow.domain.undo import UndoMessage, UndoneChunk, UndoProgress


class UndoStarter(Protocol):
    """The part of the store that whoever asks for an undo needs."""

    def get(self, ref: SubmissionRef) -> Submission | None: ...

    def start_undo(self, ref: SubmissionRef, at: int) -> Submission:
        """COMPLETED, COMPLETED_WITH_REJECTS or FAILED -> UNDOING, when every line is decided;
        answers what is on record afterwards."""
        ...


class UndoStore(UndoStarter, Protocol):
    """Submissions, and what of their cells and chunks is taken back."""

    def outcome(self, ref: SubmissionRef, cell: int, first_line: int) -> ChunkOutcome | None: ...

    def outcomes(self, ref: SubmissionRef, cell: int) -> Iterator[ChunkOutcome]:
        """The cell's outcomes, by first line."""
        ...

    def undone_chunks(self, ref: SubmissionRef, cell: int) -> frozenset[int]:
        """First lines of the cell's chunks that are taken back."""
        ...

    def save_undone(self, ref: SubmissionRef, chunk: UndoneChunk, at: int) -> None:
        """Note that a chunk is taken back, and count it, once."""
        ...

    def undo_progress(self, ref: SubmissionRef, cell: int) -> UndoProgress: ...

    def complete_undone_cell(self, ref: SubmissionRef, cell: int, undone: Undone, at: int) -> None:
        """Count a cell that is wholly taken back into the submission, once."""
        ...

    def finish_undo(self, ref: SubmissionRef, at: int) -> Submission:
        """UNDOING -> UNDONE, when every cell is taken back; answers what is on record
        afterwards."""
        ...


class LedgerReader(Protocol):
    """Reads entries by identity."""

    def entries(self, identities: Sequence[str]) -> Mapping[str, Entry]:
        """The entries that there are, by identity, read consistently."""
        ...


class UndoPublisher(Protocol):
    """The way to UndoQueue."""

    def send_undo(self, messages: Iterable[UndoMessage]) -> None: ...
