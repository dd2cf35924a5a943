"""The plain way to scan a cell: line by line, every row by `parse_row`. The scanner's oracle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pointflow.domain.batch_row import (
    MAX_LINE_BYTES,
    RejectedRow,
    Row,
    RowFault,
    line_too_long,
    parse_row,
)
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import BOM, LONGEST_LINE
from pointflow.domain.packing import BlankLines, PackedRows, Scanned, scan_span
from pointflow.domain.submission import Plan
from tests.unit.parsing import segments_of


@dataclass(frozen=True, slots=True)
class Line:
    r"""A physical line.

    `number` counts from 1, `offset` is the line's first byte in the file. `raw` is the line
    without its LF, a trailing CR still there; None when more than 4,096 bytes stand before the
    line end.
    """

    number: int
    offset: int
    raw: bytes | None


def split_lines(blocks: Iterable[bytes], first_line: int, offset: int = 0) -> Iterator[Line]:
    r"""Cut a stream into lines. LF ends a line and nothing else does.

    Parameters
    ----------
    blocks : iterable of bytes
        The stream, cut anywhere.
    first_line : int
        Number of the line that the first byte belongs to.
    offset : int
        Where in the file the stream starts, in bytes. A UTF-8 byte order mark at offset 0 is no
        part of its line.

    Yields
    ------
    Line
        The last one may lack its LF; an LF at the very end opens no further line.
    """
    number, start, position = first_line, offset, offset
    begun = b""
    overlong = False
    for block in blocks:
        *ended, rest = block.split(b"\n")
        for piece in ended:
            position += len(piece) + 1
            yield Line(number, start, None if overlong else _bounded(begun + piece, start))
            number, start = number + 1, position
            begun, overlong = b"", False
        position += len(rest)
        # Once a line is too long for certain, its bytes are only counted.
        overlong = overlong or len(begun) + len(rest) > LONGEST_LINE
        begun = b"" if overlong else begun + rest
    if position > start:
        yield Line(number, start, None if overlong else _bounded(begun, start))


def _bounded(raw: bytes, offset: int) -> bytes | None:
    line = raw.removeprefix(BOM) if offset == 0 else raw
    return line if len(line.removesuffix(b"\r")) <= MAX_LINE_BYTES else None


def reference_scan(
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
