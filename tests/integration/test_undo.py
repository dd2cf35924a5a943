"""Taking batches back on DynamoDB: the store, the ledger's entries and the accounts."""

import time
from collections.abc import Callable, Mapping
from typing import cast

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.dynamodb_undo import DynamoDBLedgerReader, DynamoDBUndo
from pointflow.adapters.retrying import Backoff
from pointflow.domain.submission import Status, SubmissionRef, Undone
from pointflow.domain.undo import UndoneChunk
from pointflow.ports.submissions import SubmissionStore
from pointflow.ports.undo import UndoStore
from tests.contracts.submission_samples import NAME, outcome, run_all
from tests.contracts.undo import UndoContract
from tests.integration.faulty_client import (
    CrashError,
    Fault,
    FaultyClient,
    crash_after,
    crash_before,
    lose_every_other_answer,
)
from tests.integration.test_dynamodb_ledger import World


@pytest.fixture
def store(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> SubmissionStore:
    return DynamoDBSubmissions(dynamodb, tables["BatchesTable"])


@pytest.fixture
def undo(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> UndoStore:
    return undo_on(dynamodb, tables)


class TestUndo(UndoContract):
    pass


def undo_on(client: object, tables: Mapping[str, str]) -> DynamoDBUndo:
    def backoff() -> Backoff:
        return Backoff(time.monotonic() + 20, base=0.001, cap=0.01)

    return DynamoDBUndo(cast("DynamoDBClient", client), tables["BatchesTable"], backoff=backoff)


def take_back_whole(undo: UndoStore, which: SubmissionRef) -> None:
    undo.start_undo(which, 200)
    for cell, undone in enumerate((Undone(1, 50), Undone(2, 20))):
        undo.save_undone(which, UndoneChunk(cell, outcome(cell).first_line, undone), 201)
        progress = undo.undo_progress(which, cell)
        undo.complete_undone_cell(which, cell, progress.undone, 202)
    undo.finish_undo(which, 203)


@pytest.mark.parametrize("crash", [crash_before, crash_after])
def test_a_crash_at_any_write_is_made_good_by_starting_again(
    dynamodb: DynamoDBClient,
    tables: Mapping[str, str],
    store: SubmissionStore,
    undo: UndoStore,
    crash: Callable[[int], Fault],
) -> None:
    crashes = 0
    while True:
        which = SubmissionRef(f"undo-{crash.__name__}-{crashes}", NAME, "v1")
        run_all(store, which)
        try:
            take_back_whole(undo_on(FaultyClient(dynamodb, crash(crashes)), tables), which)
        except CrashError:
            take_back_whole(undo, which)
        else:
            break
        done = undo.get(which)
        assert done is not None
        assert (done.status, done.undone, done.revision) == (Status.UNDONE, Undone(3, 70), 2)
        crashes += 1
    assert crashes >= 6


def test_lost_answers_change_nothing(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], store: SubmissionStore
) -> None:
    which = SubmissionRef("undo-lost", NAME, "v1")
    run_all(store, which)
    unsound = undo_on(FaultyClient(dynamodb, lose_every_other_answer), tables)

    take_back_whole(unsound, which)

    done = unsound.get(which)
    assert done is not None
    assert (done.status, done.undone, done.revision) == (Status.UNDONE, Undone(3, 70), 2)


@pytest.fixture
def world(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> World:
    return World(dynamodb, tables)


def test_a_credit_is_taken_back_once_in_the_account_and_stands_in_the_history(
    world: World,
) -> None:
    world.member(1)
    credit = world.credit(1, 1, 30)
    world.record(credit, world.credit(3, 1, 5))

    back = credit.taken_back(2_000)
    for _ in range(2):
        assert world.record(back) == [back]

    assert world.balance(1) == 5
    history = sorted(world.history(1), key=lambda entry: (-(entry.activity_at or 0), entry.points))
    assert [entry.points for entry in history] == [-30, 30, 5]


def test_an_account_may_go_below_zero_be_inactive_or_gone(world: World) -> None:
    world.member(1)
    world.member(2, status="inactive")
    back = [world.credit(line, user_id, 10) for line, user_id in ((1, 1), (3, 2), (5, 404))]
    taken = [entry.taken_back(2_000) for entry in back]

    assert world.record(*taken) == taken
    assert world.record(*taken) == taken
    assert (world.balance(1), world.balance(2)) == (-10, -10)


def test_entries_are_read_by_identity_in_whatever_number(
    world: World, dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    world.member(1)
    entries = world.record(*(world.credit(line, 1) for line in range(1, 251, 2)))
    reader = DynamoDBLedgerReader(dynamodb, tables["LedgerTable"])

    found = reader.entries([f"{world.client_id}/{NAME}/{line}" for line in range(1, 301)])

    assert found == {entry.identity: entry for entry in entries}
