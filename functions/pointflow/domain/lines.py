"""Cutting a stream of bytes at line ends, in constant memory for a line of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pointflow.domain.batch_row import MAX_LINE_BYTES

BOM = b"\xef\xbb\xbf"

LONGEST_LINE = len(BOM) + MAX_LINE_BYTES + len(b"\r\n")
"""Bytes that the longest allowed line can take up in a file, its line end included."""


_PIECE_BYTES = 64 * 1024
"""Larger blocks are worked on in pieces: less memory, and it stays in the processor's cache."""


class WholeLines(NamedTuple):
    """Lines as they stand in the file, each ended by LF; the file's last line may lack it.

    `offset` is the first line's first byte in the file. `text` None stands for one line that is
    too long for certain, and whose bytes nobody keeps.
    """

    offset: int
    text: bytes | None


def whole_lines(blocks: Iterable[bytes], offset: int = 0) -> Iterator[WholeLines]:
    """Cut a stream at line ends. LF ends a line and nothing else does.

    Parameters
    ----------
    blocks : iterable of bytes
        The stream, cut anywhere.
    offset : int
        Where in the file the stream starts, in bytes.

    Yields
    ------
    WholeLines
        Some lines at a time, never none.
    """
    start = offset
    begun = b""
    dropped = 0  # bytes of a line that is too long for certain
    for block in _pieces(blocks):
        first = 0
        if dropped:
            first = block.find(b"\n") + 1
            if not first:
                dropped += len(block)
                continue
            yield WholeLines(start, None)
            start += dropped + first
            dropped = 0
        end = block.rfind(b"\n", first) + 1
        if end:
            text = b"".join((begun, memoryview(block)[first:end]))
            yield WholeLines(start, text)
            start += len(text)
            begun = block[end:]
        else:
            begun += block[first:]
        if len(begun) > LONGEST_LINE:
            begun, dropped = b"", len(begun)
    if begun or dropped:
        yield WholeLines(start, None if dropped else begun)


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), _PIECE_BYTES):
            yield block[start : start + _PIECE_BYTES]
        del block  # or it would be kept while the next one is read
