"""One row of a batch file: the rulings, written to be read.

    EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID[|POINTS[|ACTIVITY_DATE]]

The rulings on single fields stand in `row_fields`. Together they are the reference: whatever else
parses rows must agree with it in every case. What the source document leaves open is ruled in
`docs/rulings.md`.
"""

from __future__ import annotations

import re
from itertools import product
from typing import NamedTuple

from pointflow.domain.codes import RowCode
from pointflow.domain.row_fields import (
    CLOCK_TOLERANCE,
    MAX_ID_DIGITS,
    MAX_IDENTIFIER_BYTES,
    MAX_POINTS,
    NAMES_NOBODY,
    RowFault,
    activity_date_fault,
    activity_id_fault,
    ct_user_id_fault,
    identifier_fault,
    points_fault,
    row_fault,
)

__all__ = [
    "CLOCK_TOLERANCE",
    "COLUMNS",
    "FEWEST_COLUMNS",
    "MAX_IDENTIFIER_BYTES",
    "MAX_ID_DIGITS",
    "MAX_LINE_BYTES",
    "MAX_POINTS",
    "RULINGS",
    "RejectedRow",
    "Row",
    "RowFault",
    "count_duplicates",
    "line_too_long",
    "parse_row",
]

RULINGS = 1
"""Raised whenever a ruling changes what a row means; fixed in a batch when it is planned."""

COLUMNS = (
    "EMAIL",
    "CT_USER_ID",
    "THIRD_PARTY_ID",
    "USERNAME",
    "ACTIVITY_ID",
    "POINTS",
    "ACTIVITY_DATE",
)
FEWEST_COLUMNS = 5

MAX_LINE_BYTES = 4_096
# `null` in any case.
_NULLS = frozenset(map("".join, product("nN", "uU", "lL", "lL")))
_NUMBER_THEN_SPACE = re.compile(r" *[0-9]+ ")
# What rows of so many columns leave out.
_LEFT_OUT = {
    count: [""] * (len(COLUMNS) - count) for count in range(FEWEST_COLUMNS, len(COLUMNS) + 1)
}
# ASCII controls, DEL, and the two noncharacters that message queues refuse to carry.
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")

_CONTROL_ADVICE = {
    "\t": "a tab; separate columns with |",
    "\r": "a CR without LF; end lines with LF or CRLF",
    "\x00": "a NUL; save the file as UTF-8 without padding",
}
_EXPECTED = f"expected {FEWEST_COLUMNS} to {len(COLUMNS)}, separated by |"
_COLUMN_HINT = f": {'|'.join(COLUMNS)}, the last two optional"
_HEADER_ROW = RowFault(
    RowCode.HEADER_ROW, None, "this row holds the column names; send files without it"
)


class Row(NamedTuple):
    """A row that may be credited.

    `email` is trimmed and lower-cased, `points` None means the activity's default,
    `activity_date` is seconds since the epoch, None means the file's receipt time. `nulls` counts
    the fields that read `null` and were taken as absent.
    """

    email: str | None
    ct_user_id: int | None
    third_party_id: str | None
    username: str | None
    activity_id: int
    points: int | None
    activity_date: int | None
    nulls: int


class RejectedRow(NamedTuple):
    """A row that goes back to the client.

    `raw` is the line as sent, without its LF; None for a line over 4,096 bytes.
    """

    line: int
    raw: bytes | None
    code: RowCode
    field: str | None
    message: str


def parse_row(raw: bytes, *, received_at: int, is_first: bool) -> Row | RowFault | None:
    r"""Parse one line.

    Parameters
    ----------
    raw : bytes
        The line without its LF; one trailing CR is part of the line end.
    received_at : int
        When the file was received, seconds since the epoch.
    is_first : bool
        Whether this is the file's first line that is not blank: only there a header is known.

    Returns
    -------
    Row or RowFault or None
        None for a blank line. Of several faults the first in the documented order is told.
    """
    line = raw.removesuffix(b"\r")
    if len(line) > MAX_LINE_BYTES:
        return line_too_long()
    if not line.strip(b" "):
        return None
    columns = _columns(line, is_first)
    return columns if isinstance(columns, RowFault) else _row(columns, received_at)


