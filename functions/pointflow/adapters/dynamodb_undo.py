"""`UndoStore` on BatchesTable, and the reading of LedgerTable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pointflow.adapters import undo_requests as requests
from pointflow.adapters.batch_get import Patience, batch_get
from pointflow.adapters.batch_get import patient as patient_reads
from pointflow.adapters.ledger_items import ENTRY_ATTRIBUTES, entry_of
from pointflow.adapters.retrying import Backoff
from pointflow.adapters.submission_items import (
    read_close,
    read_outcome,
    read_submission,
    read_undone,
    read_undone_count,
)
from pointflow.adapters.submission_keys import (
    CHUNKS,
    COUNTERS,
    cell_key,
    chunk_key,
    chunks_of,
    upload_key,
)
from pointflow.adapters.submission_table import SubmissionTable, patient
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.ledger import Entry
from pointflow.domain.submission import ChunkOutcome, Submission, SubmissionRef, Undone
from pointflow.domain.undo import UndoneChunk, UndoProgress

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBUndo:
    """What of a batch is taken back.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    table_name : str
        BatchesTable.
    backoff : callable
        Makes the waiting that one call may do while DynamoDB is busy.
    """

    def __init__(
        self, client: DynamoDBClient, table_name: str, *, backoff: Callable[[], Backoff] = patient
    ) -> None:
        self._table = SubmissionTable(client, table_name, backoff)
        self._name = table_name

    def get(self, ref: SubmissionRef) -> Submission | None:
        """The submission as it stands."""
        item = self._table.get(upload_key(ref))
        return read_submission(item) if item else None

    def start_undo(self, ref: SubmissionRef, at: int) -> Submission:
        """-> UNDOING, when every line is decided."""
        self._table.update(requests.start_undo(self._name, ref, at))
        return self._on_record(ref)

    def outcome(self, ref: SubmissionRef, cell: int, first_line: int) -> ChunkOutcome | None:
        """A chunk's outcome."""
        item = self._table.get(chunk_key(ref, cell, first_line))
        return read_outcome(item) if item else None

    def outcomes(self, ref: SubmissionRef, cell: int) -> Iterator[ChunkOutcome]:
        """The cell's outcomes, by first line."""
        return map(read_outcome, self._table.query(chunks_of(ref, cell), CHUNKS))

    def undone_chunks(self, ref: SubmissionRef, cell: int) -> frozenset[int]:
        """First lines of the cell's chunks that are taken back."""
        marks = self._table.query(chunks_of(ref, cell), requests.UNDO_MARKS)
        return frozenset(map(requests.read_undo_mark, marks))

    def save_undone(self, ref: SubmissionRef, chunk: UndoneChunk, at: int) -> None:
        """Note that a chunk is taken back, and count it, once."""
        mark, count = requests.save_undone(self._name, ref, chunk, at)
        self._table.transact([{"Put": mark}, {"Update": count}])

    def undo_progress(self, ref: SubmissionRef, cell: int) -> UndoProgress:
        """How far the cell is."""
        item = self._table.get(cell_key(ref, cell))
        close = read_close(item) if item else None
        if close is None:
            raise ConflictError(f"{ref.batch}: cell {cell} is not closed")
        counters = list(self._table.query(chunks_of(ref, cell), COUNTERS))
        return UndoProgress(
            chunks=close.chunks,
            undone_chunks=sum(map(read_undone_count, counters)),
            undone=sum(map(read_undone, counters), Undone()),
        )

    def complete_undone_cell(self, ref: SubmissionRef, cell: int, undone: Undone, at: int) -> None:
        """Count a cell that is wholly taken back into the submission, once."""
        mark, count = requests.complete_undone_cell(self._name, ref, cell, undone, at)
        self._table.transact([{"Update": mark}, {"Update": count}])

    def finish_undo(self, ref: SubmissionRef, at: int) -> Submission:
        """UNDOING -> UNDONE, when every cell is taken back."""
        submission = self._on_record(ref)
        if submission.cells_undone < submission.plan.cells:
            return submission
        self._table.update(requests.finish_undo(self._name, ref, at))
        return self._on_record(ref)

    def _on_record(self, ref: SubmissionRef) -> Submission:
        submission = self.get(ref)
        if submission is None:
            raise NotFoundError(f"no submission {ref.version} of {ref.batch}")
        return submission


class DynamoDBLedgerReader:
    """`LedgerReader` on LedgerTable.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    ledger_table : str
    patience : callable
        Makes the back-off of one call.
    """

    def __init__(
        self, client: DynamoDBClient, ledger_table: str, *, patience: Patience = patient_reads
    ) -> None:
        self._client = client
        self._ledger_table = ledger_table
        self._patience = patience

    def entries(self, identities: Sequence[str]) -> Mapping[str, Entry]:
        """The entries that there are, by identity."""
        items = batch_get(
            self._client,
            self._ledger_table,
            ({"identity": {"S": identity}} for identity in identities),
            ENTRY_ATTRIBUTES,
            self._patience,
        )
        return {entry.identity: entry for entry in map(entry_of, items)}
