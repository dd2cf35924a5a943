import tracemalloc
from itertools import chain, repeat

from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.lines import BOM, Line, split_lines
from tests.unit.parsing import blocks_of, files


def lines(data: bytes, offset: int = 100) -> list[Line]:
    return list(split_lines([data], 1, offset))


def raws(data: bytes, offset: int = 100) -> list[bytes | None]:
    return [line.raw for line in lines(data, offset)]


def test_lines_carry_their_number_and_where_they_start() -> None:
    assert lines(b"ab\n\nc", offset=0) == [Line(1, 0, b"ab"), Line(2, 3, b""), Line(3, 4, b"c")]


def test_a_stream_that_starts_within_the_file_keeps_the_files_numbers_and_offsets() -> None:
    assert list(split_lines([b"a\nb"], 41, 1000)) == [Line(41, 1000, b"a"), Line(42, 1002, b"b")]


def test_a_newline_at_the_very_end_opens_no_further_line() -> None:
    assert raws(b"a\n") == [b"a"]


def test_nothing_but_lf_ends_a_line() -> None:
    text = b"a\rb\x0b\x0c\x1c\x1d\x1e\x85" + "\u2028\u2029\u0085".encode()
    assert raws(text + b"\nz") == [text, b"z"]


def test_the_cr_of_a_crlf_stays_with_its_line() -> None:
    assert raws(b"a\r\nb\r") == [b"a\r", b"b\r"]


def test_a_line_of_4096_bytes_is_kept_whichever_way_it_ends() -> None:
    line = b"x" * 4_096
    assert raws(line + b"\n" + line + b"\r\n" + line + b"\r") == [line, line + b"\r", line + b"\r"]


def test_a_line_of_4097_bytes_is_not_kept_and_the_next_one_is() -> None:
    assert raws(b"x" * 4_097 + b"\nnext") == [None, b"next"]


def test_a_cr_at_byte_4097_is_part_of_the_line_unless_it_ends_it() -> None:
    assert raws(b"x" * 4_096 + b"\ry\n") == [None]


def test_a_byte_order_mark_at_the_start_of_the_file_is_no_part_of_line_1() -> None:
    assert lines(BOM + b"a\nb", offset=0) == [Line(1, 0, b"a"), Line(2, 5, b"b")]
    assert raws(BOM + b"x" * 4_096 + b"\r\n", offset=0) == [b"x" * 4_096 + b"\r"]


def test_a_byte_order_mark_elsewhere_is_content() -> None:
    assert raws(b"a\n" + BOM + b"b", offset=0) == [b"a", BOM + b"b"]
    assert raws(BOM + b"a", offset=3) == [BOM + b"a"]


def test_a_line_of_any_length_takes_constant_memory() -> None:
    block = bytes(10_000)
    tracemalloc.start()
    try:
        found = list(split_lines(chain(repeat(block, 500), [b"\nafter"]), 1, 1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [Line(1, 1, None), Line(2, 1 + 5_000_000 + 1, b"after")]
    assert peak < 100_000


@given(files, st.integers(1, 5_000))
def test_where_the_stream_is_cut_makes_no_difference(data: bytes, size: int) -> None:
    assert list(split_lines(blocks_of(data, size), 1)) == list(split_lines([data], 1))


@given(files)
def test_the_offsets_are_those_of_the_bytes_after_each_lf(data: bytes) -> None:
    starts = [0, *(i + 1 for i, byte in enumerate(data) if byte == 10 and i + 1 < len(data))]
    assert [line.offset for line in split_lines([data], 1)] == (starts if data else [])
