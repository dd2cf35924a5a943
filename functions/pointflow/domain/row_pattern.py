r"""A pattern for rows that are valid beyond doubt, to take many of them at once.

It knows less than `batch_row.parse_row` and must never know better: whatever it matches is valid
there and holds no `null`, but for bytes that are not UTF-8 and the two noncharacters, which its
user looks for (`dirt_in`). Valid rows that it does not match (padded in front, leading
zeros, a literal `null`, very long emails) are merely slower.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pointflow.domain.batch_row import CLOCK_TOLERANCE, MAX_ID_DIGITS, MAX_IDENTIFIER_BYTES

_NONCHARACTER = re.compile(b"\xef\xbf[\xbe\xbf]")

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


def dirt_in(rows: bytes) -> int | None:
    """Where the first byte is that is no UTF-8, or begins U+FFFE or U+FFFF; None if nowhere."""
    end = len(rows)
    try:
        rows.decode("utf-8")
    except UnicodeDecodeError as error:
        end = error.start
    # Both begin alike, with bytes that are looked for quickly.
    near = _NONCHARACTER.search(rows, 0, end) if b"\xef\xbf" in rows else None
    if near:
        return near.start()
    return end if end < len(rows) else None


def _up_to(latest: str, lowest: str = "1") -> str:
    """Match numbers of as many digits that are not larger, and start with `lowest` or more."""
    first, rest = latest[0], latest[1:]
    same = first + (_up_to(rest, "0") if rest else "")
    if first == lowest:
        return same
    smaller = f"[{lowest}-{int(first) - 1}]" + "[0-9]" * len(rest)
    return f"(?:{smaller}|{same})"
