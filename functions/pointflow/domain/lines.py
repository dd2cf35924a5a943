"""Cutting a stream of bytes into lines, in constant memory for a line of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pointflow.domain.batch_row import MAX_LINE_BYTES

BOM = b"\xef\xbb\xbf"

LONGEST_LINE = len(BOM) + MAX_LINE_BYTES + len(b"\r\n")
"""Bytes that the longest allowed line can take up in a file, its line end included."""


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
