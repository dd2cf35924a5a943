"""`SubmissionStore` on BatchesTable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from pointflow.adapters import submission_claims as claims
from pointflow.adapters import submission_requests as requests
from pointflow.adapters.retrying import Backoff
from pointflow.adapters.submission_items import (
    OPEN_MARK,
    read_close,
    read_last_try,
    read_measure,
    read_open_ref,
    read_outcome,
    read_outcome_count,
    read_owner,
    read_submission,
    read_tally,
)
from pointflow.adapters.submission_keys import (
    CHUNKS,
    COUNTERS,
    LAST_TRIES,
    UPLOADS,
    Item,
    batch_key,
    cell_key,
    chunk_key,
    chunks_of,
    last_try_key,
    number,
    text,
    upload_key,
)
from pointflow.adapters.submission_table import SubmissionTable, patient
from pointflow.domain.errors import ChunkMismatchError, ConflictError, NotFoundError
from pointflow.domain.submission import (
    CLAIMED,
    MOST_CELLS,
    CellClose,
    CellMeasure,
    CellProgress,
    ChunkOutcome,
    Failure,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    unreconciled,
)
from pointflow.ports.submissions import Claim

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoDBSubmissions:
    """Submissions, what they claim, their cells and outcomes.

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
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        backoff: Callable[[], Backoff] = patient,
    ) -> None:
        self._table = SubmissionTable(client, table_name, backoff)
        self._name = table_name

    def receive(self, submission: Submission) -> Submission:
        """Record a submission once; answers what is on record."""
        earlier = self._table.put(requests.receive(self._name, submission))
        return read_submission(earlier) if earlier else submission

    def get(self, ref: SubmissionRef) -> Submission | None:
        """The submission as it stands."""
        item = self._table.get(upload_key(ref))
        return read_submission(item) if item else None

    def owner(self, client_id: str, file_name: str) -> SubmissionRef | None:
        """The submission that owns the name."""
        item = self._table.get(batch_key(client_id, file_name))
        return read_owner(client_id, file_name, item) if item else None

    def start_planning(self, ref: SubmissionRef, at: int) -> None:
        """RECEIVED -> PLANNING."""
        if not self._table.update(requests.move(self._name, ref, Status.PLANNING, at)):
            self._on_record(ref)

    def save_measure(self, ref: SubmissionRef, measure: CellMeasure, at: int) -> None:
        """Keep a cell's measure and count it, once."""
        cell, count = requests.save_measure(self._name, ref, measure, at)
        if 1 in self._table.transact([{"Update": cell}, {"Update": count}]):
            raise _not_found(ref)

    def measures(
        self, ref: SubmissionRef, first: int = 0, end: int | None = None
    ) -> Iterator[CellMeasure]:
        """The measures so far of the cells [first, end), by cell."""
        items = self._cells(ref, first, end)
        return (measure for measure in map(read_measure, items) if measure)

    def claim(
        self, ref: SubmissionRef, content: str, first_row_line: int, hold: bool, at: int
    ) -> Claim:
        """Claim name and content in one transaction."""
        return claims.claim(self._table, ref, content, first_row_line, hold=hold, at=at)

    def refuse(self, ref: SubmissionRef, refusal: Refusal, at: int) -> Submission:
        """-> REFUSED, from RECEIVED or PLANNING."""
        self._table.update(requests.refuse(self._name, ref, refusal, at))
        return self._on_record(ref)

    def fail(self, ref: SubmissionRef, failure: Failure, at: int) -> Submission:
        """-> FAILED, from any open status."""
        self._table.update(requests.fail(self._name, ref, failure, at))
        return self._on_record(ref)

    def release(self, ref: SubmissionRef, at: int) -> Submission:
        """HELD -> PARSING, as one more holder of the content."""
        submission = self._on_record(ref)
        if submission.status is Status.HELD:
            self._table.transact(claims.release_actions(self._name, submission, at))
        item = self._item(ref)
        # The same call once more, or one whose answer was lost, finds its own mark.
        if item.get("released_at") != number(at):
            raise _not_held(read_submission(item))
        return read_submission(item)

    def discard(self, ref: SubmissionRef, at: int) -> Submission:
        """HELD -> DISCARDED."""
        self._table.update(requests.move(self._name, ref, Status.DISCARDED, at))
        submission = self._on_record(ref)
        if submission.status is not Status.DISCARDED or submission.finished_at != at:
            raise _not_held(submission)
        return submission

    def close_cell(self, ref: SubmissionRef, close: CellClose, at: int) -> None:
        """Keep what pass 2 made of a cell and count it, once; the last one moves the batch on."""
        cell, count = requests.close_cell(self._name, ref, close, at)
        if self._table.transact([{"Update": cell}, {"Update": count}]):
            item = self._table.get(cell_key(ref, close.cell))
            earlier = read_close(item) if item else None
            if earlier is None:
                raise ConflictError(f"{ref.batch} is {self._on_record(ref).status}, not PARSING")
            if earlier != close:
                raise ChunkMismatchError(f"{ref.batch}: cell {close.cell} closed otherwise before")
        self._start_crediting(ref, at)

    def closes(
        self, ref: SubmissionRef, first: int = 0, end: int | None = None
    ) -> Iterator[CellClose]:
        """The closed ones of the cells [first, end), by cell."""
        items = self._cells(ref, first, end)
        return (close for close in map(read_close, items) if close)

    def begin_crediting(self, ref: SubmissionRef, at: int) -> bool:
        """Note that credits may exist from now on; False when they may not."""
        submission = self._on_record(ref)
        if submission.status not in CLAIMED:
            return False
        # Only the first chunks write: later ones would queue up at this one item.
        if submission.crediting_since is None:
            self._table.update(requests.begin_crediting(self._name, ref, at))
            submission = self._on_record(ref)
        return submission.crediting_since is not None

    def outcome(self, ref: SubmissionRef, cell: int, first_line: int) -> ChunkOutcome | None:
        """A chunk's outcome."""
        item = self._table.get(chunk_key(ref, cell, first_line))
        return read_outcome(item) if item else None

    def save_outcome(self, ref: SubmissionRef, outcome: ChunkOutcome, at: int) -> None:
        """Keep a chunk's outcome and count it, once."""
        chunk, count = requests.save_outcome(self._name, ref, outcome, at)
        if self._table.transact([{"Put": chunk}, {"Update": count}]):
            earlier = self.outcome(ref, outcome.cell, outcome.first_line)
            if earlier is None or earlier.digest != outcome.digest:
                raise ChunkMismatchError(
                    f"{ref.batch}: the chunk at line {outcome.first_line} has another digest"
                )

    def outcomes(self, ref: SubmissionRef, cell: int) -> Iterator[ChunkOutcome]:
        """The cell's outcomes, by first line."""
        return map(read_outcome, self._table.query(chunks_of(ref, cell), CHUNKS))

    def cell_progress(self, ref: SubmissionRef, cell: int) -> CellProgress:
        """How far the cell is."""
        item = self._table.get(cell_key(ref, cell))
        close = read_close(item) if item else None
        counters = list(self._table.query(chunks_of(ref, cell), COUNTERS))
        return CellProgress(
            chunks=close.chunks if close else None,
            outcomes=sum(map(read_outcome_count, counters)),
            tally=sum(map(read_tally, counters), Tally()),
        )

    def complete_cell(self, ref: SubmissionRef, cell: int, tally: Tally, at: int) -> None:
        """Count a settled cell's tally into the submission, once."""
        mark, count = requests.complete_cell(self._name, ref, cell, tally, at)
        if self._table.transact([{"Update": mark}, {"Update": count}]):
            item = self._table.get(cell_key(ref, cell))
            if item is None or read_close(item) is None:
                raise ConflictError(f"{ref.batch}: cell {cell} is not closed")

    def complete(self, ref: SubmissionRef, at: int) -> Submission:
        """-> COMPLETED or COMPLETED_WITH_REJECTS, when every cell is complete."""
        submission = self._on_record(ref)
        if submission.status is Status.PARSING and self._start_crediting(ref, at):
            submission = self._on_record(ref)
        if not submission.may_complete:
            return submission
        if not submission.tally.reconciles:
            return self.fail(ref, unreconciled(submission.tally), at)
        self._table.update(requests.complete(self._name, submission, at))
        return self._on_record(ref)

    def mark_last_try(
        self,
        ref: SubmissionRef,
        cell: int,
        first_line: int,
        at: int,
        error: str | None = None,
    ) -> None:
        """Leave a trace of a chunk's last delivery."""
        self._table.put(requests.mark_last_try(self._name, ref, cell, first_line, at, error=error))

    def last_tries(self, ref: SubmissionRef, cell: int) -> Mapping[int, int]:
        """First line -> time of the last delivery."""
        return dict(map(read_last_try, self._table.query(chunks_of(ref, cell), LAST_TRIES)))

    def last_error(self, ref: SubmissionRef, cell: int, first_line: int) -> str | None:
        """What a chunk's last delivery failed on."""
        item = self._table.get(last_try_key(ref, cell, first_line)) or {}
        return item["error"]["S"] if "error" in item else None

    def reported(self, ref: SubmissionRef, revision: int) -> None:
        """Note that a revision's result files are written."""
        backoff = self._table.backoff()
        while True:
            seen = self._on_record(ref)
            if seen.reported_revision >= revision:
                return
            if self._table.update(requests.reported(self._name, seen, revision)):
                return
            backoff.wait("the submission moves on while its report is noted")

    def open_since(self, before: int) -> Iterator[SubmissionRef]:
        """Submissions with work or a report outstanding that have not moved since `before`."""
        items = self._table.pages(
            IndexName="OpenIndex",
            KeyConditionExpression="#open = :open AND updated_at < :before",
            ExpressionAttributeNames={"#open": "open"},
            ExpressionAttributeValues={":open": OPEN_MARK, ":before": number(before)},
        )
        return map(read_open_ref, items)

    def count_look(self, ref: SubmissionRef, at: int) -> None:
        """Note that `batch_watch` found the submission standing still."""
        if not self._table.update(requests.count_look(self._name, ref, at)):
            self._on_record(ref)

    def listing(
        self, client_id: str, *, status: Status | None = None, limit: int = 50
    ) -> Iterator[Submission]:
        """A client's submissions, newest first."""
        items = self._table.pages(
            IndexName="ClientIndex",
            KeyConditionExpression="client_id = :client",
            ExpressionAttributeValues={":client": text(client_id)},
            ScanIndexForward=False,
        )
        found = map(read_submission, items)
        return islice((each for each in found if status in {None, each.status}), limit)

    def of_batch(self, client_id: str, file_name: str) -> Iterator[Submission]:
        """Every submission of a name, by version."""
        items = self._table.query(f"{client_id}/{file_name}", UPLOADS)
        return map(read_submission, items)

    def _cells(self, ref: SubmissionRef, first: int, end: int | None) -> Iterator[Item]:
        last = MOST_CELLS - 1 if end is None else end - 1
        return self._table.between(cell_key(ref, first), cell_key(ref, last))

    def _on_record(self, ref: SubmissionRef) -> Submission:
        return read_submission(self._item(ref))

    def _item(self, ref: SubmissionRef) -> Item:
        item = self._table.get(upload_key(ref))
        if item is None:
            raise _not_found(ref)
        return item

    def _start_crediting(self, ref: SubmissionRef, at: int) -> bool:
        return self._table.update(requests.start_crediting(self._name, ref, at))


def _not_found(ref: SubmissionRef) -> NotFoundError:
    return NotFoundError(f"no submission {ref.version} of {ref.batch}")


def _not_held(submission: Submission) -> ConflictError:
    return ConflictError(f"{submission.ref.batch} is {submission.status}, not HELD")
