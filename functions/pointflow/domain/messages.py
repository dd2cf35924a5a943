"""What travels through the queues.

Everything but the S3 notification is written by pointflow itself. A credit message is one line of
JSON, then the rows exactly as the client sent them: a person can read it, a tool can replay it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.message_fields import (
    VERSION,
    read_fields,
    read_integer,
    read_ref,
    read_text,
    ref_fields,
    utf8,
)
from pointflow.domain.submission import SubmissionRef


@dataclass(frozen=True, slots=True)
class Upload:
    """An object version that appeared under `inbound/` or `dryrun/`.

    `size` in bytes, never 0; `received_at`, seconds since the epoch, is when the upload was
    finished: a multipart upload's own time stamp says when it began.
    """

    ref: SubmissionRef
    size: int
    received_at: int


@dataclass(frozen=True, slots=True)
class MeasurePart:
    """Pass 1 over one cell: count and hash it."""

    ref: SubmissionRef
    cell: int


@dataclass(frozen=True, slots=True)
class ParsePart:
    """Pass 2 over one cell. `first_line` is the number of the line that holds its first byte."""

    ref: SubmissionRef
    cell: int
    first_line: int


@dataclass(frozen=True, slots=True)
class MeasureCells:
    """Pass 1 over the cells [first, end): to be handed out as a part each."""

    ref: SubmissionRef
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class ParseCells:
    """Pass 2 over the cells [first, end): to be handed out as a part each.

    `first_line` is the number of the line that holds the first byte of the first of them.
    """

    ref: SubmissionRef
    first: int
    end: int
    first_line: int


Part = MeasurePart | ParsePart | MeasureCells | ParseCells


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Write the result files of a submission's revision.

    `goes_on`: an invocation had no more time for it, and left a draft.
    """

    ref: SubmissionRef
    revision: int
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to 500 valid rows of one cell, on their way to the ledger.

    `segments` are (first line, count) pairs; `rows` holds one row a line, LF-terminated, in the
    order of the segments.
    """

    ref: SubmissionRef
    cell: int
    content: str
    received_at: int
    segments: tuple[tuple[int, int], ...]
    rows: bytes

    @property
    def first_line(self) -> int:
        """The chunk's key within its cell."""
        return self.segments[0][0]

    @property
    def last_line(self) -> int:
        """The last line the chunk holds."""
        first, count = self.segments[-1]
        return first + count - 1

    @property
    def row_count(self) -> int:
        """How many rows the chunk holds."""
        return sum(count for _, count in self.segments)

    @property
    def lines(self) -> str:
        """The segments as text: `1+3,5+2`."""
        return ",".join(f"{first}+{count}" for first, count in self.segments)

    @property
    def digest(self) -> str:
        """SHA-256 over lines and rows: what must never differ between two runs."""
        return hashlib.sha256(self.lines.encode() + b"\n" + self.rows).hexdigest()


def encode_chunk(chunk: Chunk) -> str:
    """Write a credit message."""
    head = {
        "v": VERSION,
        "kind": "credit",
        **ref_fields(chunk.ref),
        "cell": chunk.cell,
        "content": chunk.content,
        "received_at": chunk.received_at,
        "lines": chunk.lines,
        "digest": chunk.digest,
    }
    return json.dumps(head) + "\n" + chunk.rows.decode("utf-8")


def decode_chunk(body: str) -> Chunk:
    """Read a credit message back.

    Raises
    ------
    MessageInvalidError
        The body is not a credit message, or its rows are not those it was written with.
    """
    head, _, rows = body.partition("\n")
    fields = read_fields(head, "credit")
    chunk = Chunk(
        ref=read_ref(fields),
        cell=read_integer(fields, "cell"),
        content=read_text(fields, "content"),
        received_at=read_integer(fields, "received_at"),
        segments=_segments(read_text(fields, "lines")),
        rows=utf8(rows),
    )
    if chunk.row_count != chunk.rows.count(b"\n") or not chunk.rows.endswith(b"\n"):
        raise MessageInvalidError("credit message does not hold one row for each of its lines")
    if chunk.digest != fields.get("digest"):
        raise MessageInvalidError("credit message's rows do not fit its digest")
    return chunk


def encode_part(part: Part) -> str:
    """Write a PartQueue message."""
    fields: dict[str, Any] = {"v": VERSION, "kind": "measure", **ref_fields(part.ref)}
    match part:
        case MeasurePart():
            fields |= {"cell": part.cell}
        case ParsePart():
            fields |= {"kind": "parse", "cell": part.cell, "first_line": part.first_line}
        case MeasureCells():
            fields |= {"kind": "measure_cells", "first": part.first, "end": part.end}
        case ParseCells():
            fields |= {"kind": "parse_cells", "first": part.first, "end": part.end}
            fields |= {"first_line": part.first_line}
    return json.dumps(fields)


def is_part(body: str) -> bool:
    """Whether a body is meant to be a PartQueue message, sound or not.

    Batch intake reads two queues; S3's notifications have no `kind`.
    """
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "kind" in fields


def decode_part(body: str) -> Part:
    """Read a PartQueue message back. Raises `MessageInvalidError`."""
    fields = read_fields(body, "measure", "parse", "measure_cells", "parse_cells")
    ref = read_ref(fields)
    match fields["kind"]:
        case "measure":
            return MeasurePart(ref, read_integer(fields, "cell"))
        case "parse":
            return ParsePart(ref, read_integer(fields, "cell"), read_integer(fields, "first_line"))
        case "measure_cells":
            return MeasureCells(ref, *_cells(fields))
        case _:
            return ParseCells(ref, *_cells(fields), read_integer(fields, "first_line"))


def encode_report(request: ReportRequest) -> str:
    """Write a ReportQueue message."""
    fields = {
        "v": VERSION,
        "kind": "report",
        **ref_fields(request.ref),
        "revision": request.revision,
        **({"goes_on": True} if request.goes_on else {}),
    }
    return json.dumps(fields)


def decode_report(body: str) -> ReportRequest:
    """Read a ReportQueue message back. Raises `MessageInvalidError`."""
    fields = read_fields(body, "report")
    goes_on = fields.get("goes_on", False)
    if not isinstance(goes_on, bool):
        raise MessageInvalidError("goes_on is neither true nor false")
    return ReportRequest(read_ref(fields), read_integer(fields, "revision"), goes_on)


def _cells(fields: dict[str, Any]) -> tuple[int, int]:
    first, end = read_integer(fields, "first"), read_integer(fields, "end")
    if first >= end:
        raise MessageInvalidError("message must ask for at least one cell")
    return first, end


_SEGMENT = re.compile(r"([0-9]{1,15})\+([0-9]{1,15})")


def _segments(text: str) -> tuple[tuple[int, int], ...]:
    segments = []
    last = 0
    for part in text.split(","):
        match = _SEGMENT.fullmatch(part)
        if match is None:
            raise MessageInvalidError("message field 'lines' must be a list of FIRST+COUNT")
        first, count = int(match[1]), int(match[2])
        if first <= last or count < 1:
            raise MessageInvalidError("message field 'lines' must rise, and hold no empty segment")
        segments.append((first, count))
        last = first + count - 1
    return tuple(segments)
