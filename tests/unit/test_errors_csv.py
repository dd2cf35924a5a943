import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.errors_csv import HEADER, error_csv_line, neutralise_formula


def test_a_rejected_row_is_one_record_under_the_header() -> None:
    row = RejectedRow(7, b"x", RowCode.POINTS_INVALID, "POINTS", 'POINTS is "4,0"; é')
    text = (HEADER + error_csv_line(row)).decode("utf-8")
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [
        {"line": "7", "code": "POINTS_INVALID", "field": "POINTS", "message": 'POINTS is "4,0"; é'}
    ]


def test_a_row_without_a_field_has_an_empty_one() -> None:
    assert error_csv_line(RejectedRow(7, b"x", RowCode.COLUMN_COUNT, None, "m")) == (
        b"7,COLUMN_COUNT,,m\r\n"
    )


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1", "\uff20x"]
)
def test_a_formula_is_neutralised(value: str) -> None:
    assert neutralise_formula(value) == "'" + value


@given(st.text())
def test_what_is_written_never_starts_like_a_formula(message: str) -> None:
    record = error_csv_line(RejectedRow(1, None, RowCode.COLUMN_COUNT, None, message))
    (fields,) = csv.reader(io.StringIO(record.decode("utf-8"), newline=""))
    assert not fields[3].lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert (
        message.encode("utf-8", "backslashreplace").decode().endswith(fields[3].removeprefix("'"))
    )


@pytest.mark.parametrize("value", ["", "a=1", "4", "'=1"])
def test_anything_else_is_left_alone(value: str) -> None:
    assert neutralise_formula(value) == value
