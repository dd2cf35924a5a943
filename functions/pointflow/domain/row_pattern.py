r"""A pattern for rows that are valid beyond doubt, to take many of them at once.

It knows less than `batch_row.parse_row` and must never know better: whatever it matches is valid
there and holds no `null`, but for bytes that are not UTF-8 and the two noncharacters, which its
user looks for (`dirty_rows`). Valid rows that it does not match (padded in front, leading
zeros, a literal `null`, very long emails) are merely slower.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from pointflow.domain.batch_row import CLOCK_TOLERANCE, MAX_ID_DIGITS, MAX_IDENTIFIER_BYTES

_NONCHARACTER = re.compile(b"\xef\xbf[\xbe\xbf]")

_REPLACEMENT = "\ufffd"

LONGEST_RUN = 200
"""Rows that one match takes at most: a run that ends one chunk and begins the next is cut."""

# Lower-casing makes a text's UTF-8 at most half as long again, and this is checked by a test.
_EMAIL_BYTES = MAX_IDENTIFIER_BYTES * 2 // 3

# Without | (0x7C), the ASCII controls and DEL.
_TEXT = r"[ -{}-~\x80-\xff]"
# Neither a space nor a quote in front, and not null. The first set spares most fields the rest.
_PLAIN = r'(?!["nN ](?:(?<=[" ])|[uU][lL][lL][ ]*+\|))'
_IDENTIFIER = rf"{_PLAIN}{_TEXT}{{0,{MAX_IDENTIFIER_BYTES}}}+\|"
NUMBER = rf"[1-9][0-9]{{0,{MAX_ID_DIGITS - 1}}}+"

# The same again, by its first byte: where that alone settles it, nothing is looked at twice.
_EMAIL_REST = rf"{_TEXT}{{0,{_EMAIL_BYTES - 1}}}+\|"
_EMAILS = (
    rf"[!#-MO-mo-{{}}-~\x80-\xff]{_EMAIL_REST}",
    rf"[nN](?![uU][lL][lL][ ]*+\|){_EMAIL_REST}",
)
EMAIL = "|".join(_EMAILS)
# CT_USER_ID, THIRD_PARTY_ID and USERNAME; most rows leave two neighbours of these empty.
_AFTER_EMAIL = rf"(?:\|\||(?:{NUMBER})?+\|{_IDENTIFIER}){_IDENTIFIER}"
MEMBER = "|".join(
    (
        _EMAILS[0] + _AFTER_EMAIL,
        rf"\|{NUMBER}\|(?:\|\||{_IDENTIFIER}{_IDENTIFIER})",
        _EMAILS[1] + _AFTER_EMAIL,
        rf"\|\|(?!\|\|){_IDENTIFIER}{_IDENTIFIER}",
    )
)


@lru_cache(maxsize=4)
def valid_rows(received_at: int) -> re.Pattern[bytes]:
    """Compile the pattern that goes through lines, a run of valid rows at a time.

    Group 1 is the run: up to `LONGEST_RUN` rows, perhaps none, line ends included. Group 2 is the
    line behind it without its LF; None if that is one more such row, or the text ends.

    Parameters
    ----------
    received_at : int
        When the file was received, seconds since the epoch, 0 or later.
    """
    latest = str(received_at + CLOCK_TOLERANCE)
    date = rf"(?:{_up_to(latest)}|[0-9]{{0,{len(latest) - 1}}}+)"
    row = rf"(?:{MEMBER}){NUMBER}(?:\|[0-9]{{0,9}}+(?:\|{date})?+)?+\r?+\n"
    run = rf"((?:{row}){{0,{LONGEST_RUN}}}+)"
    # Behind it: one more such row if the run is full, the end, or a line of another kind.
    return re.compile(rf"(?!\Z){run}(?:(?={row})|\Z|([^\n]*+)\n?+)".encode("ascii"))


def dirty_rows(rows: bytes) -> Iterator[tuple[int, int]]:
    """Tell where the rows are that hold bytes that are no UTF-8, or U+FFFE or U+FFFF.

    Parameters
    ----------
    rows : bytes
        Rows with their LF.

    Yields
    ------
    tuple of int
        Offsets of a row's first byte and of its LF.
    """
    # Exceptions and looking at each row would cost several times what the rest of a bad row does.
    text = rows.decode("utf-8", "replace")
    if b"\xef\xbf" in rows:
        yield from _dirty_one_by_one(rows)  # U+FFFD is there of itself, perhaps
        return
    end, end_in_text = -1, -1
    while (found := text.find(_REPLACEMENT, end_in_text + 1)) >= 0:
        before = text[end_in_text + 1 : text.rfind("\n", 0, found) + 1]
        start = end + 1 + len(before.encode("utf-8"))
        end = rows.index(b"\n", start)
        end_in_text = text.index("\n", found)
        yield start, end


def _dirty_one_by_one(rows: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    for row in rows.split(b"\n")[:-1]:
        end = start + len(row)
        if _NONCHARACTER.search(row) or not _is_utf8(row):
            yield start, end
        start = end + 1


def _is_utf8(row: bytes) -> bool:
    try:
        row.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _up_to(latest: str, lowest: str = "1") -> str:
    """Match numbers of as many digits that are not larger, and start with `lowest` or more."""
    first, rest = latest[0], latest[1:]
    same = first + (_up_to(rest, "0") if rest else "")
    if first == lowest:
        return same
    smaller = f"[{lowest}-{int(first) - 1}]" + "[0-9]" * len(rest)
    return f"(?:{smaller}|{same})"
