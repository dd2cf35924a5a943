from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointflow.domain.batch_row import RejectedRow, Row
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import BOM
from pointflow.domain.packer import Packer
from pointflow.domain.packing import BlankLines, PackedRows, scan_cell, scan_span
from pointflow.domain.submission import Tally
from tests.unit.parsing import GOOD, Scan, files, lines_of, naive_scan, parse, plan_of, scan


def add(packer: Packer, line: int, *rows: bytes, nulls: int = 0) -> tuple[PackedRows, ...]:
    return packer.add(line, len(rows), b"".join(row + b"\n" for row in rows), nulls)


def pack(
    raws: list[bytes], chunk_rows: int = 500, chunk_bytes: int = 100_000, run: int = 500
) -> list[PackedRows]:
    """Pack rows that come `run` at a time."""
    packer = Packer(chunk_rows, chunk_bytes)
    groups = [
        group
        for start in range(0, len(raws), run)
        for group in add(packer, start + 1, *raws[start : start + run])
    ]
    rest = packer.flush()
    return groups if rest is None else [*groups, rest]


def same(one: Scan, other: Scan) -> bool:
    return (one.rows, one.rejects, one.blank, one.nulls) == (
        other.rows,
        other.rejects,
        other.blank,
        other.nulls,
    )


def test_rows_are_grouped_up_to_the_row_limit() -> None:
    assert [group.row_count for group in pack([GOOD] * 7, chunk_rows=3)] == [3, 3, 1]


def test_rows_are_grouped_up_to_the_byte_limit_line_ends_included() -> None:
    rows = [b"12345", b"1234", b"1"]
    assert [group.rows for group in pack(rows, chunk_bytes=11)] == [b"12345\n1234\n", b"1\n"]
    assert [group.rows for group in pack(rows, chunk_bytes=10)] == [b"12345\n", b"1234\n1\n"]


def test_a_single_row_over_the_byte_limit_travels_alone() -> None:
    assert [group.rows for group in pack([b"1", b"123456789", b"2"], chunk_bytes=4)] == [
        b"1\n",
        b"123456789\n",
        b"2\n",
    ]


def test_a_group_is_handed_out_only_when_a_row_comes_that_has_no_room() -> None:
    packer = Packer(2, 100_000)
    assert not add(packer, 1, GOOD, GOOD)
    assert [group.row_count for group in add(packer, 3, GOOD)] == [2]


