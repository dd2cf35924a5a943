"""Pass 2 over one cell: lines to rows, rows to chunks.

`validate` and the stack both go through `scan_cell`, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from pointflow.domain.errors import TransientError
from pointflow.domain.lines import LONGEST_LINE
from pointflow.domain.packer import PackedRows, Packer
from pointflow.domain.scanner import BlankLines, Scanned, scan_lines
from pointflow.domain.submission import Plan

__all__ = [
    "BlankLines",
    "PackedRows",
    "Scanned",
    "scan_cell",
    "scan_span",
]


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
    _, end = plan.span(cell)
    offset, read_to = scan_span(plan, cell)
    stream = _complete(blocks, read_to - offset)
    if cell > 0:
        skipped, stream = _skip_begun_line(stream)
        offset += skipped
        # One byte was the end of the line before; more were the rest of `first_line`.
        first_line += skipped > 1
    yield from scan_lines(
        stream,
        packer,
        offset=offset,
        end=end,
        first_line=first_line,
        first_row_line=first_row_line,
        received_at=plan.received_at,
    )
    rest = packer.flush()
    if rest is not None:
        yield rest


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
