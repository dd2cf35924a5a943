"""Pass 2 over one cell: valid rows go to the ledger's queue, the others into the bucket."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.errors import MessageInvalidError, ObjectUnreadableError
from pointflow.domain.messages import Chunk, ParsePart
from pointflow.domain.packing import BlankLines, PackedRows, Scanned, scan_cell, scan_span
from pointflow.domain.reject_lines import encode_reject
from pointflow.domain.submission import CellClose, Status, Submission, SubmissionRef, Tally
from pointflow.ports.objects import ObjectStore, ObjectWriter
from pointflow.ports.queues import ChunkPublisher, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.fail_unreadable import fail_unreadable
from pointflow.services.in_time import OutOfTime, in_time, never
from pointflow.services.settle import settle_cell, settle_submission

REJECTS_TYPE = "application/x-ndjson"


def parse_cell(
    part: ParsePart,
    *,
    store: SubmissionStore,
    objects: ObjectStore,
    chunks: ChunkPublisher,
    reports: ReportPublisher,
    now: int,
    out_of_time: OutOfTime = never,
) -> None:
    """Parse a cell, send its chunks, keep its rejects, and close it.

    Every run of the same cell makes the same chunks and the same rejects, and closes it with the
    same figures, so it may run twice, or twice at once.

    Parameters
    ----------
    part : ParsePart
    store, objects, chunks, reports
        Ports.
    now : int
        Seconds since the epoch.
    out_of_time : callable
        Tells when to give up. A cell is sent whole or again: nothing is handed on within it.

    Raises
    ------
    MessageInvalidError
        There is no such submission, or no such cell of it.
    ContentionError
        The queue did not take every chunk in time. The cell stays open.
    OutOfTimeError
        The cell could not be read and sent in the time of one invocation. It stays open.
    """
    submission = store.get(part.ref)
    if submission is None:
        raise MessageInvalidError(f"no submission {part.ref.version} of {part.ref.batch}")
    if part.cell >= submission.plan.cells:
        raise MessageInvalidError(f"{part.ref.batch} has no cell {part.cell}")
    if not may_credit(submission):
        # A run that finished the submission may have died before it asked for the report.
        settle_submission(store, reports, part.ref, now)
        return
    if store.cell_progress(part.ref, part.cell).chunks is None:
        try:
            close = _CellParser(submission, part, out_of_time).run(objects, chunks)
        except ObjectUnreadableError:
            fail_unreadable(store, reports, part.ref, now)
            return
        store.close_cell(part.ref, close, now)
    settle_cell(store, reports, part.ref, part.cell, now)


def intake_rejects_key(ref: SubmissionRef, cell: int) -> str:
    """Where the rows of a cell lie that intake rejected."""
    return f"rejects/{ref.client_id}/{ref.file_name}/{ref.version}/{cell:06d}/intake.jsonl"


def may_credit(submission: Submission) -> bool:
    """Whether rows of the submission may go to the ledger's queue.

    A failed one is healed by cells that come late, unless another upload has taken its place.
    """
    if submission.status is Status.FAILED:
        return submission.content is not None and submission.superseded_by is None
    return submission.status in {Status.PARSING, Status.CREDITING}


def chunk_of(submission: Submission, cell: int, packed: PackedRows) -> Chunk:
    """The chunk that rows of a planned submission make. Raises `MessageInvalidError`."""
    if submission.content is None:
        raise MessageInvalidError(f"{submission.ref.batch} is not planned")
    return Chunk(
        ref=submission.ref,
        cell=cell,
        content=submission.content,
        received_at=submission.plan.received_at,
        segments=packed.segments,
        rows=packed.rows,
    )


class _CellParser:
    """One run over one cell, counting on the way."""

    def __init__(self, submission: Submission, part: ParsePart, out_of_time: OutOfTime) -> None:
        self._out_of_time = out_of_time
        self._submission = submission
        self._part = part
        self._sent = 0
        self._packed = Tally()
        self._blank = 0
        self._codes: Counter[str] = Counter()

    def run(self, objects: ObjectStore, chunks: ChunkPublisher) -> CellClose:
        """Send the chunks, then keep the rejects; answers what there was."""
        ref, cell = self._part.ref, self._part.cell
        key = intake_rejects_key(ref, cell)
        with objects.writer(key, REJECTS_TYPE) as rejects:
            chunks.send_chunks(self._chunks(self._scan(objects), rejects))
        rejected = self._codes.total()
        return CellClose(
            cell=cell,
            chunks=self._sent,
            tally=Tally(
                rows=self._packed.rows + rejected,
                blank=self._blank,
                rejected=rejected,
                codes=dict(self._codes),
                warnings=self._packed.warnings,
            ),
            rejects_key=key if rejected else None,
        )

    def _scan(self, objects: ObjectStore) -> Iterator[Scanned]:
        plan = self._submission.plan
        start, end = scan_span(plan, self._part.cell)
        return scan_cell(
            in_time(objects.read(self._part.ref, start, end), self._out_of_time),
            plan=plan,
            cell=self._part.cell,
            first_line=self._part.first_line,
            first_row_line=self._submission.first_row_line,
        )

    def _chunks(self, scanned: Iterator[Scanned], rejects: ObjectWriter) -> Iterator[Chunk]:
        submission = self._submission
        for found in scanned:
            if isinstance(found, BlankLines):
                self._blank += found.count
            elif isinstance(found, RejectedRow):
                self._codes[found.code.value] += 1
                rejects.write(encode_reject(found))
            else:
                self._packed += found.tally
                self._sent += 1
                yield chunk_of(submission, self._part.cell, found)
