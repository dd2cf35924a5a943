"""One row of a batch file: the rulings, written to be read.

    EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID[|POINTS[|ACTIVITY_DATE]]

This is the reference. Whatever else parses rows must agree with it in every case. What the source
document leaves open is ruled in `docs/rulings.md`.
"""

from __future__ import annotations

import re
from itertools import product
from typing import NamedTuple

from pointflow.domain.codes import RowCode
from pointflow.domain.text import shown

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
MAX_IDENTIFIER_BYTES = 254
MAX_POINTS = 1_000_000_000
MAX_ID_DIGITS = 18
CLOCK_TOLERANCE = 300
"""Seconds by which an activity may lie after the file's receipt: clocks differ."""

MILLISECOND_DIGITS = 13

# `null` in any case.
_NULLS = frozenset(map("".join, product("nN", "uU", "lL", "lL")))
_NUMBER_THEN_SPACE = re.compile(r" *[0-9]+ ")
# ASCII controls, DEL, and the two noncharacters that message queues refuse to carry.
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]")


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


class RowFault(NamedTuple):
    """Why a row cannot be credited: a code, the field at fault, and words to act on."""

    code: RowCode
    field: str | None
    message: str


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
    try:
        return _row(_columns(line, is_first), received_at)
    except _FaultFoundError as found:
        return RowFault(*found.args)


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


class _FaultFoundError(Exception):
    """Ends the parsing of a row at its first fault; its arguments are those of a `RowFault`."""


def _columns(line: bytes, is_first: bool) -> list[str]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _encoding_fault(line[error.start], error.start) from None
    control = _CONTROL.search(text)
    if control:
        raise _control_fault(control.group(), control.start())
    columns = text.split("|")
    if not FEWEST_COLUMNS <= len(columns) <= len(COLUMNS):
        raise _column_fault(text, columns)
    if is_first and _is_header(columns):
        raise _FaultFoundError(
            RowCode.HEADER_ROW, None, "this row holds the column names; send files without it"
        )
    return columns


def _row(columns: list[str], received_at: int) -> Row:
    fields = [column.strip(" ") for column in columns]
    nulls = [index for index, field in enumerate(fields) if field in _NULLS]
    for index in nulls:
        fields[index] = ""
    fields += [""] * (len(COLUMNS) - len(fields))
    email = _identifier("EMAIL", fields[0].lower()) if fields[0] else None
    ct_user_id = _id("CT_USER_ID", RowCode.CT_USER_ID_INVALID, fields[1]) if fields[1] else None
    third_party_id = _identifier("THIRD_PARTY_ID", fields[2]) if fields[2] else None
    username = _identifier("USERNAME", fields[3]) if fields[3] else None
    if email is None and ct_user_id is None and third_party_id is None and username is None:
        raise _FaultFoundError(
            RowCode.IDENTIFIER_MISSING,
            "EMAIL",
            "the row names no member; fill in at least one of EMAIL, CT_USER_ID, THIRD_PARTY_ID"
            " and USERNAME",
        )
    if not fields[4]:
        raise _FaultFoundError(
            RowCode.ACTIVITY_ID_MISSING,
            "ACTIVITY_ID",
            "ACTIVITY_ID is empty; put the activity's number into the fifth column",
        )
    return Row(
        email=email,
        ct_user_id=ct_user_id,
        third_party_id=third_party_id,
        username=username,
        activity_id=_id("ACTIVITY_ID", RowCode.ACTIVITY_ID_INVALID, fields[4]),
        points=_points(fields[5]) if fields[5] else None,
        activity_date=_activity_date(fields[6], received_at) if fields[6] else None,
        nulls=len(nulls),
    )


def _identifier(name: str, value: str) -> str:
    _refuse_enclosed(name, value)
    size = len(value.encode("utf-8"))
    if size > MAX_IDENTIFIER_BYTES:
        raise _FaultFoundError(
            RowCode.FIELD_TOO_LONG,
            name,
            f"{name} {shown(value)} is {size:,} bytes long; at most {MAX_IDENTIFIER_BYTES} are"
            " allowed",
        )
    return value


