"""Make the chunks again that no queue holds any more, from the stored file.

A message lives for 14 days, its time in the dead-letter queue included. The file is kept longer,
and every run over a cell makes the same chunks: those without an outcome are sent once more. One
that is still in a queue is then delivered twice, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pointflow.domain.batch_row import RULINGS
from pointflow.domain.content import numbered
from pointflow.domain.errors import ChunkMismatchError, ConflictError, NotFoundError
from pointflow.domain.messages import Chunk, ParsePart
from pointflow.domain.packing import PackedRows, scan_cell, scan_span
from pointflow.domain.submission import DECIDED, CellClose, Status, Submission, SubmissionRef
from pointflow.ports.objects import ObjectStore
from pointflow.ports.queues import ChunkPublisher, PartPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.parse_cell import chunk_of, may_credit


@dataclass(frozen=True, slots=True)
class Resent:
    """What was sent: chunks of cells that were parsed before, and cells to be parsed."""

    chunks: int
    cells: int


def check_resendable(ref: SubmissionRef, store: SubmissionStore) -> Submission:
    """The submission, whose undecided rows may be sent again.

    Raises
    ------
    NotFoundError
        There is no such submission.
    ConflictError
        Every row is decided, no row of it may be credited, or it was planned under other rulings
        than those of today: its rows might now be read otherwise than the rest of the file was.
    """
    submission = store.get(ref)
    if submission is None:
        raise NotFoundError(f"no submission {ref.version} of {ref.batch}")
    look = f"see: pointflow batch show {ref.file_name}"
    if submission.status in DECIDED:
        raise ConflictError(f"{ref.batch} is {submission.status}: every row is decided", look)
    if submission.superseded_by is not None:
        raise ConflictError(f"another upload took the place of {ref.batch}", look)
    if not may_credit(submission):
        again = "upload it again" if submission.status is Status.FAILED else look
        raise ConflictError(f"{ref.batch} is {submission.status}, not being credited", again)
    if submission.plan.rulings != RULINGS:
        raise ConflictError(
            f"{ref.batch} was planned under rulings {submission.plan.rulings}, this release has"
            f" {RULINGS}",
            "resend it with the release that took it in",
        )
    return submission


def resend_chunks(
    ref: SubmissionRef,
    *,
    store: SubmissionStore,
    objects: ObjectStore,
    chunks: ChunkPublisher,
    parts: PartPublisher,
    progress: Callable[[int], None] = lambda _: None,
) -> Resent:
    """Send the chunks that have no outcome, and ask for the cells that were never parsed.

    Parameters
    ----------
    ref : SubmissionRef
    store, objects, chunks, parts
        Ports.
    progress : callable
        Told how many cells are looked through.

    Raises
    ------
    NotFoundError, ConflictError
        As `check_resendable`.
    ObjectUnreadableError
        The stored version of the file is gone. What was sent before stands.
    ChunkMismatchError
        The cell does not make the chunks it made before. Nothing that differs can be credited.
    ContentionError
        The queue did not take every chunk in time. Run it again.
    """
    submission = check_resendable(ref, store)
    closes = {close.cell: close for close in store.closes(ref)}
    sent = 0
    unparsed = []
    for first_line, measure in numbered(store.measures(ref)):
        close = closes.get(measure.cell)
        if close is None:
            unparsed.append(ParsePart(ref, measure.cell, first_line))
        else:
            cell = _Cell(submission, close, first_line, _decided(store, ref, measure.cell))
            if len(cell.decided) < close.chunks:
                chunks.send_chunks(cell.undecided(objects))
                sent += cell.sent
        progress(measure.cell + 1)
    parts.send_parts(unparsed)
    return Resent(sent, len(unparsed))


def _decided(store: SubmissionStore, ref: SubmissionRef, cell: int) -> dict[int, str]:
    return {outcome.first_line: outcome.digest for outcome in store.outcomes(ref, cell)}


class _Cell:
    """One closed cell, parsed once more. `decided`: first line -> digest of those with outcome."""

    def __init__(
        self, submission: Submission, close: CellClose, first_line: int, decided: dict[int, str]
    ) -> None:
        self.decided = decided
        self.sent = 0
        self._submission = submission
        self._close = close
        self._first_line = first_line

    def undecided(self, objects: ObjectStore) -> Iterator[Chunk]:
        """The chunks without outcome. Raises `ChunkMismatchError`."""
        made = 0
        for chunk in self._chunks(objects):
            made += 1
            digest = self.decided.get(chunk.first_line)
            if digest is None:
                self.sent += 1
                yield chunk
            elif digest != chunk.digest:
                self._refuse(f"the chunk at line {chunk.first_line} is another one")
        if made != self._close.chunks:
            self._refuse(f"it makes {made} chunks, and made {self._close.chunks} before")

    def _chunks(self, objects: ObjectStore) -> Iterator[Chunk]:
        submission, cell = self._submission, self._close.cell
        start, end = scan_span(submission.plan, cell)
        scanned = scan_cell(
            objects.read(submission.ref, start, end),
            plan=submission.plan,
            cell=cell,
            first_line=self._first_line,
            first_row_line=submission.first_row_line,
        )
        return (
            chunk_of(submission, cell, found) for found in scanned if isinstance(found, PackedRows)
        )

    def _refuse(self, why: str) -> None:
        ref = self._submission.ref
        raise ChunkMismatchError(f"{ref.batch}, cell {self._close.cell}: {why}")
