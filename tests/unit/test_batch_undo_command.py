"""`pointflow batch undo`: what it asks, what it refuses, what it puts on record."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pointflow.domain.audit import Action
from pointflow.domain.codes import FailureCode
from pointflow.domain.submission import Failure, Status, Undone
from pointflow.domain.undo import UndoCells
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME, NOW, BatchStage, ref_of, reject

REF = ref_of()
OTHER = "activities_acme_20251231000000.txt"
UNDO = ("batch", "undo", NAME, "--reason", "sent by mistake")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_it_asks_with_the_points_and_rows_and_starts_the_work(desk: Desk) -> None:
    desk.stage.completed(REF)

    ran = desk.run(*UNDO, answer="y\n")

    assert ran.code == 0
    assert ran.out.endswith(f"undoing {NAME}\n")
    assert "take 150 points of 2 rows back from the members?" in ran.notes
    assert desk.stage.on_record(REF).status is Status.UNDOING
    assert desk.stage.undos.sent == [UndoCells(REF, 0, 1)]
    (record,) = desk.audit.kept
    assert (record.action, record.subject, record.reason) == (
        Action.BATCH_UNDO,
        NAME,
        "sent by mistake",
    )


def test_nothing_happens_without_a_yes(desk: Desk) -> None:
    desk.stage.completed(REF)

    ran = desk.run(*UNDO, answer="n\n")

    assert ran.code == 1
    assert desk.stage.on_record(REF).status is Status.COMPLETED_WITH_REJECTS
    assert (desk.stage.undos.sent, desk.audit.kept) == ([], [])


def test_json_is_one_document_and_yes_does_not_ask(desk: Desk) -> None:
    desk.stage.completed(REF)

    ran = desk.run(*UNDO, "--yes", "--json")

    assert (ran.document["status"], ran.document["undone"]) == ("UNDOING", None)
    assert "take 150 points" not in ran.notes


def test_a_reason_is_required(desk: Desk) -> None:
    desk.stage.completed(REF)

    ran = desk.run("batch", "undo", NAME, "--reason", "  ", "--yes")

    assert (ran.code, ran.error) == (2, "pointflow: this needs a reason; add --reason TEXT")
    assert desk.stage.undos.sent == []


def test_asking_again_while_it_goes_on_sends_the_work_again_unasked(desk: Desk) -> None:
    desk.stage.completed(REF)
    desk.run(*UNDO, "--yes")

    assert desk.run(*UNDO).code == 0
    assert desk.stage.undos.sent == [UndoCells(REF, 0, 1)] * 2


def _undone(stage: BatchStage) -> None:
    stage.completed(REF)
    desk_store = stage.store
    desk_store.change(REF, NOW, status=Status.UNDONE, undone=Undone(2, 150))


def _failed(stage: BatchStage) -> None:
    stage.planned(REF, newlines=(10, 10))
    stage.store.fail(REF, Failure(FailureCode.CHUNK_DEAD_LETTERED, "dead"), NOW)


def _all_rejected(stage: BatchStage) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=0, rows=1, rejects=[reject(1)])
    stage.settled(REF)


def _held(stage: BatchStage) -> None:
    stage.held(REF, twin=ref_of("v0", name=OTHER))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (_undone, f"{NAME} was undone already; see: pointflow batch show {NAME}"),
        (lambda stage: stage.planned(REF), f"{NAME} is PARSING: not every row is decided yet"),
        (_held, f"{NAME} is HELD: nothing of it is credited; drop it: pointflow batch discard"),
        (_failed, f"{NAME} is FAILED, and some of its lines have no decision"),
        (_all_rejected, f"{NAME} is COMPLETED_WITH_REJECTS: no row of it was credited"),
    ],
)
def test_what_cannot_be_undone_is_refused_with_the_reason_and_the_next_step(
    desk: Desk, given: Callable[[BatchStage], object], why: str
) -> None:
    given(desk.stage)
    before = desk.stage.on_record(REF)

    ran = desk.run(*UNDO, "--yes")

    assert ran.code == 2
    assert ran.error.startswith(f"pointflow: {why}")
    assert desk.stage.on_record(REF) == before
    assert (desk.stage.undos.sent, desk.audit.kept) == ([], [])


def test_a_batch_that_failed_with_every_line_decided_can_be_undone(desk: Desk) -> None:
    desk.stage.planned(REF)
    desk.stage.closed(REF, 0, chunks=1, rows=5)
    desk.stage.credited(REF, 0, (1, 3), credited=2, points=150)
    assert desk.stage.settled(REF).status is Status.FAILED

    assert desk.run(*UNDO, "--yes").code == 0
    assert desk.stage.on_record(REF).status is Status.UNDOING


def test_what_was_taken_back_is_shown(desk: Desk) -> None:
    _undone(desk.stage)

    shown = desk.run("batch", "show", NAME).out

    assert "150 points of 2 rows are taken back" in shown
    # ROWS, CREDITED, REJECTED, POINTS as they are now; `--json` has what was granted, and `undone`.
    assert shown.splitlines()[1].split()[-4:] == ["3", "0", "1", "0"]
    assert desk.run("batch", "undo", "activities_none.txt", "--reason", "x").error.startswith(
        "pointflow: client acme has no batch activities_none.txt"
    )
