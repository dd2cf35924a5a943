"""Pass 1: what is learnt of a file before any row of it is parsed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pointflow.domain.codes import FileCode
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import BOM
from pointflow.domain.submission import CellMeasure, Plan, Refusal

HEAD_BYTES = 64
"""How much of a file's start `refuse_not_text` wants to see."""

FILE_EMPTY = Refusal(
    FileCode.FILE_EMPTY, "the file holds no row, only blank lines; send it with at least one row"
)

# A CR belongs to a blank line only as part of a line end.
_ROW_BYTE = re.compile(rb"[^ \r\n]|\r[^\n]")

_SAVE_AS_UTF8 = "save it as UTF-8 text and send it again"
_UNPACK = "unpack it and send the text file inside"
_DECRYPT = "send the text itself, neither encrypted nor signed; the transfer is encrypted already"

_FOREIGN = (
    # UTF-32 first: its little-endian mark starts with that of UTF-16.
    ("UTF-32 text", (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"), _SAVE_AS_UTF8),
    ("UTF-16 text", (b"\xff\xfe", b"\xfe\xff"), _SAVE_AS_UTF8),
    ("gzip-compressed", (b"\x1f\x8b",), _UNPACK),
    (
        "a zip archive (an Excel workbook is one too)",
        (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
        _UNPACK,
    ),
)

# What a binary OpenPGP message can start with (RFC 9580), kept apart from valid UTF-8 text.
_PGP_PACKET = re.compile(
    rb"""
      \x84.[\x02\x03] | \x85..[\x02\x03] | \x86....[\x02\x03]       # session key, old form
    | \xc1(?: [\x00-\xbf] | [\xc0-\xdf]. | \xff.... )[\x02\x03\x06] # session key
    | \x8c[\x00-\x7f][\x04-\x06] | \xc3[\x00-\x7f][\x04-\x06]       # passphrase
    | [\x90\xc4]\x0d\x03                                            # signature follows
    | \xa3[\x00-\x03]                                               # compressed
    | (?: \xa8 | \xca )\x03PGP                                      # marker
    """,
    re.VERBOSE | re.DOTALL,
)


class Measurer:
    """Measures one cell of a file, block by block, in constant memory.

    Parameters
    ----------
    cell : int
        Which cell, from 0. Cells are at least 3 bytes, so that a byte order mark lies in cell 0.
    """

    def __init__(self, cell: int) -> None:
        self._cell = cell
        self._digest = hashlib.sha256()
        self._newlines = 0
        self._first_row: int | None = None
        self._searched_newlines = 0
        self._undecided = b""  # the start of a byte order mark, or a CR, at the edge of a block
        self._at_start = cell == 0

    def feed(self, block: bytes) -> None:
        """Take the cell's next bytes in."""
        self._digest.update(block)
        self._newlines += block.count(b"\n")
        if self._first_row is None:
            self._search(self._undecided + block)

    def finish(self, following: bytes) -> CellMeasure:
        """Close the cell.

        Parameters
        ----------
        following : bytes
            The byte after the cell, empty at the end of the file: it tells whether a CR at the
            cell's edge is part of a line end.
        """
        if self._first_row is None:
            found = _ROW_BYTE.search(self._undecided + following[:1])
            if found and found.start() < len(self._undecided):
                self._first_row = self._searched_newlines
        return CellMeasure(self._cell, self._newlines, self._digest.hexdigest(), self._first_row)

    def _search(self, text: bytes) -> None:
        if self._at_start:
            if len(text) < len(BOM) and BOM.startswith(text):
                self._undecided = text
                return
            self._at_start = False
            text = text.removeprefix(BOM)
        found = _ROW_BYTE.search(text)
        if found:
            self._first_row = self._searched_newlines + text.count(b"\n", 0, found.start())
            return
        self._undecided = b"\r" if text.endswith(b"\r") else b""
        self._searched_newlines += text.count(b"\n")


def measure_span(plan: Plan, cell: int) -> tuple[int, int]:
    """Byte offsets [start, end) that `measure_cell` must be given: the cell and one byte more."""
    start, end = plan.span(cell)
    return start, min(end + 1, plan.size)


def measure_cell(blocks: Iterable[bytes], *, plan: Plan, cell: int) -> CellMeasure:
    """Measure one cell.

    Parameters
    ----------
    blocks : iterable of bytes
        The bytes of `measure_span(plan, cell)`, cut anywhere. More than that does no harm.
    plan : Plan
        What the file was planned with.
    cell : int
        Which cell, from 0.

    Raises
    ------
    TransientError
        The blocks ended before the span did.
    """
    start, end = plan.span(cell)
    _, read_to = measure_span(plan, cell)
    measurer = Measurer(cell)
    position = start
    following = b""
    for block in blocks:
        inside = block[: max(0, end - position)]
        measurer.feed(inside)
        following = following or block[len(inside) : len(inside) + 1]
        position += len(block)
    if position < read_to:
        raise TransientError(f"the read ended {read_to - position} bytes early")
    return measurer.finish(following)


@dataclass(frozen=True, slots=True)
class Survey:
    """What all cells' measures say of the file.

    `content` is the identity of its content: SHA-256 over its cells' SHA-256, in hexadecimal.
    `first_row_line` is the number of its first line that is not blank; None where there is none.
    """

    cells: int
    content: str
    first_row_line: int | None


def survey(measures: Iterable[CellMeasure]) -> Survey:
    """Read the measures of every cell, in order, once; in constant memory."""
    digest = hashlib.sha256()
    cells = 0
    first_row = None
    for first_line, measure in numbered(measures):
        digest.update(bytes.fromhex(measure.sha256))
        cells += 1
        if first_row is None and measure.first_row is not None:
            first_row = first_line + measure.first_row
    return Survey(cells, digest.hexdigest(), first_row)


def numbered(
    measures: Iterable[CellMeasure], first_cell: int = 0, first_line: int = 1
) -> Iterator[tuple[int, CellMeasure]]:
    """Each cell with the number, from 1, of the line that holds its first byte.

    Parameters
    ----------
    measures : iterable of CellMeasure
        Of `first_cell` and those that follow it, in order.
    first_cell, first_line : int
        Where to begin: a cell, and the line that holds its first byte.
    """
    for cell, measure in enumerate(measures, first_cell):
        if measure.cell != cell:
            raise ValueError("measures must be of every cell, in order")
        yield first_line, measure
        first_line += measure.newlines


def first_line_numbers(measures: Iterable[CellMeasure]) -> list[int]:
    """By cell: the number, from 1, of the line that holds the cell's first byte."""
    return [first_line for first_line, _ in numbered(measures)]


def first_row_line(measures: Iterable[CellMeasure]) -> int | None:
    """The number of the file's first line that is not blank; None where there is none."""
    return survey(measures).first_row_line


def refuse_not_text(head: bytes) -> Refusal | None:
    """Refuse what is certainly no UTF-8 text, by the file's first `HEAD_BYTES`."""
    found = _format(head)
    if found is None:
        return None
    name, advice = found
    return Refusal(FileCode.FILE_NOT_TEXT, f"the file is {name}; {advice}")


def _format(head: bytes) -> tuple[str, str] | None:
    for name, starts, advice in _FOREIGN:
        if head.startswith(starts):
            return name, advice
    if head.removeprefix(BOM).lstrip().startswith(b"-----BEGIN PGP "):
        return "PGP-armoured", _DECRYPT
    if _PGP_PACKET.match(head):
        return "PGP-encrypted or signed", _DECRYPT
    return None
