"""Taking a batch's credits back, cut off anywhere and however often delivered."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pointflow.domain.errors import (
    ConflictError,
    ContentionError,
    CounterMismatchError,
    MessageInvalidError,
    NotFoundError,
)
from pointflow.domain.ledger import Decision, account_change
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Status, SubmissionRef, Undone
from pointflow.domain.undo import UndoCells, UndoChunk, UndoMessage
from pointflow.services.undo_submission import undo_submission
from tests.fakes.faults import Faults, When, WorkerKilled, every_fault
from tests.unit.undo_world import (
    ANN,
    BEFORE,
    BOB,
    CONTENT,
    CREDITED,
    NAME,
    NOW,
    REF,
    UNDONE,
    UndoWorld,
)


@pytest.fixture
def world() -> UndoWorld:
    world = UndoWorld()
    assert world.accounts == CREDITED
    assert world.submission.status is Status.COMPLETED_WITH_REJECTS
    return world


def undone_whole(world: UndoWorld) -> None:
    """Everything is as it should be after an undo."""
    assert world.accounts == BEFORE
    assert (world.submission.status, world.submission.undone) == (Status.UNDONE, UNDONE)
    assert world.submission.revision == 2
    credits_ = world.entries(Decision.CREDITED)
    assert set(world.entries(Decision.UNDONE)) == {f"{identity}/undo" for identity in credits_}
    for entries in (credits_, world.entries(Decision.UNDONE)):
        assert len(entries) == UNDONE.rows


def test_every_credit_is_taken_back_once_and_the_report_is_asked_for(world: UndoWorld) -> None:
    assert world.start().status is Status.UNDOING

    world.drain()

    undone_whole(world)
    assert set(world.reports.requested) == {ReportRequest(REF, 2)}


def test_an_entry_that_takes_back_tells_of_the_credit_it_belongs_to(world: UndoWorld) -> None:
    world.start()
    world.drain()

    credit = world.ledger.entries[f"acme/{NAME}/1"]
    back = world.ledger.entries[f"acme/{NAME}/1/undo"]
    assert (back.user_id, back.activity_id, back.activity_at) == (1, 7, credit.activity_at)
    assert (back.points, back.recorded_at, back.content) == (-50, NOW + 200, CONTENT)
    assert account_change([credit, back]) == account_change([])


def test_a_balance_that_was_spent_goes_below_zero(world: UndoWorld) -> None:
    spent = account_change([world.ledger.entries[f"acme/{NAME}/1"].taken_back(NOW)])
    world.members.change("acme", 2, spent)
    world.start()
    world.drain()

    assert world.accounts[2] == (-50, -50)


def test_an_inactive_members_points_are_taken_back_too(world: UndoWorld) -> None:
    world.make_inactive(BOB)
    world.start()
    world.drain()

    undone_whole(world)


def test_of_an_account_that_is_gone_only_the_entries_are_set_right(world: UndoWorld) -> None:
    world.members.remove("acme", ANN.user_id)
    world.start()
    world.drain()

    assert world.submission.status is Status.UNDONE
    assert len(world.entries(Decision.UNDONE)) == UNDONE.rows
    assert world.accounts == {2: BEFORE[2]}


def test_every_message_twice_and_in_any_order_changes_nothing_more(world: UndoWorld) -> None:
    order = random.Random(7)  # noqa: S311 - an order, no secret
    world.start()
    while messages := world.undos.take():
        twice = [*messages, *messages]
        order.shuffle(twice)
        for message in twice:
            world.run(message)

    undone_whole(world)


def test_asking_again_while_it_goes_on_sends_what_is_left(world: UndoWorld) -> None:
    world.start()
    world.undos.take()  # lost

    assert world.start(at=NOW + 150).undoing_since == NOW + 100
    world.drain()

    undone_whole(world)


@pytest.mark.parametrize(("position", "when"), list(every_fault(3)))
def test_a_start_that_is_cut_off_can_be_repeated(
    world: UndoWorld, position: int, when: When
) -> None:
    with pytest.raises(WorkerKilled):
        world.start(Faults(position, when))

    world.start()
    world.drain()

    undone_whole(world)


def calls_of(message_at: int) -> int:
    """How many calls the handling of a message makes."""
    world = UndoWorld()
    world.start()
    faults = Faults()
    for message in _messages(world)[message_at:]:
        world.run(message, faults)
        break
    return len(faults.calls)


def _messages(world: UndoWorld) -> list[UndoMessage]:
    """Both slices of a cell, then every chunk."""
    (whole,) = world.undos.take()
    world.run(whole)
    cells = world.undos.take()
    for cell in cells:
        world.run(cell)
    return [whole, *cells, *world.undos.take()]


@pytest.mark.parametrize("message_at", range(6))
def test_a_worker_killed_at_any_call_is_made_good_by_the_next_delivery(message_at: int) -> None:
    for position, when in every_fault(calls_of(message_at)):
        world = UndoWorld()
        world.start()
        messages = _messages(world)
        with pytest.raises(WorkerKilled):
            world.run(messages[message_at], Faults(position, when))

        for message in messages:
            world.run(message)
        world.drain()

        undone_whole(world)


def test_a_row_that_dies_between_others_is_taken_back_by_the_next_delivery(
    world: UndoWorld,
) -> None:
    world.start()
    messages = _messages(world)
    world.ledger.contended = {ANN.user_id}
    with pytest.raises(ContentionError):
        world.run(messages[4])

    world.ledger.contended = set()
    for message in messages:
        world.run(message)

    undone_whole(world)


def test_what_there_is_no_time_for_is_handed_on_with_what_was_done(world: UndoWorld) -> None:
    world.start()
    *_, chunk = _messages(world)

    assert world.run(chunk, out_of_time=lambda: True) == Undone()
    assert world.undos.take() == [chunk]
    assert world.accounts == CREDITED


def test_a_long_chunk_goes_on_in_another_invocation(
    world: UndoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointflow.services.take_back.LINES_AT_ONCE", 1)
    world.start()
    while messages := world.undos.take():
        for message in messages:
            looks = iter([False, True])
            world.run(message, out_of_time=lambda looks=looks: next(looks))  # type: ignore[misc]

    undone_whole(world)


def test_a_file_of_very_many_cells_is_handed_out_in_slices_of_slices(
    world: UndoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    monkeypatch.setattr("pointflow.services.take_back.SLICES_AT_ONCE", 1)
    (whole,) = world.undos.take()
    world.run(whole)

    assert world.undos.take() == [UndoCells(REF, 0, 2)]


def test_what_the_ledger_lacks_is_told_and_the_batch_stays_undoing(world: UndoWorld) -> None:
    del world.ledger.entries[f"acme/{NAME}/8"]
    world.start()
    messages = _messages(world)

    with pytest.raises(CounterMismatchError, match="53 points on 2 rows, the ledger holds 50 on 1"):
        world.run(messages[-1])
    assert world.submission.status is Status.UNDOING


def test_a_credit_of_another_content_is_left_alone_and_told(world: UndoWorld) -> None:
    identity = f"acme/{NAME}/8"
    world.ledger.entries[identity] = replace(world.ledger.entries[identity], content="other")
    world.start()
    messages = _messages(world)

    with pytest.raises(CounterMismatchError):
        world.run(messages[-1])
    assert f"{identity}/undo" not in world.ledger.entries


@pytest.mark.parametrize(
    "message",
    [
        UndoCells(REF, 0, 3),
        UndoChunk(REF, 0, 99, 99),
        UndoChunk(SubmissionRef("acme", NAME, "unknown"), 0, 1, 1),
    ],
)
def test_a_message_about_what_is_not_there_is_refused(
    world: UndoWorld, message: UndoMessage
) -> None:
    world.start()

    with pytest.raises(MessageInvalidError):
        world.run(message)


def test_nothing_is_taken_back_that_nobody_asked_to_undo(world: UndoWorld) -> None:
    with pytest.raises(MessageInvalidError, match="COMPLETED_WITH_REJECTS, not UNDOING"):
        world.run(UndoChunk(REF, 0, 1, 1))
    assert world.accounts == CREDITED


def test_a_second_undo_is_refused(world: UndoWorld) -> None:
    world.start()
    world.drain()

    with pytest.raises(ConflictError, match="was undone already"):
        world.start()
    with pytest.raises(NotFoundError):
        undo_submission(
            SubmissionRef("acme", NAME, "no"), NOW, store=world.undo_store, undos=world.undos
        )


def test_whoever_loses_the_race_to_undo_is_told_that_it_goes_on(world: UndoWorld) -> None:
    faults = Faults()

    def be_faster(position: int, _: str) -> None:
        if position == 1:
            world.start()

    faults.between = be_faster

    assert world.start(faults).status is Status.UNDOING
    world.drain()

    undone_whole(world)


def test_a_late_delivery_of_a_chunk_credits_nothing_after_the_undo(world: UndoWorld) -> None:
    world.start()
    world.drain()

    world.credit_again()

    undone_whole(world)
