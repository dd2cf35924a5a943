import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointflow.domain.batch_row import Row
from pointflow.domain.packing import scan_cell
from pointflow.domain.row_pattern import LONGEST_RUN, dirty_rows, valid_rows
from tests.fuzz.differential import compare
from tests.fuzz.hostile_rows import LATEST, RECEIVED_AT, hostile_line
from tests.unit.parsing import GOOD, files, parse, plan_of, scan
from tests.unit.reference_scan import reference_scan


def matches(row: bytes | str) -> bool:
    raw = row.encode() if isinstance(row, str) else row
    return taken(valid_rows(RECEIVED_AT), raw + b"\n") == raw + b"\n"


def taken(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    """Give the valid rows that the pattern finds at the text's beginning."""
    found = pattern.match(text)
    assert found is not None
    run: bytes = found.group(1)
    return run


@pytest.mark.parametrize(
    "row",
    [
        "testing@crowdtwist.com|||testusername|126456789",
        "testing@crowdtwist.com|||testusername|126456789|400",
        "test303@emailaddress.com||||410061376",
        "|54064211|||410061376",
        "|54064211|||410061376||1551456336",
        "ann@example.com|54064211|T-1|ann|7|0|1704067499\r",
        "nina@example.com|||Nulla|7||",
        'zoë@example.com||田中|O\'Hara "O" |7|',
        f"|||ann|7||{LATEST}",
    ],
)
def test_rows_of_the_documented_forms_take_the_fast_path(row: str) -> None:
    assert matches(row)


@pytest.mark.parametrize(
    "row",
    [
        "||||7",
        "||| |7",
        " | ||| 7",
        "|null|||7",
        "NULL|||ann|7",
        "||null  |ann|7",
        '"ann"|||ann|7',
        "|0|||7",
        "|1|||0",
        "|1|||7|1000000001",
        f"|1|||7||{LATEST + 1}",
        f"|1|||7||{LATEST}0",
        "x" * 170 + "||||7",
        "|||" + "x" * 255 + "|7",
        "|1|||7|5|5|",
        "a\tb||||7",
        "a\x7fb||||7",
    ],
)
def test_rows_that_take_a_closer_look_are_left_to_the_reference(row: str) -> None:
    assert not matches(row)


def test_whatever_row_the_pattern_matches_is_valid_and_without_null() -> None:
    chance = Random(4)  # noqa: S311 - rows, not secrets
    rows = {hostile_line(chance) for _ in range(6_000)}
    matched = [
        row
        for row in rows
        if b"\n" not in row and matches(row) and not any(dirty_rows(row + b"\n"))
    ]
    assert len(matched) > 600
    for row in matched:
        parsed = parse(row)
        assert isinstance(parsed, Row), row
        assert parsed.nulls == 0


@pytest.mark.parametrize("received_at", [0, 699, 700, 999_999_699, RECEIVED_AT, 99_999_999_999])
def test_a_date_is_matched_up_to_the_latest_that_is_allowed_and_no_further(
    received_at: int,
) -> None:
    latest = received_at + 300
    pattern = valid_rows(received_at)

    def is_matched(date: int) -> bool:
        return bool(taken(pattern, b"|1|||7||%d\n" % date))

    steps = [0, 1, 2, 9, 10, 11, *(10**power for power in range(2, len(str(latest))))]
    assert all(is_matched(latest - step) for step in steps if step <= latest)
    assert not any(is_matched(latest + step) for step in [*steps, 10**11] if step)


def test_lower_casing_makes_no_email_that_is_matched_too_long() -> None:
    every = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    assert max(len(c.lower().encode()) / len(c.encode()) for c in every) <= 1.5
    longest = "\u023a" * 84
    assert matches(f"{longest}||||7")
    assert len(longest.lower().encode()) == 252
    assert not matches(f"{longest}\u0130||||7")


def test_a_match_takes_no_more_rows_than_a_run_may_have() -> None:
    rows = (GOOD + b"\n") * (LONGEST_RUN + 1)
    found = [match.groups() for match in valid_rows(RECEIVED_AT).finditer(rows)]
    assert found == [((GOOD + b"\n") * LONGEST_RUN, None), (GOOD + b"\n", None)]


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_a_match_ends_with_the_line_that_is_no_such_row(ending: bytes) -> None:
    rows = GOOD + b"\n"
    pattern = valid_rows(RECEIVED_AT)
    found = [
        match.groups() for match in pattern.finditer(rows + b"bad\n\n" + rows * 2 + b"end" + ending)
    ]
    assert found == [(rows, b"bad"), (b"", b""), (rows * 2, b"end" + ending.removesuffix(b"\n"))]
    assert [match.groups() for match in pattern.finditer(b"")] == []


@pytest.mark.parametrize("bad", [b"caf\xe9||||7", b"\xef\xbf\xbe||||7", b"a\xef\xbf\xbf||||7"])
def test_a_run_that_is_not_clean_text_loses_only_the_rows_that_are_not(bad: bytes) -> None:
    found = scan(b"\n".join([GOOD, "é||||7".encode(), bad, bad, GOOD, bad]) + b"\n")
    assert [line for line, _ in found.rows] == [1, 2, 5]
    assert [(reject.line, reject.raw) for reject in found.rejects] == [(3, bad), (4, bad), (6, bad)]


def test_text_that_is_latin_1_throughout_is_told_line_by_line() -> None:
    found = scan(b"caf\xe9||||7\n" * 1_200)
    assert [reject.line for reject in found.rejects] == list(range(1, 1_201))


@settings(max_examples=150)
@given(files, st.sampled_from([1, 5, 4_096, 1 << 20]), st.integers(1, 4), st.integers(40, 9_000))
def test_small_hostile_files_are_scanned_as_the_reference_scans_them(
    data: bytes, block: int, chunk_rows: int, chunk_bytes: int
) -> None:
    plan = plan_of(data, 1 << 20, chunk_rows, chunk_bytes)
    blocks = [data[start : start + block] for start in range(0, len(data), block)]
    plain = reference_scan([data], plan=plan, cell=0, first_line=1, first_row_line=1)
    fast = scan_cell(blocks, plan=plan, cell=0, first_line=1, first_row_line=1)
    assert list(fast) == list(plain)


def test_hostile_files_are_scanned_as_the_reference_scans_them() -> None:
    totals = [compare(seed) for seed in range(120)]
    assert sum(size for size, _ in totals) > 1_000_000
    assert sum(valid for _, valid in totals) > 10_000
