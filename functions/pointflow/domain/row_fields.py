"""The rulings on a single field of a row; `batch_row` says in which order they apply.

Each `*_fault` takes a field that is trimmed and answers its fault, None where there is none.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from pointflow.domain.codes import RowCode
from pointflow.domain.text import shown

MAX_IDENTIFIER_BYTES = 254
MAX_POINTS = 1_000_000_000
MAX_ID_DIGITS = 18
CLOCK_TOLERANCE = 300
"""Seconds by which an activity may lie after the file's receipt: clocks differ."""

MILLISECOND_DIGITS = 13


class RowFault(NamedTuple):
    """Why a row cannot be credited: a code, the field at fault, and words to act on."""

    code: RowCode
    field: str | None
    message: str


row_fault = partial(tuple.__new__, RowFault)
"""`RowFault(...)` of a tuple, in half the time: no Python function runs in between."""

NAMES_NOBODY = RowFault(
    RowCode.IDENTIFIER_MISSING,
    "EMAIL",
    "the row names no member; fill in at least one of EMAIL, CT_USER_ID, THIRD_PARTY_ID"
    " and USERNAME",
)

_NO_ACTIVITY = RowFault(
    RowCode.ACTIVITY_ID_MISSING,
    "ACTIVITY_ID",
    "ACTIVITY_ID is empty; put the activity's number into the fifth column",
)

# Said of many rows, so made once.
_AN_ID = (
    f"it must be a whole number above 0, in at most {MAX_ID_DIGITS} digits 0-9 and nothing else"
)
_POINTS = (
    f"it must be a whole number from 0 to {MAX_POINTS} in digits 0-9 and nothing else, or empty for"
    " the activity's default"
)
_SECONDS = (
    "it must be UNIX seconds in digits 0-9 and nothing else, or empty for the time at which the"
    " file is received"
)


def identifier_fault(name: str, value: str) -> RowFault | None:
    """Judge EMAIL (lower-cased), THIRD_PARTY_ID or USERNAME, if not empty."""
    if not value:
        return None
    if _is_enclosed(value):
        return _enclosed(name, value)
    size = len(value.encode("utf-8"))
    if size <= MAX_IDENTIFIER_BYTES:
        return None
    return RowFault(
        RowCode.FIELD_TOO_LONG,
        name,
        f"{name} {shown(value)} is {size:,} bytes long; at most {MAX_IDENTIFIER_BYTES} are allowed",
    )


def ct_user_id_fault(value: str) -> RowFault | None:
    """Judge CT_USER_ID, if not empty."""
    return _id_fault("CT_USER_ID", RowCode.CT_USER_ID_INVALID, value) if value else None


def activity_id_fault(value: str) -> RowFault | None:
    """Judge ACTIVITY_ID, which may not be empty."""
    if not value:
        return _NO_ACTIVITY
    return _id_fault("ACTIVITY_ID", RowCode.ACTIVITY_ID_INVALID, value)


def points_fault(value: str) -> RowFault | None:
    """Judge POINTS, if not empty."""
    # A line holds 4,096 bytes at most, which int() takes.
    if not value or (_is_number(value) and int(value) <= MAX_POINTS):
        return None
    if _is_enclosed(value):
        return _enclosed("POINTS", value)
    return row_fault((RowCode.POINTS_INVALID, "POINTS", f"POINTS is {shown(value)}; {_POINTS}"))


def activity_date_fault(value: str, received_at: int) -> RowFault | None:
    """Judge ACTIVITY_DATE, if not empty; both are seconds since the epoch."""
    if not value:
        return None
    if not _is_number(value):
        if _is_enclosed(value):
            return _enclosed("ACTIVITY_DATE", value)
        problem = _SECONDS
    elif int(value) <= received_at + CLOCK_TOLERANCE:
        return None
    elif len(value) == MILLISECOND_DIGITS:
        problem = f"these look like milliseconds; send UNIX seconds: {value[:-3]}"
    else:
        problem = (
            f"it lies more than {CLOCK_TOLERANCE // 60} minutes after the file was received"
            f" ({received_at}); send the UNIX seconds at which the activity took place"
        )
    message = f"ACTIVITY_DATE is {shown(value)}; {problem}"
    return row_fault((RowCode.ACTIVITY_DATE_INVALID, "ACTIVITY_DATE", message))


def _id_fault(name: str, code: RowCode, value: str) -> RowFault | None:
    if _is_number(value) and len(value) <= MAX_ID_DIGITS and int(value) > 0:
        return None
    if _is_enclosed(value):
        return _enclosed(name, value)
    return row_fault((code, name, f"{name} is {shown(value)}; {_AN_ID}"))


def _is_number(value: str) -> bool:
    return value.isdigit() and value.isascii()


def _is_enclosed(value: str) -> bool:
    return value[0] == value[-1] == '"' and len(value) > 1


def _enclosed(name: str, value: str) -> RowFault:
    message = f"{name} is {shown(value)}; send the value without the enclosing quotes"
    return row_fault((RowCode.FIELD_ENCLOSED, name, message))