@given(
    st.lists(st.integers(0, 12).map(lambda length: b"x" * length), max_size=30),
    st.integers(1, 6),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_rows_are_grouped_alike_whether_they_come_together_or_one_by_one(
    raws: list[bytes], chunk_rows: int, chunk_bytes: int, run: int
) -> None:
    alone = pack(raws, chunk_rows, chunk_bytes, run=1)
    assert pack(raws, chunk_rows, chunk_bytes, run) == alone
    assert b"".join(group.rows for group in alone) == b"".join(raw + b"\n" for raw in raws)


def test_no_rows_make_no_group() -> None:
    assert pack([]) == []


def test_a_group_names_the_lines_of_its_rows() -> None:
    packer = Packer(500, 100_000)
    for line in (3, 4, 5, 9, 11, 12):
        add(packer, line, GOOD)
    packed = packer.flush()
    assert packed is not None
    assert packed.segments == ((3, 3), (9, 1), (11, 2))


def test_a_row_that_repeats_an_earlier_one_of_its_group_is_counted() -> None:
    assert [group.duplicates for group in pack([b"a", b"b", b"a", b"a"])] == [2]
    assert [group.duplicates for group in pack([b"a", b"b", b"a", b"a"], chunk_rows=3)] == [1, 0]


def test_the_tally_of_a_group_holds_its_rows_and_the_warnings_there_are() -> None:
    packer = Packer(500, 100_000)
    add(packer, 1, GOOD, nulls=2)
    add(packer, 2, GOOD)
    packed = packer.flush()
    assert packed is not None
    assert packed.tally == Tally(rows=2, warnings={"NULL_LITERAL": 2})
    assert pack([GOOD])[0].tally == Tally(rows=1)


def test_a_scan_yields_rows_rejects_and_blanks_with_their_physical_lines() -> None:
    found = scan(b"\n" + GOOD + b"\r\n  \nbad\n\n" + GOOD)
    assert found.rows == [(2, GOOD + b"\r"), (6, GOOD)]
    assert [(reject.line, reject.raw, reject.code) for reject in found.rejects] == [
        (4, b"bad", RowCode.COLUMN_COUNT)
    ]
    assert found.blank == 3


def test_events_come_in_the_order_of_the_file() -> None:
    data = b"\n\nbad\n" + GOOD + b"\n\nworse\n"
    events = list(
        scan_cell([data], plan=plan_of(data, 1 << 20), cell=0, first_line=1, first_row_line=3)
    )
    assert [type(event) for event in events] == [
        BlankLines,
        RejectedRow,
        BlankLines,
        RejectedRow,
        PackedRows,
    ]
    assert events[0] == BlankLines(2)


def test_a_rejected_row_keeps_its_bytes_as_sent_and_an_endless_one_none() -> None:
    found = scan(b"bad\r\n" + b"x" * 5_000 + b"\n")
    assert [(reject.raw, reject.code) for reject in found.rejects] == [
        (b"bad\r", RowCode.COLUMN_COUNT),
        (None, RowCode.LINE_TOO_LONG),
    ]


def test_a_header_is_known_only_in_the_files_first_row_whatever_cell_that_is_in() -> None:
    header = b"EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID"
    data = b"\n" * 50 + header + b"\n" + header + b"\n"
    for cell_bytes in (7, 50, 51, 1_000):
        assert [reject.code for reject in scan(data, cell_bytes).rejects] == [
            RowCode.HEADER_ROW,
            RowCode.CT_USER_ID_INVALID,
        ]


def test_a_file_of_nothing_yields_nothing() -> None:
    assert same(scan(b""), Scan())


def test_a_line_that_fills_several_cells_is_told_once() -> None:
    data = GOOD + b"\n" + b"x" * 20_000 + b"\n" + GOOD
    found = scan(data, cell_bytes=5_000)
    assert found.rows == [(1, GOOD), (3, GOOD)]
    assert [reject.line for reject in found.rejects] == [2]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r", b""])
@pytest.mark.parametrize("bom", [b"", BOM])
def test_the_span_of_a_cell_reaches_the_end_of_the_longest_line(
    line_end: bytes, bom: bytes
) -> None:
    longest = GOOD.replace(b"ann", b" " * (4_096 - len(GOOD)) + b"ann", 1)
    more = b"" if line_end in (b"", b"\r") else b"bad"
    data = bom + longest + line_end + more
    for cell_bytes in (3, 4, len(data) - 1):
        assert scan(data, cell_bytes).rows == [(1, longest + line_end.removesuffix(b"\n"))]


def test_a_line_at_the_edge_belongs_to_the_cell_in_which_it_starts() -> None:
    data = GOOD + b"\n" + GOOD + b"\n"
    edge = len(GOOD) + 1
    for cell_bytes in (edge - 1, edge, edge + 1):
        plan = plan_of(data, cell_bytes)
        start, end = scan_span(plan, 1)
        line = 1 if cell_bytes < edge else 2
        rows = [
            lines_of(event)
            for event in scan_cell(
                [data[start:end]], plan=plan, cell=1, first_line=line, first_row_line=1
            )
            if isinstance(event, PackedRows)
        ]
        assert rows == ([[2]] if cell_bytes <= edge else [])


def test_bytes_past_the_span_do_no_harm() -> None:
    data = (GOOD + b"\n") * 400
    plan = plan_of(data, 100)
    start, end = scan_span(plan, 1)
    assert end < len(data)

    def cell_from(blocks: list[bytes]) -> list[object]:
        return list(scan_cell(blocks, plan=plan, cell=1, first_line=5, first_row_line=1))

    assert cell_from([data[start:]]) == cell_from([data[start:end]])


def test_a_read_that_ends_early_is_never_taken_for_the_end_of_the_file() -> None:
    data = (GOOD + b"\n") * 10
    plan = plan_of(data, 1 << 20)
    with pytest.raises(TransientError, match="5 bytes early"):
        list(scan_cell([data[:-5]], plan=plan, cell=0, first_line=1, first_row_line=1))


@settings(max_examples=150)
@given(files, st.sampled_from([1, 2, 7, 4_096, 1 << 20]))
def test_one_cell_agrees_with_the_rulings_spelt_out(data: bytes, block: int) -> None:
    assert same(scan(data, block=block), naive_scan(data))


@settings(max_examples=200)
@given(files, st.one_of(st.integers(3, 200), st.integers(3, 10_000)))
def test_the_size_of_a_cell_changes_nothing_that_is_found(data: bytes, cell_bytes: int) -> None:
    # Few but very small cells are as hostile as many, and much quicker.
    cell_bytes = max(cell_bytes, len(data) // 200)
    assert same(scan(data, cell_bytes), scan(data))


@given(files, st.integers(1, 4), st.integers(40, 9_000))
def test_every_group_keeps_to_its_limits_and_parses_again_to_the_same_rows(
    data: bytes, chunk_rows: int, chunk_bytes: int
) -> None:
    plan = plan_of(data, 1 << 20, chunk_rows, chunk_bytes)
    events = scan_cell([data], plan=plan, cell=0, first_line=1, first_row_line=1)
    groups = [event for event in events if isinstance(event, PackedRows)]
    for group in groups:
        rows = group.rows.split(b"\n")[:-1]
        assert len(rows) == group.row_count <= chunk_rows
        assert len(group.rows) <= chunk_bytes or len(rows) == 1
        parsed = [parse(raw) for raw in rows]
        assert group.nulls == sum(row.nulls for row in parsed if isinstance(row, Row))
        assert all(isinstance(row, Row) for row in parsed)
    numbers = [line for group in groups for line in lines_of(group)]
    assert all(one < next_one for one, next_one in pairwise(numbers))
