from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointflow.domain.batch_row import RowFault
from pointflow.domain.codes import RowCode
from pointflow.domain.fault_pattern import plain_fault
from tests.fuzz.hostile_rows import LATEST, RECEIVED_AT, hostile_line
from tests.unit.parsing import GOOD, parse

NUMBERS = [
    "",
    "7",
    "0",
    "007",
    "+5",
    "7.0",
    "1,000",
    " 7",
    "7 ",
    "1" * 18,
    "1" * 19,
    "1704067200000",
]
LIMITS = ["1000000000", "1000000001", str(LATEST), str(LATEST + 1), "x" * 170, "x" * 255]
TEXTS = [
    "null",
    "NULL",
    "nulls",
    '"7"',
    '"',
    '""',
    '"a',
    'a"',
    "ann",
    "n",
    "N@x",
    "é",
    "\t",
    "\x7f",
]
FIELDS = st.sampled_from([*NUMBERS, *LIMITS, *TEXTS, "", "", ""])


def told(row: str) -> RowFault | None:
    return plain_fault(row.encode(), RECEIVED_AT)


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ("ann@example.com|||ann|7.0", RowCode.ACTIVITY_ID_INVALID, "ACTIVITY_ID"),
        ("ann@example.com|||ann|", RowCode.ACTIVITY_ID_MISSING, "ACTIVITY_ID"),
        ("|5|||\r", RowCode.ACTIVITY_ID_MISSING, "ACTIVITY_ID"),
        ("|5||||1,000|x", RowCode.ACTIVITY_ID_MISSING, "ACTIVITY_ID"),
        ("|5|||7|1,000", RowCode.POINTS_INVALID, "POINTS"),
        ("|5|||7|-1|yesterday", RowCode.POINTS_INVALID, "POINTS"),
        ("|5|||7||1704067200000", RowCode.ACTIVITY_DATE_INVALID, "ACTIVITY_DATE"),
        (f"nina@x|||Nulla|7|5|{LATEST + 1}\r", RowCode.ACTIVITY_DATE_INVALID, "ACTIVITY_DATE"),
        ("ann@example.com|+5|||7", RowCode.CT_USER_ID_INVALID, "CT_USER_ID"),
        ('|"5"|||7', RowCode.FIELD_ENCLOSED, "CT_USER_ID"),
        ('"Ann@example.com"|||ann|7', RowCode.FIELD_ENCLOSED, "EMAIL"),
        ("||||7|400", RowCode.IDENTIFIER_MISSING, "EMAIL"),
    ],
)
def test_a_plain_fault_is_told_in_the_words_of_the_reference(
    row: str, code: RowCode, field: str
) -> None:
    fault = told(row)
    assert fault == parse(row)
    assert fault is not None
    assert (fault.code, fault.field) == (code, field)


@pytest.mark.parametrize(
    "row",
    [
        GOOD.decode(),
        f"{GOOD.decode()}|1000000000|{LATEST}",
        "|007|||0007|05|",
        "",
        "   ",
        "|5|||7|1,000|x|",
        "|5||7.0",
        "|5|||7|1,000\t",
        "|5|||7|1,000|\x7f",
        "|||ann|null",
        "|5|||7|1,000\r\r",
        "|5|é||7|1,000",
        "|5|||7|null",
        "|5|||NULL",
        "null|null|null|null|7",
        "|null|||7",
        "| +5|||7",
        '|5|"T"||7.0',
        '"a b"|||ann|7',
        "|5|" + "x" * 255 + "||7.0",
        "|5|||7.0|" + " " * 4_096,
        "EMAIL|CT_USER_ID|THIRD_PARTY_ID",
    ],
)
def test_what_is_not_plain_is_left_to_the_reference(row: str) -> None:
    assert told(row) is None


@settings(max_examples=600)
@given(st.lists(FIELDS, min_size=4, max_size=8), st.sampled_from(["", "\r", "\r\r", " "]))
def test_no_combination_of_fields_is_told_otherwise_than_by_the_reference(
    fields: list[str], end: str
) -> None:
    row = "|".join(fields) + end
    assert told(row) in {None, parse(row)}


def test_no_hostile_row_is_told_otherwise_than_by_the_reference() -> None:
    chance = Random(5)  # noqa: S311 - rows, not secrets
    found: Counter[tuple[RowCode, str | None]] = Counter()
    for _ in range(20_000):
        row = hostile_line(chance)
        fault = plain_fault(row, RECEIVED_AT)
        if fault is not None:
            assert fault == parse(row), row
            found[fault.code, fault.field] += 1
    assert found.total() > 1_000
    assert len(found) >= 9


def test_points_and_dates_that_only_just_do_are_no_faults() -> None:
    assert told("|5|||7|1000000000") is None
    assert told("|5|||7|1000000001") == parse("|5|||7|1000000001")
    assert told(f"|5|||7||{LATEST}") is None
    assert isinstance(told(f"|5|||7||{LATEST + 1}"), RowFault)
