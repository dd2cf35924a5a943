"""What lies in a dead-letter queue, and what it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import (
    MeasureCells,
    MeasurePart,
    ParseCells,
    ParsePart,
    Upload,
    decode_chunk,
    decode_part,
    decode_report,
)
from pointflow.domain.submission import SubmissionRef
from pointflow.domain.undo import UndoCells, UndoMessage, decode_undo

RETENTION_SECONDS = 14 * 24 * 60 * 60
"""How long SQS keeps a message, counted from when it was first sent: not from its death on."""


class Queue(StrEnum):
    """The dead-letter queues by the queue, or the work, whose letters they hold."""

    UPLOAD = "upload"
    PART = "part"
    CREDIT = "credit"
    REPORT = "report"
    UNDO = "undo"
    WATCH = "watch"
    PROJECTION = "projection"


REDRIVABLE = frozenset({Queue.UPLOAD, Queue.PART, Queue.CREDIT, Queue.REPORT, Queue.UNDO})
"""Those whose letters came out of a queue, and can be put back there."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message as a dead-letter queue hands it out.

    Attributes
    ----------
    message_id : str
    body : str
    sent_at : int
        When it was first sent, milliseconds since the epoch.
    receives : int
        How often it was received, as SQS counts.
    group : str or None
        The fair-queue group it shares its turn with.
    receipt : str
        What this receipt of it is called.
    """

    message_id: str
    body: str
    sent_at: int
    receives: int
    group: str | None
    receipt: str


@dataclass(frozen=True, slots=True)
class About:
    """What a letter is about.

    Attributes
    ----------
    kind : str or None
        `upload`, `measure`, `parse`, `credit`, `report` …; None for what nobody here wrote.
    ref : SubmissionRef or None
        The submission.
    cell, revision : int or None
    lines : str or None
        The lines of a chunk: `1+3,5+2`.
    first_line : int or None
        The chunk's key in its cell.
    fault : str or None
        Why it cannot be read.
    """

    kind: str | None
    ref: SubmissionRef | None = None
    cell: int | None = None
    revision: int | None = None
    lines: str | None = None
    first_line: int | None = None
    fault: str | None = None


def about(queue: Queue, body: str, read_uploads: Callable[[str], list[Upload]]) -> About:
    """Read a letter, whoever wrote it.

    Parameters
    ----------
    queue : Queue
        Where it lies.
    body : str
    read_uploads : callable
        Reads a notification of the bucket; raises `MessageInvalidError`.
    """
    try:
        return _about(queue, body, read_uploads)
    except MessageInvalidError as error:
        return About(None, fault=str(error))


def _about(queue: Queue, body: str, read_uploads: Callable[[str], list[Upload]]) -> About:
    match queue:
        case Queue.CREDIT:
            chunk = decode_chunk(body)
            first = chunk.first_line
            return About("credit", chunk.ref, cell=chunk.cell, lines=chunk.lines, first_line=first)
        case Queue.PART:
            part = decode_part(body)
            cell: int | None = getattr(part, "cell", None)
            return About(_KINDS[type(part)], part.ref, cell=cell)
        case Queue.REPORT:
            request = decode_report(body)
            return About("report", request.ref, revision=request.revision)
        case Queue.UNDO:
            return _about_undo(decode_undo(body))
        case Queue.UPLOAD:
            uploads = read_uploads(body)
            return About("upload", uploads[0].ref if uploads else None)
        case Queue.WATCH | Queue.PROJECTION:
            return About("schedule" if queue is Queue.WATCH else "stream position")


def _about_undo(message: UndoMessage) -> About:
    if isinstance(message, UndoCells):
        return About("undo cells", message.ref)
    return About("undo", message.ref, cell=message.cell, first_line=message.first_line)


_KINDS: dict[type, str] = {
    MeasurePart: "measure",
    ParsePart: "parse",
    MeasureCells: "measure cells",
    ParseCells: "parse cells",
}
