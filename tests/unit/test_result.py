"""The result document of a revision, and which lines of a failed batch it says to leave alone."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.result import (
    Findings,
    WrittenResult,
    encode_result,
    read_result,
    result_keys,
)
from pointflow.domain.submission import (
    Failure,
    Plan,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    Undone,
)
from pointflow.domain.undecided import MOST_RANGES, CellLines, LineRange, UndecidedLines

REF = SubmissionRef("acme", "activities_acme_20260101000000.txt", "v1")
DONE = Submission(
    REF,
    Status.COMPLETED_WITH_REJECTS,
    Plan(100, 1_767_225_600, 64, 500, 100_000, 1),
    updated_at=1_767_225_700,
    finished_at=1_767_225_660,
    revision=1,
)
TALLY = Tally(
    rows=5,
    blank=1,
    credited=3,
    rejected=2,
    points=450,
    codes={"MEMBER_NOT_FOUND": 1, "COLUMN_COUNT": 1},
    warnings={"NULL_LITERAL": 4},
)


def test_the_result_tells_the_counts_the_times_and_where_the_rejects_are() -> None:
    findings = Findings(TALLY, rejected_key="outbound/acme/r.txt", errors_key="outbound/acme/e.csv")

    assert json.loads(encode_result(DONE, findings)) == {
        "file": "activities_acme_20260101000000.txt",
        "client_id": "acme",
        "submission": "v1",
        "status": "COMPLETED_WITH_REJECTS",
        "revision": 1,
        "received_at": "2026-01-01T00:00:00Z",
        "finished_at": "2026-01-01T00:01:00Z",
        "rows": 5,
        "blank": 1,
        "credited": 3,
        "rejected": 2,
        "points": 450,
        "counts": {"COLUMN_COUNT": 1, "MEMBER_NOT_FOUND": 1},
        "warnings": {"NULL_LITERAL": 4},
        "refusal": None,
        "failure": None,
        "held_for": None,
        "duplicate_of": None,
        "undone": None,
        "undecided": [],
        "files": {"rejected": "outbound/acme/r.txt", "errors": "outbound/acme/e.csv"},
    }


@pytest.mark.parametrize("errors_key", [None, "outbound/acme/e.csv"])
def test_a_result_tells_whose_it_is(errors_key: str | None) -> None:
    written = encode_result(DONE, Findings(TALLY, errors_key=errors_key))

    assert read_result(written) == WrittenResult("v1", 1, names_files=errors_key is not None)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b'{"submission": "v1", "files": 1}'])
def test_what_is_no_result_is_nobodys(body: bytes) -> None:
    assert read_result(body) is None


def test_the_same_record_makes_the_same_bytes_whatever_order_its_counts_were_added_in() -> None:
    turned = replace(TALLY, codes=dict(sorted(TALLY.codes.items())))

    assert encode_result(DONE, Findings(TALLY)) == encode_result(DONE, Findings(turned))


def test_a_refusal_and_a_failure_come_with_their_words() -> None:
    refused = replace(
        DONE, status=Status.REFUSED, refusal=Refusal(FileCode.FILE_NOT_TEXT, "is gzip")
    )
    failed = replace(
        DONE, status=Status.FAILED, failure=Failure(FailureCode.OBJECT_UNREADABLE, "gone")
    )

    assert json.loads(encode_result(refused, Findings(Tally())))["refusal"] == {
        "code": "FILE_NOT_TEXT",
        "message": "is gzip",
    }
    assert json.loads(encode_result(failed, Findings(Tally())))["failure"] == {
        "code": "OBJECT_UNREADABLE",
        "message": "gone",
    }


@pytest.mark.parametrize(
    ("status", "twin", "held_for", "duplicate_of"),
    [
        (Status.HELD, "acme/other.txt", "acme/other.txt", None),
        (Status.COMPLETED, "acme/other.txt", "acme/other.txt", None),
        (Status.DUPLICATE, "v0", None, "v0"),
    ],
)
def test_a_twin_is_the_batch_a_file_was_held_for_or_the_version_it_repeats(
    status: Status, twin: str, held_for: str | None, duplicate_of: str | None
) -> None:
    result = json.loads(encode_result(replace(DONE, status=status, twin=twin), Findings(Tally())))

    assert (result["held_for"], result["duplicate_of"]) == (held_for, duplicate_of)


def test_a_result_of_an_undone_batch_tells_what_was_taken_back() -> None:
    undone = replace(DONE, status=Status.UNDONE, undone=Undone(4, 90))
    result = json.loads(encode_result(undone, Findings(DONE.tally)))

    assert result["undone"] == {"rows": 4, "points": 90}
    assert (result["credited"], result["points"]) == (DONE.tally.credited, DONE.tally.points)


def test_only_whoever_holds_the_name_writes_under_the_plain_names() -> None:
    owner, other = result_keys(REF, holds_name=True), result_keys(REF, holds_name=False)

    stem = "outbound/acme/activities_acme_20260101000000"
    assert (owner.result, owner.rejected, owner.errors) == (
        f"{stem}_result.json",
        f"{stem}_rejected.txt",
        f"{stem}_errors.csv",
    )
    assert (other.result, other.rejected, other.errors) == (
        f"{stem}_result.v1.json",
        f"{stem}_rejected.v1.txt",
        f"{stem}_errors.v1.csv",
    )


def undecided(cells: list[CellLines], last_line: int) -> tuple[LineRange, ...]:
    lines = UndecidedLines()
    for cell in cells:
        lines.pass_cell(cell)
    return lines.ranges(last_line)


def test_what_no_outcome_and_no_reject_covers_is_undecided() -> None:
    cell = CellLines(1, 21, settled=False, decided=[(3, 5), (4, 4), (9, 9), (12, 18)])

    assert undecided([cell], 20) == ((1, 2), (6, 8), (10, 11), (19, 20))


def test_a_settled_cell_has_nothing_undecided_though_blank_lines_are_in_no_range() -> None:
    cells = [CellLines(1, 11, True, [(2, 4), (7, 8)]), CellLines(11, 21, True, [(13, 20)])]

    assert undecided(cells, 20) == ()


def test_a_gap_ends_where_the_next_settled_cell_begins() -> None:
    cells = [CellLines(1, 11, False, [(1, 5)]), CellLines(11, 21, True, [(11, 20)])]

    assert undecided(cells, 20) == ((6, 10),)


def test_a_line_that_spans_two_cells_stays_with_the_cell_it_starts_in() -> None:
    # Line 11 holds the second cell's first byte, but began in the first one, whose chunk is lost.
    cells = [CellLines(1, 11, False, [(1, 5)]), CellLines(11, 21, True, [(12, 20)])]

    assert undecided(cells, 20) == ((6, 11),)


def test_a_gap_runs_on_through_an_unsettled_cell() -> None:
    cells = [
        CellLines(1, 11, True, [(1, 11)]),
        CellLines(11, 21, False),
        CellLines(21, 31, False, [(25, 30)]),
    ]

    assert undecided(cells, 30) == ((12, 24),)


def test_more_ranges_than_a_result_may_hold_are_folded_into_the_last() -> None:
    every_second = [(line, line) for line in range(2, 4 * MOST_RANGES, 2)]

    ranges = undecided([CellLines(1, 1, False, every_second)], 4 * MOST_RANGES)

    assert len(ranges) == MOST_RANGES
    assert ranges[0] == (1, 1)
    assert ranges[-1] == (2 * MOST_RANGES - 1, 4 * MOST_RANGES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["decided", "lost", "blank"]), st.integers(min_value=1, max_value=4)
        ),
        max_size=30,
    ),
    st.integers(min_value=1, max_value=5),
)
def test_no_undecided_line_is_ever_left_out_and_no_decided_one_named(
    runs: list[tuple[str, int]], cell_lines: int
) -> None:
    fate = [kind for kind, length in runs for _ in range(length)]
    cells = []
    for start in range(0, len(fate), cell_lines):
        here = list(enumerate(fate[start : start + cell_lines], start=start + 1))
        spans = [(line, line) for line, kind in here if kind == "decided"]
        settled = all(kind != "lost" for _, kind in here)
        cells.append(CellLines(start + 1, start + len(here) + 1, settled, spans))

    named = {line for first, last in undecided(cells, len(fate)) for line in range(first, last + 1)}

    assert {line for line, kind in enumerate(fate, start=1) if kind == "lost"} <= named
    assert not named & {line for line, kind in enumerate(fate, start=1) if kind == "decided"}
