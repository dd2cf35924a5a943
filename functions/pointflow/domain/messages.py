"""What travels through the queues.

Everything but the S3 notification is written by pointflow itself. A credit message is one line of
JSON, then the rows exactly as the client sent them: a person can read it, a tool can replay it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.submission import SubmissionRef

VERSION = 1

type Kind = Literal["measure", "parse", "measure_cells", "parse_cells", "credit", "report"]

LARGEST_INTEGER = 10**15 - 1
"""No line, cell, revision or time is larger: whatever claims so was not written here."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An object version that appeared under `inbound/`.

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
    """Write the result files of a submission's revision."""

    ref: SubmissionRef
    revision: int


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
        **_ref_fields(chunk.ref),
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
    fields = _fields(head, "credit")
    chunk = Chunk(
        ref=_ref(fields),
        cell=_integer(fields, "cell"),
        content=_text(fields, "content"),
        received_at=_integer(fields, "received_at"),
        segments=_segments(_text(fields, "lines")),
        rows=_utf8(rows),
    )
    if chunk.row_count != chunk.rows.count(b"\n") or not chunk.rows.endswith(b"\n"):
        raise MessageInvalidError("credit message does not hold one row for each of its lines")
    if chunk.digest != fields.get("digest"):
        raise MessageInvalidError("credit message's rows do not fit its digest")
    return chunk


def encode_part(part: Part) -> str:
    """Write a PartQueue message."""
    fields: dict[str, Any] = {"v": VERSION, "kind": "measure", **_ref_fields(part.ref)}
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
    fields = _fields(body, "measure", "parse", "measure_cells", "parse_cells")
    ref = _ref(fields)
    match fields["kind"]:
        case "measure":
            return MeasurePart(ref, _integer(fields, "cell"))
        case "parse":
            return ParsePart(ref, _integer(fields, "cell"), _integer(fields, "first_line"))
        case "measure_cells":
            return MeasureCells(ref, *_cells(fields))
        case _:
            return ParseCells(ref, *_cells(fields), _integer(fields, "first_line"))


def encode_report(request: ReportRequest) -> str:
    """Write a ReportQueue message."""
    fields = {
        "v": VERSION,
        "kind": "report",
        **_ref_fields(request.ref),
        "revision": request.revision,
    }
    return json.dumps(fields)


def decode_report(body: str) -> ReportRequest:
    """Read a ReportQueue message back. Raises `MessageInvalidError`."""
    fields = _fields(body, "report")
    return ReportRequest(_ref(fields), _integer(fields, "revision"))


def _ref_fields(ref: SubmissionRef) -> dict[str, str]:
    return {"client": ref.client_id, "file": ref.file_name, "version": ref.version}


def _ref(fields: dict[str, Any]) -> SubmissionRef:
    return SubmissionRef(_text(fields, "client"), _text(fields, "file"), _text(fields, "version"))


def _cells(fields: dict[str, Any]) -> tuple[int, int]:
    first, end = _integer(fields, "first"), _integer(fields, "end")
    if first >= end:
        raise MessageInvalidError("message must ask for at least one cell")
    return first, end


def _fields(text: str, *kinds: Kind) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageInvalidError("message is not JSON") from error
    if not isinstance(fields, dict) or fields.get("kind") not in kinds:
        raise MessageInvalidError(f"message is not of kind {' or '.join(kinds)}")
    if fields.get("v") != VERSION:
        raise MessageInvalidError(f"message has version {fields.get('v')!r}, expected {VERSION}")
    return fields


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MessageInvalidError(f"message field {name!r} must be a text that is not empty")
    _utf8(value)
    return value


def _integer(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if type(value) is not int or not 0 <= value <= LARGEST_INTEGER:
        raise MessageInvalidError(
            f"message field {name!r} must be an integer from 0 to {LARGEST_INTEGER}"
        )
    return value


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        # Half a surrogate pair: JSON can carry it, no queue, table or bucket can.
        raise MessageInvalidError(f"message is not UTF-8: {error.reason}") from error


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
