"""Undo and dry runs over the real adapters: cut off anywhere, and everything adds up."""

from __future__ import annotations

import pytest

from pointflow.domain.activity import Activity
from pointflow.domain.member import Member
from pointflow.domain.submission import Status, SubmissionRef, Undone
from tests.fakes.faults import Faults, When, every_fault
from tests.fakes.programme import CLIENT, Programme, name_of

VISIT = Activity(CLIENT, 7, default_points=50)
ROWS = ["a@x||||7|10", "b@x||||7|20", "nobody@x||||7", "bad row", "a@x|||b|7|5", "a@x||||7"]
OPENING = {1: 1_000, 2: 0}


def credited() -> Programme:
    """A file of several cells and chunks is credited."""
    programme = Programme()
    programme.fill(
        [
            Member(CLIENT, 1, email="a@x", balance=1_000),
            Member(CLIENT, 2, email="b@x", username="b"),
        ],
        [VISIT],
    )
    programme.upload(ROWS)
    programme.run()
    assert balances(programme) == {1: 1_065, 2: 20}
    return programme


def balances(programme: Programme) -> dict[int, int]:
    return {user_id: programme.balance(user_id) for user_id in OPENING}


def check_undone(programme: Programme) -> None:
    undone = programme.submission()
    assert (undone.status, undone.undone) == (Status.UNDONE, Undone(4, 85))
    assert (undone.revision, undone.reported_revision) == (2, 2)
    assert balances(programme) == OPENING
    found = programme.verify()
    assert (found.drifts, found.errors) == ((), ())


def test_after_an_undo_every_balance_and_counter_equals_its_entries() -> None:
    programme = credited()
    programme.undo()
    programme.run()

    check_undone(programme)


def test_an_account_that_is_gone_is_taken_back_from_in_the_ledger_alone() -> None:
    programme = credited()
    del programme.dynamodb.tables["MembersTable"][f"{CLIENT}#M#2"]
    programme.undo()
    programme.run()

    undone = programme.submission()
    assert (undone.status, undone.undone) == (Status.UNDONE, Undone(4, 85))
    assert programme.balance(1) == OPENING[1]
    found = programme.verify()
    assert (found.drifts, found.errors) == ((), ())
    assert found.round_.members == 1

    # Should it come back empty, its entries still add up to what it has.
    programme.fill([Member(CLIENT, 2, email="b@x", username="b")], [])
    again = programme.verify()
    assert (again.drifts, again.round_.members) == ((), 2)


def test_a_credit_that_was_not_taken_back_is_found_in_an_undone_batch() -> None:
    programme = credited()
    programme.undo()
    programme.run()
    del programme.dynamodb.tables["LedgerTable"][f"{CLIENT}/{name_of()}/1/undo"]

    found = {
        (drift.name, drift.counter, drift.recorded, drift.found)
        for drift in programme.verify().drifts
    }

    assert found == {
        ("1", "balance", 1_000, 1_010),
        ("1", "lifetime", 1_000, 1_010),
        (name_of(), "undone rows", 2, 1),
        (name_of(), "undone points", 30, 20),
    }


def test_an_undo_counter_changed_by_hand_is_found() -> None:
    programme = credited()
    programme.undo()
    programme.run()
    (upload,) = (
        item
        for (_, sk), item in programme.dynamodb.tables["BatchesTable"].items()
        if sk.startswith("UPLOAD#")
    )
    upload["points_undone"] = {"N": "84"}

    (drift,) = programme.verify().drifts

    assert (drift.counter, drift.recorded, drift.found) == ("undone points", 84, 85)
    assert (drift.place, drift.name) == ("", name_of())


def calls_of_an_undo() -> int:
    programme = credited()
    programme.undo()
    faults = Faults()
    programme.run(faults)
    return len(faults.calls)


CALLS = calls_of_an_undo()


@pytest.mark.parametrize(("position", "when"), list(every_fault(CALLS)))
def test_an_undo_whose_worker_dies_at_any_call_ends_the_same(position: int, when: When) -> None:
    programme = credited()
    programme.undo()
    programme.run(Faults(position, when))

    check_undone(programme)


@pytest.mark.parametrize("position", range(0, CALLS, 3))
def test_an_answer_that_is_lost_anywhere_changes_nothing(position: int) -> None:
    programme = credited()
    programme.undo()
    programme.run(Faults(position, "after", TimeoutError("no answer")))

    check_undone(programme)


def test_a_dry_run_leaves_nothing_that_does_not_add_up_and_no_entry() -> None:
    programme = credited()
    entries = dict(programme.dynamodb.tables["LedgerTable"])
    programme.upload(ROWS[:5], name_of(2), dry_run=True)
    programme.run()

    dry = programme.store.get(SubmissionRef(CLIENT, name_of(2), "v1", dry_run=True))
    assert dry is not None
    assert (dry.status, dry.tally.credited) == (Status.COMPLETED_WITH_REJECTS, 3)
    assert dry.reported_revision == 1
    assert programme.dynamodb.tables["LedgerTable"] == entries
    found = programme.verify()
    assert (found.drifts, found.errors) == ((), ())
    assert list(programme.store.open_since(10**12)) == []


def test_what_a_dry_run_foretells_is_read_back_as_it_was_written() -> None:
    programme = credited()
    programme.upload(ROWS, name_of(2), dry_run=True)
    programme.run()

    ref = SubmissionRef(CLIENT, name_of(2), "v1", dry_run=True)
    dry = programme.store.get(ref)
    assert dry is not None
    assert dry.twin == f"{CLIENT}/{name_of()}"  # would be held
    outcomes = [
        outcome for cell in range(dry.plan.cells) for outcome in programme.store.outcomes(ref, cell)
    ]
    forecasts = [outcome.forecast for outcome in outcomes if outcome.forecast]
    assert len(forecasts) == len(outcomes)
    total = sum(forecasts[1:], start=forecasts[0])
    assert (total.rows, dict(total.carried)) == (5, {"EMAIL": 5, "USERNAME": 1})
    assert (dict(total.known), dict(total.matched)) == ({"EMAIL": 4, "USERNAME": 1}, {"EMAIL": 4})
    assert {each: (granted.rows, granted.points) for each, granted in total.activities.items()} == {
        7: (4, 85)
    }


def test_a_dry_run_claims_neither_name_nor_content() -> None:
    programme = credited()
    programme.upload(ROWS[:2], name_of(3), dry_run=True)
    programme.run()
    programme.upload(ROWS[:2], name_of(3))
    programme.upload(ROWS[:2], name_of(4), dry_run=True)
    programme.run()

    assert programme.submission(name_of(3)).status is Status.COMPLETED
    assert [each.ref.file_name for each in programme.store.listing(CLIENT)] == [
        name_of(3),
        name_of(),
    ]
    assert balances(programme) == {1: 1_075, 2: 40}