def _id(name: str, code: RowCode, value: str) -> int:
    _refuse_enclosed(name, value)
    if _is_number(value) and len(value) <= MAX_ID_DIGITS and int(value) > 0:
        return int(value)
    raise _FaultFoundError(
        code,
        name,
        f"{name} is {shown(value)}; it must be a whole number above 0, in at most"
        f" {MAX_ID_DIGITS} digits 0-9 and nothing else",
    )


def _points(value: str) -> int:
    _refuse_enclosed("POINTS", value)
    # A line holds 4,096 bytes at most, which int() takes.
    if _is_number(value) and int(value) <= MAX_POINTS:
        return int(value)
    raise _FaultFoundError(
        RowCode.POINTS_INVALID,
        "POINTS",
        f"POINTS is {shown(value)}; it must be a whole number from 0 to {MAX_POINTS} in digits 0-9"
        " and nothing else, or empty for the activity's default",
    )


def _activity_date(value: str, received_at: int) -> int:
    _refuse_enclosed("ACTIVITY_DATE", value)
    if not _is_number(value):
        problem = (
            "it must be UNIX seconds in digits 0-9 and nothing else, or empty for the time at which"
            " the file is received"
        )
    elif int(value) <= received_at + CLOCK_TOLERANCE:
        return int(value)
    elif len(value) == MILLISECOND_DIGITS:
        problem = f"these look like milliseconds; send UNIX seconds: {value[:-3]}"
    else:
        problem = (
            f"it lies more than {CLOCK_TOLERANCE // 60} minutes after the file was received"
            f" ({received_at}); send the UNIX seconds at which the activity took place"
        )
    raise _FaultFoundError(
        RowCode.ACTIVITY_DATE_INVALID,
        "ACTIVITY_DATE",
        f"ACTIVITY_DATE is {shown(value)}; {problem}",
    )


def _refuse_enclosed(name: str, value: str) -> None:
    if value[0] == value[-1] == '"' and len(value) > 1:
        raise _FaultFoundError(
            RowCode.FIELD_ENCLOSED,
            name,
            f"{name} is {shown(value)}; send the value without the enclosing quotes",
        )


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _is_header(columns: list[str]) -> bool:
    # The source document also writes the names with spaces ("CT User ID").
    names = [column.strip(" ").replace(" ", "_") for column in columns]
    return all(
        name.isascii() and name.upper() == column
        for name, column in zip(names, COLUMNS, strict=False)
    )


def _encoding_fault(byte: int, position: int) -> _FaultFoundError:
    return _FaultFoundError(
        RowCode.ENCODING_INVALID,
        None,
        f"byte 0x{byte:02X} at position {position + 1} of the line is not valid UTF-8; save the"
        " file as UTF-8",
    )


def _control_fault(character: str, index: int) -> _FaultFoundError:
    advice = {
        "\t": "a tab; separate columns with |",
        "\r": "a CR without LF; end lines with LF or CRLF",
        "\x00": "a NUL; save the file as UTF-8 without padding",
    }.get(character, "a control character; remove it")
    return _FaultFoundError(
        RowCode.CONTROL_CHARACTER,
        None,
        f"character {index + 1} of the line is U+{ord(character):04X}, {advice}",
    )


def _column_fault(text: str, columns: list[str]) -> _FaultFoundError:
    expected = f"expected {FEWEST_COLUMNS} to {len(COLUMNS)}, separated by |"
    if _looks_like_two_records(columns):
        hint = "; this looks like two records on one line: give each a line of its own"
    elif len(columns) == len(COLUMNS) + 1 and not columns[-1].strip(" "):
        hint = "; remove the | at the end of the line"
    elif len(columns) == 1 and re.search("[,;]", text):
        hint = "; this looks like another separator: use | alone"
    else:
        hint = f": {'|'.join(COLUMNS)}, the last two optional"
    return _FaultFoundError(
        RowCode.COLUMN_COUNT, None, f"the row has {len(columns):,} columns, {expected}{hint}"
    )


def _looks_like_two_records(columns: list[str]) -> bool:
    # Joined by a space, the last column of one record and the first of the next become one.
    joints = columns[FEWEST_COLUMNS - 1 : len(COLUMNS)]
    return len(columns) >= 2 * FEWEST_COLUMNS - 1 and any(map(_NUMBER_THEN_SPACE.match, joints))
