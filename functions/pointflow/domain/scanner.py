"""The lines of a cell: runs of valid rows as they stand, every other line with its reason.

Rows that `row_pattern` matches are taken many at a time; whatever it does not match goes to
`parse_row`, which has the last word. Tests hold that taking every row to `parse_row` would find
the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pointflow.domain.batch_row import (
    RejectedRow,
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

    `text` holds them as sent, each ended by LF or CRLF as it was; a last row without LF gets one.
    `nulls` counts the fields that read `null`; rows that have some come one by one.
    """

    first_line: int
    row_count: int
    text: bytes
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
                yield from self._explain([None])
            else:
                yield from self._scan(text, start == 0, min(len(text), end - start))
        if self._blank:
            yield self._take_blanks()

    def _scan(
        self, text: bytes, is_start: bool, end: int
    ) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        position = 0
        if is_start and text.startswith(BOM):
            # To the pattern the mark would be the beginning of an email.
            position = _line_end(text, len(BOM))
            yield from self._explain([text[len(BOM) : position].removesuffix(b"\n")])
        match = self._pattern.match
        while position < end:
            run = match(text, position, end)
            if run is None:
                begin, position = position, _line_end(text, position)
                found = self._judge(text[begin:position].removesuffix(b"\n"))
                if found is None:
                    continue
            else:
                position = run.end()
                rows = run.group()
                if not (rows.isascii() or is_clean_text(rows)):
                    yield from self._sort_out(rows)
                    continue
                found = ValidRows(self._line, rows.count(b"\n"), rows)
                self._line += found.row_count
            if self._blank:
                yield self._take_blanks()
            yield found

    def _sort_out(self, rows: bytes) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        """Take the clean rows out of a run in which some are not."""
        for is_clean, some in groupby(rows.removesuffix(b"\n").split(b"\n"), is_clean_text):
            if is_clean:
                group = list(some)
                if self._blank:
                    yield self._take_blanks()
                yield ValidRows(self._line, len(group), b"\n".join(group) + b"\n")
                self._line += len(group)
            else:
                yield from self._explain(some)

    def _explain(
        self, rows: Iterable[bytes | None]
    ) -> Iterator[ValidRows | RejectedRow | BlankLines]:
        for row in rows:
            found = self._judge(row)
            if found is None:
                continue
            if self._blank:
                yield self._take_blanks()
            yield found

    def _judge(self, row: bytes | None) -> ValidRows | RejectedRow | None:
        """Ask the reference about a row without its LF.

        A row None is too long for certain; an answer None is a blank line, which is counted.
        """
        line = self._line
        self._line += 1
        if row is None:
            return RejectedRow(line, None, *line_too_long())
        parsed = parse_row(
            row, received_at=self._received_at, is_first=line == self._first_row_line
        )
        if parsed is None:
            self._blank += 1
            return None
        if isinstance(parsed, RowFault):
            kept = None if parsed.code is RowCode.LINE_TOO_LONG else row
            return RejectedRow(line, kept, *parsed)
        return ValidRows(line, 1, row + b"\n", parsed.nulls)

    def _take_blanks(self) -> BlankLines:
        count, self._blank = self._blank, 0
        return BlankLines(count)


def _line_end(text: bytes, position: int) -> int:
    return text.find(b"\n", position) + 1 or len(text)
