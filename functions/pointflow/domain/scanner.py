"""The lines of a cell: runs of valid rows as they stand, every other line with its reason.

Rows that `row_pattern` matches are taken many at a time; whatever it does not match goes to
`parse_row`, which has the last word. Tests hold that taking every row to `parse_row` would find
the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pointflow.domain.batch_row import (
    RejectedRow,
    Row,
    RowFault,
    line_too_long,
    parse_row,
)
from pointflow.domain.codes import RowCode
from pointflow.domain.lines import BOM, whole_lines
from pointflow.domain.row_pattern import is_clean_text, valid_rows


@dataclass(frozen=True, slots=True)
class BlankLines:
    """A run of blank lines."""

    count: int


class ValidRows(NamedTuple):
    """Valid rows that follow each other in the file.

    `rows` are without their LF, `size` is their bytes with it. `nulls` counts the fields that
    read `null`; rows that have some come one by one.
    """

    first_line: int
    rows: list[bytes]
    size: int
    nulls: int = 0


class Scanner:
    """Tells what each line is, from a given line of the file on.

    Parameters
    ----------
    first_line : int
        Number of the first line that will be seen.
    first_row_line : int or None
        Number of the file's first line that is not blank.
    received_at : int
        When the file was received, seconds since the epoch.
    """

    def __init__(self, *, first_line: int, first_row_line: int | None, received_at: int) -> None:
        self._line = first_line
        self._first_row_line = first_row_line
        self._received_at = received_at
        self._pattern = valid_rows(received_at)
        self._blank = 0

    def scan(
        self, blocks: Iterable[bytes], *, offset: int, end: int
    ) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        """Tell what the lines are that start before `end`.

        Parameters
        ----------
        blocks : iterable of bytes
            A stream that starts where a line does, cut anywhere.
        offset, end : int
            Where in the file, in bytes, the stream starts, and no more lines are wanted.
        """
        for start, text in whole_lines(blocks, offset):
            if start >= end:
                break
            if text is None:
                yield from self._explain(None)
            else:
                yield from self._scan(text, start == 0, min(len(text), end - start))
        yield from self._blanks()

    def _scan(
        self, text: bytes, is_start: bool, end: int
    ) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        position = 0
        if is_start and text.startswith(BOM):
            # To the pattern the mark would be the beginning of an email.
            position = _line_end(text, len(BOM))
            yield from self._explain(text[len(BOM) : position])
        match = self._pattern.match
        while position < end:
            run = match(text, position, end)
            if run:
                position = run.end()
                if self._blank:
                    yield from self._blanks()
                yield from self._take(run)
            else:
                begin, position = position, _line_end(text, position)
                yield from self._explain(text[begin:position])

    def _take(self, run: re.Match[bytes]) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        text = run.group()
        rows = text.split(b"\n")
        rows.pop()
        if is_clean_text(text):
            yield ValidRows(self._line, rows, len(text))
            self._line += len(rows)
            return
        for is_clean, some in groupby(rows, is_clean_text):
            if is_clean:
                group = list(some)
                yield ValidRows(self._line, group, sum(map(len, group)) + len(group))
                self._line += len(group)
            else:
                for row in some:
                    yield from self._explain(row)

    def _explain(self, raw: bytes | None) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        """Tell what one line is; None is one that is too long for certain."""
        line = self._line
        self._line += 1
        row = None if raw is None else raw.removesuffix(b"\n")
        parsed = line_too_long() if row is None else self._parse(row, line)
        if parsed is None:
            self._blank += 1
            return
        yield from self._blanks()
        if isinstance(parsed, RowFault):
            kept = None if parsed.code is RowCode.LINE_TOO_LONG else row
            yield RejectedRow(line, kept, parsed.code, parsed.field, parsed.message)
        elif row is not None:
            yield ValidRows(line, [row], len(row) + 1, parsed.nulls)

    def _parse(self, row: bytes, line: int) -> Row | RowFault | None:
        return parse_row(row, received_at=self._received_at, is_first=line == self._first_row_line)

    def _blanks(self) -> Iterator[BlankLines]:
        if self._blank:
            yield BlankLines(self._blank)
            self._blank = 0


def _line_end(text: bytes, position: int) -> int:
    return text.find(b"\n", position) + 1 or len(text)
