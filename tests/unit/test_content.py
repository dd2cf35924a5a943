import gzip
import hashlib
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointflow.domain.codes import FileCode
from pointflow.domain.content import (
    FILE_EMPTY,
    HEAD_BYTES,
    Measurer,
    first_line_numbers,
    first_row_line,
    measure_cell,
    measure_span,
    refuse_not_text,
    survey,
)
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import BOM
from pointflow.domain.submission import CellMeasure
from tests.unit.parsing import GOOD, files, measures_of, naive_scan, plan_of


def measure(data: bytes, following: bytes = b"", cell: int = 0) -> CellMeasure:
    measurer = Measurer(cell)
    measurer.feed(data)
    return measurer.finish(following)


def test_a_cell_is_counted_and_hashed() -> None:
    data = b"\n \n" + GOOD + b"\n"
    assert measure(data) == CellMeasure(0, 3, hashlib.sha256(data).hexdigest(), 2)


@pytest.mark.parametrize(
    "blank", [b"", b"\n\n", b"  \n", b"\r\n\r\n", b" \r\n ", b"\r", BOM, BOM + b"\r\n"]
)
def test_blank_lines_hold_no_row(blank: bytes) -> None:
    assert measure(blank).first_row is None


@pytest.mark.parametrize("row", [b"a", b"|", b"\t", b"\r\r\n", b"\r \n", b"\xef\xbb", b"\xef"])
def test_anything_else_is_a_row(row: bytes) -> None:
    assert measure(row).first_row == 0
    assert measure(b"\n\n" + row).first_row == 2


def test_a_byte_order_mark_counts_only_at_the_start_of_the_file() -> None:
    assert measure(BOM + b"\n", cell=0).first_row is None
    assert measure(BOM + b"\n", cell=1).first_row == 0
    assert measure(b"\n" + BOM, cell=0).first_row == 1
    assert measure(BOM + BOM, cell=0).first_row == 0


@pytest.mark.parametrize(
    ("following", "first_row"), [(b"\n", None), (b"", None), (b"a", 1), (b"\r", 1), (b" ", 1)]
)
def test_a_cr_at_the_edge_of_a_cell_is_told_by_the_byte_after_it(
    following: bytes, first_row: int | None
) -> None:
    assert measure(b"\n \r", following).first_row == first_row


def test_the_byte_after_the_cell_is_not_the_cells_own() -> None:
    assert measure(b"\n ", b"a") == measure(b"\n ", b"")


HOSTILE = [
    BOM + b" \r\n\r\n\r" + GOOD,
    BOM + b"\r\r\n",
    b" \n\r\n \r\n  a",
    b"\r\n\r\n\r\n\r",
    BOM[:2] + b"\n",
]


@pytest.mark.parametrize("data", HOSTILE)
def test_a_measure_is_the_same_wherever_the_blocks_are_cut(data: bytes) -> None:
    whole = measure(data)
    for one in range(len(data) + 1):
        for two in range(one, len(data) + 1):
            measurer = Measurer(0)
            for block in (data[:one], data[one:two], b"", data[two:]):
                measurer.feed(block)
            assert measurer.finish(b"") == whole


@pytest.mark.parametrize("data", HOSTILE)
def test_the_first_row_is_the_same_line_wherever_the_cells_are_cut(data: bytes) -> None:
    expected = first_row_line(measures_of(data, plan_of(data, 1 << 20)))
    for cell_bytes in range(3, len(data) + 2):
        for block in (1, 2, 1 << 20):
            assert first_row_line(measures_of(data, plan_of(data, cell_bytes), block)) == expected


def test_a_cell_is_measured_with_one_byte_more_than_its_own() -> None:
    plan = plan_of(b"x" * 10, 4)
    assert [measure_span(plan, cell) for cell in range(3)] == [(0, 5), (4, 9), (8, 10)]


def test_bytes_past_the_span_do_no_harm() -> None:
    data = b"  \r\nab\ncd\n"
    plan = plan_of(data, 3)
    exact = measure_cell([data[:4]], plan=plan, cell=0)
    assert measure_cell([data], plan=plan, cell=0) == exact
    assert measure_cell([data[:3], b"", data[3:]], plan=plan, cell=0) == exact


def test_a_read_that_ends_early_is_never_taken_for_the_end_of_the_cell() -> None:
    plan = plan_of(b"x" * 10, 4)
    with pytest.raises(TransientError, match="1 bytes early"):
        measure_cell([b"xxxx"], plan=plan, cell=0)