def count_duplicates(rows: bytes) -> int:
    """Count rows, each ended by LF, that are byte for byte the same as an earlier one."""
    each = rows.split(b"\n")[:-1]
    return len(each) - len(set(each))


def line_too_long() -> RowFault:
    """The fault of a line whose bytes nobody keeps."""
    return RowFault(
        RowCode.LINE_TOO_LONG,
        None,
        f"the line is longer than {MAX_LINE_BYTES:,} bytes; check that every record stands on a"
        " line of its own, ended by LF or CRLF",
    )


def _columns(line: bytes, is_first: bool) -> list[str] | RowFault:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return _encoding_fault(line[error.start], error.start)
    # What is refused here does not print; that is quicker to see.
    control = None if text.isprintable() else _CONTROL.search(text)
    if control:
        return _control_fault(control.group(), control.start())
    columns = text.split("|")
    if not FEWEST_COLUMNS <= len(columns) <= len(COLUMNS):
        return _column_fault(text, columns)
    if is_first and _is_header(columns):
        return _HEADER_ROW
    return [column.strip(" ") for column in columns] if " " in text else columns


def _row(fields: list[str], received_at: int) -> Row | RowFault:
    nulls = 0 if _NULLS.isdisjoint(fields) else _drop_nulls(fields)
    email, ct_user_id, third_party_id, username, activity_id, points, activity_date = (
        fields + _LEFT_OUT[len(fields)]
    )
    email = email.lower()
    fault = (
        identifier_fault("EMAIL", email)
        or ct_user_id_fault(ct_user_id)
        or identifier_fault("THIRD_PARTY_ID", third_party_id)
        or identifier_fault("USERNAME", username)
        or (None if email or ct_user_id or third_party_id or username else NAMES_NOBODY)
        or activity_id_fault(activity_id)
        or points_fault(points)
        or activity_date_fault(activity_date, received_at)
    )
    return fault or Row(
        email=email or None,
        ct_user_id=int(ct_user_id) if ct_user_id else None,
        third_party_id=third_party_id or None,
        username=username or None,
        activity_id=int(activity_id),
        points=int(points) if points else None,
        activity_date=int(activity_date) if activity_date else None,
        nulls=nulls,
    )


def _drop_nulls(fields: list[str]) -> int:
    """Empty the fields that read `null`; answers how many."""
    found = [index for index, field in enumerate(fields) if field in _NULLS]
    for index in found:
        fields[index] = ""
    return len(found)


def _is_header(columns: list[str]) -> bool:
    # The source document also writes the names with spaces ("CT User ID").
    names = [column.strip(" ").replace(" ", "_") for column in columns]
    return all(
        name.isascii() and name.upper() == column
        for name, column in zip(names, COLUMNS, strict=False)
    )


def _encoding_fault(byte: int, position: int) -> RowFault:
    message = (
        f"byte 0x{byte:02X} at position {position + 1} of the line is not valid UTF-8; save the"
        " file as UTF-8"
    )
    return row_fault((RowCode.ENCODING_INVALID, None, message))


def _control_fault(character: str, index: int) -> RowFault:
    advice = _CONTROL_ADVICE.get(character, "a control character; remove it")
    message = f"character {index + 1} of the line is U+{ord(character):04X}, {advice}"
    return row_fault((RowCode.CONTROL_CHARACTER, None, message))


def _column_fault(text: str, columns: list[str]) -> RowFault:
    if _looks_like_two_records(columns):
        hint = "; this looks like two records on one line: give each a line of its own"
    elif len(columns) == len(COLUMNS) + 1 and not columns[-1].strip(" "):
        hint = "; remove the | at the end of the line"
    elif len(columns) == 1 and ("," in text or ";" in text):
        hint = "; this looks like another separator: use | alone"
    else:
        hint = _COLUMN_HINT
    message = f"the row has {len(columns):,} columns, {_EXPECTED}{hint}"
    return row_fault((RowCode.COLUMN_COUNT, None, message))


def _looks_like_two_records(columns: list[str]) -> bool:
    if len(columns) < 2 * FEWEST_COLUMNS - 1:
        return False
    # Joined by a space, the last column of one record and the first of the next become one.
    joints = columns[FEWEST_COLUMNS - 1 : len(COLUMNS)]
    return any(map(_NUMBER_THEN_SPACE.match, joints))
