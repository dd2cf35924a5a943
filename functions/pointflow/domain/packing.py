"""Pass 2 over one cell: lines to rows, rows to chunks.

`validate` and the stack both go through `scan_cell`, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pointflow.domain.batch_row import RejectedRow, Row, RowFault, line_too_long, parse_row
from pointflow.domain.codes import WarningCode
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import LONGEST_LINE, Line, split_lines
from pointflow.domain.messages import segments_of
from pointflow.domain.submission import Plan, Tally


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Valid rows that travel together: what a `Chunk` is made of.

    `segments` are (first line, count) pairs; `rows` holds the rows as sent, each ended by LF
    or CRLF as it was; a last row without LF gets one. `nulls` counts the rows' fields that read
    `null`, `duplicates` the rows that are byte for byte the same as an earlier one of these.
    """

    segments: tuple[tuple[int, int], ...]
    rows: bytes
    nulls: int
    duplicates: int

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return sum(count for _, count in self.segments)

    @property
    def tally(self) -> Tally:
        """The rows and their warnings, ready to be added up."""
        found = {
            WarningCode.NULL_LITERAL.value: self.nulls,
            WarningCode.DUPLICATE_ROW.value: self.duplicates,
        }
        return Tally(
            rows=self.row_count, warnings={code: count for code, count in found.items() if count}
        )


@dataclass(frozen=True, slots=True)
class BlankLines:
    """A run of blank lines."""

    count: int


Scanned = PackedRows | RejectedRow | BlankLines


def scan_span(plan: Plan, cell: int) -> tuple[int, int]:
    """Byte offsets [start, end) that `scan_cell` must be given of the file.

    From the byte before the cell, which tells whether the cell's first byte starts a line, to
    where the longest allowed line that starts in the cell can end.
    """
    start, end = plan.span(cell)
    return max(0, start - 1), min(end + LONGEST_LINE - 1, plan.size)


def scan_cell(
    blocks: Iterable[bytes], *, plan: Plan, cell: int, first_line: int, first_row_line: int | None
) -> Iterator[Scanned]:
    """Parse the lines that start in a cell.

    Parameters
    ----------
    blocks : iterable of bytes
        The bytes of `scan_span(plan, cell)`, cut anywhere. More than that does no harm.
    plan : Plan
        What the file was planned with: cell and chunk limits, receipt time.
    cell : int
        Which cell, from 0.
    first_line : int
        Number of the line that holds the cell's first byte (`content.first_line_numbers`).
    first_row_line : int or None
        Number of the file's first line that is not blank (`content.first_row_line`).

    Yields
    ------
    PackedRows or RejectedRow or BlankLines
        Each kind in the order of the file. A group of rows comes when it is full, so a rejected
        row may come before a group that holds earlier lines.

    Raises
    ------
    TransientError
        The blocks ended before the span did.
    """
    packer = Packer(plan.chunk_rows, plan.chunk_bytes)
    blank = 0
    for line in _lines_of_cell(blocks, plan, cell, first_line):
        row = _parse(line, plan.received_at, line.number == first_row_line)
        if row is None:
            blank += 1
            continue
        if blank:
            yield BlankLines(blank)
            blank = 0
        if isinstance(row, RejectedRow):
            yield row
        else:
            raw, parsed = row
            full = packer.add(line.number, raw, parsed)
            if full is not None:
                yield full
    if blank:
        yield BlankLines(blank)
    rest = packer.flush()
    if rest is not None:
        yield rest


class Packer:
    """Gathers valid rows into groups, always the same way for the same rows.

    Parameters
    ----------
    chunk_rows : int
        Most rows to a group.
    chunk_bytes : int
        Most bytes of rows text to a group, line ends included. A single row may exceed it.
    """

    def __init__(self, chunk_rows: int, chunk_bytes: int) -> None:
        self._chunk_rows = chunk_rows
        self._chunk_bytes = chunk_bytes
        self._lines: list[int] = []
        self._rows: list[bytes] = []
        self._bytes = 0
        self._nulls = 0

    def add(self, line: int, raw: bytes, row: Row) -> PackedRows | None:
        """Take a row in; hand out the group that had no room left for it."""
        size = len(raw) + 1
        no_room = len(self._rows) >= self._chunk_rows or self._bytes + size > self._chunk_bytes
        full = self.flush() if no_room else None
        self._lines.append(line)
        self._rows.append(raw)
        self._bytes += size
        self._nulls += row.nulls
        return full

    def flush(self) -> PackedRows | None:
        """Hand out what has been gathered, if anything."""
        if not self._rows:
            return None
        packed = PackedRows(
            segments=segments_of(self._lines),
            rows=b"\n".join(self._rows) + b"\n",
            nulls=self._nulls,
            duplicates=len(self._rows) - len(set(self._rows)),
        )
        self._lines, self._rows, self._bytes, self._nulls = [], [], 0, 0
        return packed


def _lines_of_cell(
    blocks: Iterable[bytes], plan: Plan, cell: int, first_line: int
) -> Iterator[Line]:
    """The lines that start in the cell, whole."""
    _, end = plan.span(cell)
    read_from, read_to = scan_span(plan, cell)
    stream = _complete(blocks, read_to - read_from)
    if cell == 0:
        lines = split_lines(stream, first_line)
    else:
        lines = _skip_begun_line(stream, first_line, read_from)
    for line in lines:
        if line.offset >= end:
            return
        yield line


def _skip_begun_line(stream: Iterator[bytes], first_line: int, offset: int) -> Iterator[Line]:
    """Lines of a stream that starts on the last byte before a cell."""
    head = next((block for block in stream if block), b"")
    # An LF there is the end of the line before `first_line`; else the cell begins within a line.
    begun = first_line - 1 if head.startswith(b"\n") else first_line
    lines = split_lines(_chain(head, stream), begun, offset)
    next(lines, None)
    return lines


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def _complete(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Pass blocks on, and never let a short read look like the end of the file."""
    missing = size
    for block in blocks:
        missing -= len(block)
        yield block
    if missing > 0:
        raise TransientError(f"the read ended {missing} bytes early")


def _parse(line: Line, received_at: int, is_first: bool) -> tuple[bytes, Row] | RejectedRow | None:
    if line.raw is None:
        fault = line_too_long()
        return RejectedRow(line.number, None, fault.code, fault.field, fault.message)
    parsed = parse_row(line.raw, received_at=received_at, is_first=is_first)
    if isinstance(parsed, RowFault):
        return RejectedRow(line.number, line.raw, parsed.code, parsed.field, parsed.message)
    return None if parsed is None else (line.raw, parsed)