def test_first_lines_are_the_sums_of_the_newlines_before() -> None:
    measures = measures_of(b"a\nb\n\ncd", plan_of(b"a\nb\n\ncd", 3))
    assert first_line_numbers(measures) == [1, 2, 4]


def test_a_file_of_blank_lines_has_no_first_row() -> None:
    data = b" \n\r\n  \r"
    assert first_row_line(measures_of(data, plan_of(data, 3))) is None


def test_measures_out_of_order_or_with_a_gap_are_refused() -> None:
    one, two, three = measures_of(b"x" * 9, plan_of(b"x" * 9, 3))
    for wrong in ([two, one, three], [one, three], [two, three]):
        with pytest.raises(ValueError, match="every cell"):
            first_line_numbers(wrong)
        with pytest.raises(ValueError, match="every cell"):
            survey(wrong)


def test_the_digest_of_the_content_covers_every_byte() -> None:
    data = b"abc\ndef\n"
    digest = survey(measures_of(data, plan_of(data, 3))).content
    for index in range(len(data)):
        other = data[:index] + b"!" + data[index + 1 :]
        assert survey(measures_of(other, plan_of(other, 3))).content != digest
    assert survey(measures_of(data + b"x", plan_of(data + b"x", 3))).content != digest


@settings(max_examples=150)
@given(files, st.integers(3, 60), st.sampled_from([1, 3, 4_096]))
def test_measures_agree_with_the_rulings_spelt_out(data: bytes, cell: int, block: int) -> None:
    cell = max(cell, len(data) // 100)
    plan = plan_of(data, cell)
    measures = measures_of(data, plan, block)
    assert first_line_numbers(measures) == [
        1 + data.count(b"\n", 0, start) for start in range(0, max(1, len(data)), cell)
    ]
    spelt_out = naive_scan(data)
    # An over-long line of spaces is rejected, though it holds nothing that is no space.
    rejects = [r.line for r in spelt_out.rejects if r.raw is not None]
    candidates = [*rejects, *(line for line, _ in spelt_out.rows)]
    found = first_row_line(measures)
    overlong = {r.line for r in spelt_out.rejects if r.raw is None}
    assert found in overlong or found == min(candidates, default=None)


# --- what is no text


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("activities.txt", GOOD)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("head", "named"),
    [
        ("a@x||||9".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + "a@x||||9".encode("utf-16-be"), "UTF-16"),
        (b"\xff\xfe", "UTF-16"),
        ("a@x||||9".encode("utf-32"), "UTF-32"),
        (b"\x00\x00\xfe\xff" + "a".encode("utf-32-be"), "UTF-32"),
        (gzip.compress(GOOD), "gzip"),
        (zipped(), "zip"),
        (b"-----BEGIN PGP MESSAGE-----\n\nhQEM", "PGP"),
        (BOM + b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\n", "PGP"),
        (bytes.fromhex("85010c03a1b2c3d4e5f60718"), "PGP"),
        (bytes.fromhex("8402"), None),
        (bytes.fromhex("845e03a1b2c3d4e5f60718"), "PGP"),
        (bytes.fromhex("c1c04c03a1b2c3d4e5f60718"), "PGP"),
        (bytes.fromhex("c15e03a1b2c3d4e5f60718"), "PGP"),
        (bytes.fromhex("8c0d04090302"), "PGP"),
        (bytes.fromhex("c30d04090302"), "PGP"),
        (bytes.fromhex("900d0300"), "PGP"),
        (bytes.fromhex("a302789c"), "PGP"),
        (b"\xa8\x03PGP", "PGP"),
    ],
)
def test_file_not_text(head: bytes, named: str | None) -> None:
    refusal = refuse_not_text(head[:HEAD_BYTES])
    if named is None:
        assert refusal is None
        return
    assert refusal is not None
    assert refusal.code is FileCode.FILE_NOT_TEXT
    assert named in refusal.message


@pytest.mark.parametrize(
    "head", [b"", GOOD, BOM + GOOD, b"PK|||", b"\xe9t\xe9@x||||9", b"\xff", b"-----BEGIN", b"\n\n"]
)
def test_what_may_be_text_is_not_refused(head: bytes) -> None:
    assert refuse_not_text(head) is None


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=20))
def test_text_without_controls_is_never_taken_for_anything_else(text: str) -> None:
    if "-----BEGIN PGP " not in text:
        assert refuse_not_text(text.encode()) is None


def test_file_empty_says_what_to_do() -> None:
    assert FILE_EMPTY.code is FileCode.FILE_EMPTY
    assert "at least one row" in FILE_EMPTY.message
