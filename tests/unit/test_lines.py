import tracemalloc
from itertools import chain, repeat

from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.lines import LONGEST_LINE, WholeLines, whole_lines
from tests.unit.parsing import blocks_of, files


def texts(blocks: list[bytes]) -> list[bytes | None]:
    return [lines.text for lines in whole_lines(blocks)]


def test_a_line_that_lies_in_two_blocks_is_put_together() -> None:
    assert list(whole_lines([b"ab\nc", b"d\ne", b"\n"], 7)) == [
        WholeLines(7, b"ab\n"),
        WholeLines(10, b"cd\n"),
        WholeLines(13, b"e\n"),
    ]


def test_a_newline_at_the_very_end_opens_no_further_line() -> None:
    assert texts([b"a\n", b""]) == [b"a\n"]


def test_the_last_line_may_lack_its_newline() -> None:
    assert texts([b"a\nb", b"c"]) == [b"a\n", b"bc"]


def test_nothing_but_lf_ends_a_line() -> None:
    text = b"a\rb\x0b\x0c\x1c\x1d\x1e\x85" + "\u2028\u2029\u0085".encode()
    assert texts([text, text + b"\nz"]) == [text * 2 + b"\n", b"z"]


def test_the_longest_line_is_kept_and_a_longer_one_is_dropped_once_that_is_certain() -> None:
    longest = b"x" * LONGEST_LINE
    assert texts([longest, b"\n"]) == [longest + b"\n"]
    assert texts([longest, b"x", b"y" * 9, b"\nafter\n"]) == [None, b"after\n"]
    assert texts([longest, b"x"]) == [None]


def test_the_line_after_a_dropped_one_starts_where_it_does_in_the_file() -> None:
    assert list(whole_lines([b"x" * 5_000, b"yy\nab", b"c"], 100)) == [
        WholeLines(100, None),
        WholeLines(5_103, b"abc"),
    ]


def test_a_line_of_any_length_takes_constant_memory() -> None:
    block = bytes(10_000)
    tracemalloc.start()
    try:
        found = list(whole_lines(chain(repeat(block, 500), [b"\nafter"]), 1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [WholeLines(1, None), WholeLines(1 + 5_000_000 + 1, b"after")]
    assert peak < 100_000


@given(files, st.integers(1, 5_000))
def test_wherever_the_stream_is_cut_every_short_line_comes_through_whole(
    data: bytes, size: int
) -> None:
    position = 0
    for start, text in whole_lines(blocks_of(data, size)):
        assert start == position
        assert text != b""
        end = data.index(b"\n", start) + 1 if text is None and b"\n" in data[start:] else len(data)
        position = end if text is None else start + len(text)
        if text is None:
            assert position - start > LONGEST_LINE
        else:
            assert text == data[start:position]
            assert text.endswith(b"\n") or position == len(data)
    assert position == len(data)
