"""The lines of a cell: runs of valid rows as they stand, every other line with its reason.

Rows that `row_pattern` matches are taken many at a time. Whatever it does not match is looked at
by `plain_fault` and, where that says nothing, by `parse_row`, which has the last word. Tests hold
that taking every row to `parse_row` would find the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from pointflow.domain.batch_row import MAX_LINE_BYTES, RejectedRow, Row, RowFault, parse_row
from pointflow.domain.codes import RowCode
from pointflow.domain.fault_pattern import plain_fault
from pointflow.domain.lines import BOM, whole_lines
from pointflow.domain.packer import PackedRows, Packer
from pointflow.domain.row_pattern import LONGEST_RUN, dirty_rows, valid_rows

# In place of a line that is too long for certain: what `parse_row` says of it is all that counts.
_TOO_LONG = b"." * (MAX_LINE_BYTES + 1)


_rejected_row = partial(tuple.__new__, RejectedRow)
"""`RejectedRow(...)` of a tuple, in half the time."""


@dataclass(frozen=True, slots=True)
class BlankLines:
    """A run of blank lines."""

    count: int


Scanned = PackedRows | RejectedRow | BlankLines


def scan_lines(
    blocks: Iterable[bytes],
    packer: Packer,
    *,
    offset: int,
    end: int,
    first_line: int,
    first_row_line: int | None,
    received_at: int,
) -> Iterator[Scanned]:
    """Tell what the lines are that start before `end`.

    Parameters
    ----------
    blocks : iterable of bytes
        A stream that starts where a line does, cut anywhere.
    packer : Packer
        Takes the valid rows. The groups it hands out come among the rest; what it still holds
        afterwards is left there.
    offset, end : int
        Where in the file, in bytes, the stream starts, and no more lines are wanted.
    first_line : int
        Number of the stream's first line.
    first_row_line : int or None
        Number of the file's first line that is not blank.
    received_at : int
        When the file was received, seconds since the epoch.
    """
    # One loop and few calls in it: where many rows are bad, those cost more than the patterns.
    line, blank = first_line, 0
    for run, count, other in _parts(blocks, valid_rows(received_at), offset, end):
        if count:
            if blank:
                yield BlankLines(blank)
                blank = 0
            full = packer.add(line, count, run)
            if full:
                yield from full
            line += count
        if other is None:
            continue
        is_first = line == first_row_line
        raw: bytes | None = other
        found: Row | RowFault | None = None if is_first else plain_fault(other, received_at)
        if found is None:
            found = parse_row(other, received_at=received_at, is_first=is_first)
            if found is None:
                blank += 1
                line += 1
                continue
            if isinstance(found, RowFault) and found.code is RowCode.LINE_TOO_LONG:
                raw = None
        if blank:
            yield BlankLines(blank)
            blank = 0
        if isinstance(found, RowFault):
            yield _rejected_row((line, raw) + found)  # noqa: RUF005 - unpacking takes longer
        else:
            yield from packer.add(line, 1, other + b"\n", found.nulls)
        line += 1
    if blank:
        yield BlankLines(blank)


def _parts(
    blocks: Iterable[bytes], pattern: re.Pattern[bytes], offset: int, end: int
) -> Iterator[tuple[bytes, int, bytes | None]]:
    """Cut a stream into runs of valid rows, how many those are, and the other line behind each.

    A run may be empty. The other line is without its LF; None stands where none follows.
    """
    for start, text in whole_lines(blocks, offset):
        if start >= end:
            break
        if text is None:
            yield b"", 0, _TOO_LONG
            continue
        position = 0
        if start == 0 and text.startswith(BOM):
            # To the pattern the mark would be the beginning of an email.
            position = _line_end(text, len(BOM))
            yield b"", 0, text[len(BOM) : position].removesuffix(b"\n")
        # The last line is wanted whole.
        stop = _line_end(text, min(len(text), end - start) - 1)
        for match in pattern.finditer(text, position, stop):
            run, other = match.groups()
            # The longest run alone ends where neither another line nor the end of the text follows.
            # Not having to count its rows spares a tenth of the time of a clean file.
            longest = other is None and match.end() < stop
            if not run.isascii():
                done = 0
                for first, behind in dirty_rows(run):
                    yield run[done:first], run.count(b"\n", done, first), run[first:behind]
                    done = behind + 1
                if done:
                    run, longest = run[done:], False
            yield run, LONGEST_RUN if longest else run.count(b"\n"), other


def _line_end(text: bytes, position: int) -> int:
    return text.find(b"\n", position) + 1 or len(text)
