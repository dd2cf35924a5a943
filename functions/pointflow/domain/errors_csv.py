"""Rejected rows as CSV, for people with spreadsheets: line, code, field, message."""

from __future__ import annotations

import csv
import io

from pointflow.domain.batch_row import RejectedRow

HEADER = b"line,code,field,message\r\n"

_SIGNS = "=+-@"
_FULL_WIDTH_SIGNS = "\uff1d\uff0b\uff0d\uff20"
_FORMULA_STARTS = tuple(_SIGNS + _FULL_WIDTH_SIGNS + "\t\r\n")


def error_csv_line(reject: RejectedRow) -> bytes:
    """One CSV record (RFC 4180, UTF-8, CRLF included)."""
    return _record([str(reject.line), reject.code.value, reject.field or "", reject.message])


def neutralise_formula(value: str) -> str:
    """Keep a spreadsheet from running a value: an apostrophe goes before a formula's start.

    The full-width forms of the signs count too, and spaces before the sign do not hide it.

    >>> neutralise_formula("=1+1")
    "'=1+1"
    """
    return f"'{value}" if value.lstrip(" ").startswith(_FORMULA_STARTS) else value


def _record(values: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([neutralise_formula(value) for value in values])
    return text.getvalue().encode("utf-8", "backslashreplace")
