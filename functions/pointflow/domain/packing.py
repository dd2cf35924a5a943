"""Pass 2 over one cell: lines to rows, rows to chunks.

`validate` and the stack both go through `scan_cell`, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from pointflow.domain.batch_row import RejectedRow, count_duplicates
from pointflow.domain.codes import WarningCode
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import LONGEST_LINE
from pointflow.domain.scanner import BlankLines, Scanner, ValidRows
from pointflow.domain.submission import Plan, Tally

__all__ = [
    "BlankLines",
    "PackedRows",
    "Packer",
    "Scanned",
    "scan_cell",
    "scan_span",
]


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Valid rows that travel together: what a `Chunk` is made of.

    `segments` are (first line, count) pairs; `rows` holds the rows as sent, each ended by LF
    or CRLF as it was; a last row without LF gets one. `nulls` counts the rows' fields that read
    `null`.
    """

    segments: tuple[tuple[int, int], ...]
    rows: bytes
    nulls: int

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return sum(count for _, count in self.segments)

    @property
    def duplicates(self) -> int:
        """How many rows are byte for byte the same as an earlier one of these.

        Takes a third of the time that parsing took: asked for once, by whoever reports it.
        """
        return count_duplicates(self.rows)

    @property
    def tally(self) -> Tally:
        """The rows and the nulls in them, ready to be added up; duplicates are left out."""
        return Tally(
            rows=self.row_count,
            warnings={WarningCode.NULL_LITERAL.value: self.nulls} if self.nulls else {},
        )


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
    for found in _lines_of_cell(blocks, plan, cell, first_line, first_row_line):
        if isinstance(found, ValidRows):
            yield from packer.add(found)
        else:
            yield found
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
        self._clear()

    def add(self, found: ValidRows) -> Iterable[PackedRows]:
        """Take rows in; hand out the groups that had no room left for them."""
        if self._fits(found):
            self._take(found)
            return ()
        return self._spread(found)

    def flush(self) -> PackedRows | None:
        """Hand out what has been gathered, if anything."""
        if not self._texts:
            return None
        packed = PackedRows(
            segments=tuple(self._segments),
            rows=b"".join(self._texts),
            nulls=self._nulls,
        )
        self._clear()
        return packed

    def _clear(self) -> None:
        self._segments: list[tuple[int, int]] = []
        self._texts: list[bytes] = []
        self._count = 0
        self._bytes = 0
        self._nulls = 0
        self._next_line = 0

    def _fits(self, found: ValidRows) -> bool:
        return (
            self._count + found.row_count <= self._chunk_rows
            and self._bytes + len(found.text) <= self._chunk_bytes
        )

    def _take(self, found: ValidRows) -> None:
        line, count, text, nulls = found
        if line == self._next_line:
            first, before = self._segments[-1]
            self._segments[-1] = (first, before + count)
        else:
            self._segments.append((line, count))
        self._next_line = line + count
        self._texts.append(text)
        self._count += count
        self._bytes += len(text)
        self._nulls += nulls

    def _spread(self, found: ValidRows) -> Iterator[PackedRows]:
        """Fill group after group."""
        while not self._fits(found):
            line, count, text, nulls = found
            end = self._end_of_fitting(found)
            fitting = text.count(b"\n", 0, end)
            if fitting:
                self._take(ValidRows(line, fitting, text[:end], nulls))
                nulls = 0
            if fitting == count:
                return
            full = self.flush()
            if full is not None:
                yield full
            found = ValidRows(line + fitting, count - fitting, text[end:], nulls)
        self._take(found)

    def _end_of_fitting(self, found: ValidRows) -> int:
        """Where in the text those rows end for which there is room."""
        text = found.text
        end = text.rfind(b"\n", 0, max(0, self._chunk_bytes - self._bytes)) + 1
        if not end and not self._texts:
            # A row that is over the limit all by itself travels alone.
            end = text.index(b"\n") + 1
        room = self._chunk_rows - self._count
        if found.row_count > room:
            end = min(end, len(text) - len(text.split(b"\n", room)[-1]))
        return end


def _lines_of_cell(
    blocks: Iterable[bytes], plan: Plan, cell: int, first_line: int, first_row_line: int | None
) -> Iterator[ValidRows | RejectedRow | BlankLines]:
    """What the lines are that start in the cell."""
    _, end = plan.span(cell)
    offset, read_to = scan_span(plan, cell)
    stream = _complete(blocks, read_to - offset)
    if cell > 0:
        skipped, stream = _skip_begun_line(stream)
        offset += skipped
        # One byte was the end of the line before; more were the rest of `first_line`.
        first_line += skipped > 1
    scanner = Scanner(
        first_line=first_line, first_row_line=first_row_line, received_at=plan.received_at
    )
    return scanner.scan(stream, offset=offset, end=end)


def _skip_begun_line(stream: Iterator[bytes]) -> tuple[int, Iterator[bytes]]:
    """Drop what comes up to the first LF, that included; tells how many bytes that was."""
    skipped = 0
    for block in stream:
        length = block.find(b"\n") + 1
        if length:
            return skipped + length, chain((block[length:],), stream)
        skipped += len(block)
    return skipped, iter(())


def _complete(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Pass blocks on, and never let a short read look like the end of the file."""
    missing = size
    for block in blocks:
        missing -= len(block)
        yield block
        del block  # or it would be kept while the next one is read
    if missing > 0:
        raise TransientError(f"the read ended {missing} bytes early")
