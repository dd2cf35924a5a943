"""What a submission's figures and status mean."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.codes import FailureCode
from pointflow.domain.submission import (
    CLAIMED,
    COMPLETE,
    NEXT,
    OPEN,
    CellProgress,
    Plan,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    sources,
    unreconciled,
)

REF = SubmissionRef("acme", "activities_acme_20260101000000.txt", "v1")
PLAN = Plan(
    size=250, received_at=100, cell_bytes=100, chunk_rows=500, chunk_bytes=100_000, rulings=1
)
SUBMISSION = Submission(REF, Status.RECEIVED, PLAN, updated_at=100)

counts = st.integers(0, 10**12)
codes = st.dictionaries(st.sampled_from(["COLUMN_COUNT", "MEMBER_NOT_FOUND"]), st.integers(1, 9))
tallies = st.builds(Tally, counts, counts, counts, counts, counts, codes, codes)


def test_a_reference_names_batch_and_object() -> None:
    assert REF.batch == "acme/activities_acme_20260101000000.txt"
    assert REF.key == "inbound/acme/activities_acme_20260101000000.txt"


@pytest.mark.parametrize(
    ("size", "spans"),
    [
        (0, [(0, 0)]),
        (1, [(0, 1)]),
        (100, [(0, 100)]),
        (101, [(0, 100), (100, 101)]),
        (250, [(0, 100), (100, 200), (200, 250)]),
    ],
)
def test_cells_cover_the_object_without_gap_or_overlap(
    size: int, spans: list[tuple[int, int]]
) -> None:
    plan = replace(PLAN, size=size)
    assert [plan.span(cell) for cell in range(plan.cells)] == spans


@pytest.mark.parametrize("status", Status)
def test_sources_are_the_statuses_that_may_be_followed_by_it(status: Status) -> None:
    assert sources(status) == {each for each in NEXT if status in NEXT[each]}


def test_whatever_is_open_can_fail_but_an_undo_and_whatever_is_complete_can_only_be_undone() -> (
    None
):
    assert sources(Status.FAILED) == OPEN - {Status.UNDOING}
    assert {NEXT[status] for status in COMPLETE} == {frozenset({Status.UNDOING})}
    assert NEXT[Status.UNDOING] == {Status.UNDONE}
    assert Status.UNDONE not in NEXT


@pytest.mark.parametrize("status", Status)
def test_only_what_is_decided_to_the_last_line_may_be_undone(status: Status) -> None:
    decided = replace(SUBMISSION, status=status, cells_complete=3)
    assert decided.all_decided is (status in COMPLETE | {Status.FAILED})
    assert not replace(decided, cells_complete=2).all_decided
    assert not replace(decided, superseded_by="somebody").all_decided


@pytest.mark.parametrize("status", Status)
def test_a_submission_is_outstanding_while_work_goes_on(status: Status) -> None:
    assert replace(SUBMISSION, status=status).outstanding is (status in OPEN)


def test_a_submission_is_outstanding_until_its_newest_revision_is_reported() -> None:
    done = replace(SUBMISSION, status=Status.COMPLETED, revision=2, reported_revision=1)
    assert done.outstanding
    assert not replace(done, reported_revision=2).outstanding


@pytest.mark.parametrize("status", Status)
def test_only_what_never_credits_lets_go_of_its_name(status: Status) -> None:
    expected = status in {Status.REFUSED, Status.DISCARDED, Status.FAILED}
    assert replace(SUBMISSION, status=status).frees_name is expected


def test_a_failed_submission_that_may_have_credited_keeps_its_name() -> None:
    failed = replace(SUBMISSION, status=Status.FAILED, crediting_since=120)
    assert not failed.frees_name
    assert not failed.frees_content


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("credited", [0, 1])
def test_what_credited_nothing_and_never_will_lets_go_of_its_content(
    status: Status, credited: int
) -> None:
    done = replace(SUBMISSION, status=status, tally=Tally(rows=1, credited=credited))
    undone = status is Status.UNDONE
    expected = done.frees_name or undone or (status in COMPLETE and not credited)
    assert done.frees_content is expected
    assert done.holds_for_good is (status in COMPLETE and credited == 1)


@pytest.mark.parametrize("status", Status)
def test_only_work_that_was_credited_or_failed_may_complete(status: Status) -> None:
    decided = replace(SUBMISSION, status=status, cells_complete=3)
    assert decided.may_complete is (status in {Status.CREDITING, Status.FAILED})
    assert not replace(decided, cells_complete=2).may_complete
    assert not replace(decided, superseded_by="somebody").may_complete


def test_what_was_claimed_is_what_may_be_parsed_and_after() -> None:
    assert sources(Status.CREDITING) | COMPLETE | {Status.CREDITING, Status.FAILED} == CLAIMED


@given(tallies, tallies)
def test_tallies_add_up_field_by_field(one: Tally, other: Tally) -> None:
    both = one + other
    assert both == other + one
    assert both.rows == one.rows + other.rows
    assert both.points == one.points + other.points
    for code in {*one.codes, *other.codes}:
        assert both.codes[code] == one.codes.get(code, 0) + other.codes.get(code, 0)


@given(tallies)
def test_adding_nothing_changes_nothing(tally: Tally) -> None:
    assert tally + Tally() == tally


def test_a_tally_reconciles_when_every_row_is_decided_once() -> None:
    assert Tally(rows=3, credited=2, rejected=1).reconciles
    assert not Tally(rows=3, credited=2).reconciles
    assert not Tally(rows=3, credited=2, rejected=2).reconciles


def test_the_status_at_the_end_tells_whether_rows_were_rejected() -> None:
    assert Tally(rows=1, credited=1).final_status is Status.COMPLETED
    assert Tally(rows=1, rejected=1).final_status is Status.COMPLETED_WITH_REJECTS
    assert Tally().final_status is Status.COMPLETED


def test_figures_that_do_not_reconcile_are_told_with_the_figures() -> None:
    failure = unreconciled(Tally(rows=5, credited=3, rejected=1))
    assert failure.code is FailureCode.COUNTERS_DO_NOT_RECONCILE
    assert failure.message == "5 rows were read, but 3 credited and 1 rejected"


@pytest.mark.parametrize(
    ("chunks", "outcomes", "settled"),
    [(None, 0, False), (None, 3, False), (0, 0, True), (2, 1, False), (2, 2, True)],
)
def test_a_cell_is_settled_once_closed_with_every_outcome_there(
    chunks: int | None, outcomes: int, settled: bool
) -> None:
    assert CellProgress(chunks, outcomes, Tally()).settled is settled
