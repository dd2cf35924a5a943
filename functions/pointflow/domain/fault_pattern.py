r"""A pattern for rows whose fault is plain to see: it tells in one step which field to look at.

It only ever points at a field. What is wrong with it, if anything, `row_fields` says, as for every
other row, and where it finds nothing wrong the row goes to `batch_row.parse_row` like any other.
So this must be certain of one thing: that nothing before that field, and nothing about the line as
a whole, comes first in the order of faults.

Rows are left to the reference that hold anything but printable ASCII, have too few or too many
columns, or have spaces, quotes or `null` in doubtful places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pointflow.domain.batch_row import MAX_LINE_BYTES
from pointflow.domain.row_fields import (
    NAMES_NOBODY,
    RowFault,
    activity_date_fault,
    activity_id_fault,
    ct_user_id_fault,
    identifier_fault,
    points_fault,
)
from pointflow.domain.row_pattern import EMAIL, MEMBER, NUMBER

_FIELD = r"\|[ -{}-~]*+"
# Up to two more columns; one CR belongs to the line end.
_END = r"\r?+\Z"
_UP_TO_1 = rf"(?:{_FIELD})?+{_END}"
_UP_TO_2 = rf"(?:{_FIELD}){{0,2}}+{_END}"
# A field without spaces that is not null.
_VALUE = r"(?![nN][uU][lL][lL](?:[|\r]|\Z))[!-{}-~]++"

# Printable throughout, and of five to seven columns, whichever field it points at.
_LOOK_AT = re.compile(
    (
        rf"(?:{MEMBER})(?:{NUMBER}\|(?:[0-9]{{0,9}}+\|(?P<ACTIVITY_DATE>{_VALUE}){_END}"
        rf"|(?P<POINTS>{_VALUE}){_UP_TO_1})"
        rf"|(?P<ACTIVITY_ID>(?:{_VALUE})?+){_UP_TO_2})"
        rf"|(?:{EMAIL}|\|)(?P<CT_USER_ID>{_VALUE})(?:{_FIELD}){{3}}{_UP_TO_2}"
        rf'|(?P<EMAIL>"[!-{{}}-~]*+)(?:{_FIELD}){{4}}{_UP_TO_2}'
        rf"|(?P<NOBODY>\|\|\|\|)[ -{{}}-~]*+{_UP_TO_2}"
    ).encode("ascii")
)
_RULES: Mapping[str | None, Callable[[str], RowFault | None]] = {
    "EMAIL": lambda value: identifier_fault("EMAIL", value.lower()),
    "CT_USER_ID": ct_user_id_fault,
    "NOBODY": lambda _: NAMES_NOBODY,
    "ACTIVITY_ID": activity_id_fault,
    "POINTS": points_fault,
}


def plain_fault(row: bytes, received_at: int) -> RowFault | None:
    """Tell a row's fault if it is plain to see; None says nothing about the row.

    Parameters
    ----------
    row : bytes
        A line without its LF, not the file's first row: that may be a header.
    received_at : int
        When the file was received, seconds since the epoch.
    """
    match = _LOOK_AT.match(row) if row.isascii() else None
    if match is None or len(row) > MAX_LINE_BYTES:
        return None
    value = match[match.lastindex or 0].decode("ascii")
    if match.lastgroup == "ACTIVITY_DATE":
        return activity_date_fault(value, received_at)
    return _RULES[match.lastgroup](value)
