"""The submission store on DynamoDB."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.retrying import Backoff
from pointflow.domain.errors import ContentionError
from pointflow.domain.submission import CellClose, Status, SubmissionRef, Tally
from pointflow.ports.submissions import Claim, ClaimResult, SubmissionStore
from tests.contracts.dry_run import DryRunContract
from tests.contracts.submission_claims import SubmissionClaimsContract, SubmissionRacesContract
from tests.contracts.submission_flow import SubmissionCountersContract, SubmissionFlowContract
from tests.contracts.submission_lookup import SubmissionLookupContract
from tests.contracts.submission_samples import (
    DECIDED,
    FAILURE,
    NAME,
    OTHER_NAME,
    accept,
    claim,
    close,
    measure,
    outcome,
    plan,
    ref,
    run_all,
    settle,
)
from tests.integration.faulty_client import (
    CrashError,
    Fault,
    FaultyClient,
    conflict_always,
    conflict_every_other_time,
    crash_after,
    crash_before,
    lose_every_other_answer,
    overtaken_by,
)


@pytest.fixture
def store(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> SubmissionStore:
    return DynamoDBSubmissions(dynamodb, tables["BatchesTable"])


class TestClaims(SubmissionClaimsContract):
    pass


class TestRaces(SubmissionRacesContract):
    pass


class TestFlow(SubmissionFlowContract):
    pass


class TestCounters(SubmissionCountersContract):
    pass


class TestLookup(SubmissionLookupContract):
    pass


class TestDryRun(DryRunContract):
    pass


def store_on(client: object, tables: Mapping[str, str], seconds: float = 20) -> DynamoDBSubmissions:
    def backoff() -> Backoff:
        return Backoff(time.monotonic() + seconds, base=0.001, cap=0.01)

    return DynamoDBSubmissions(
        cast("DynamoDBClient", client), tables["BatchesTable"], backoff=backoff
    )


@pytest.mark.parametrize("crash", [crash_before, crash_after])
def test_a_crash_at_any_write_is_made_good_by_starting_again(
    dynamodb: DynamoDBClient,
    tables: Mapping[str, str],
    crash: Callable[[int], Fault],
) -> None:
    crashes = 0
    while True:
        which = SubmissionRef(f"client-{crashes}", NAME, "v1")
        try:
            run_all(store_on(FaultyClient(dynamodb, crash(crashes)), tables), which)
        except CrashError:
            done = run_all(store_on(dynamodb, tables), which)
        else:
            break
        assert done.status is Status.COMPLETED_WITH_REJECTS
        assert done.tally == DECIDED
        assert (done.revision, done.reported_revision, done.cells_complete) == (1, 1, 2)
        crashes += 1
    assert crashes > 12


@pytest.mark.parametrize("fault", [lose_every_other_answer, conflict_every_other_time])
def test_lost_answers_and_conflicts_change_nothing(
    dynamodb: DynamoDBClient,
    tables: Mapping[str, str],
    fault: Fault,
) -> None:
    store = store_on(FaultyClient(dynamodb, fault), tables)
    done = run_all(store, ref("v1"))
    assert done.status is Status.COMPLETED_WITH_REJECTS
    assert done.tally == DECIDED
    plan(store, ref("v2", OTHER_NAME))
    assert claim(store, ref("v2", OTHER_NAME)) == Claim(ClaimResult.HELD, ref("v1"))
    assert store.release(ref("v2", OTHER_NAME), 120).status is Status.PARSING


@pytest.mark.parametrize("decide", ["release", "discard"])
def test_a_decision_whose_answer_was_lost_counts_as_made(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], decide: str
) -> None:
    sound = store_on(dynamodb, tables)
    accept(sound, ref("v1"))
    accept(sound, ref("v2", OTHER_NAME))
    unsound = store_on(FaultyClient(dynamodb, lose_every_other_answer), tables)
    decided = getattr(unsound, decide)(ref("v2", OTHER_NAME), 120)
    assert decided.status in {Status.PARSING, Status.DISCARDED}


def test_conflicts_without_end_are_told_before_the_deadline(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    plan(store_on(dynamodb, tables), ref())
    store = store_on(FaultyClient(dynamodb, conflict_always), tables, seconds=0.05)
    with pytest.raises(ContentionError):
        store.save_measure(ref(), measure(0), 120)


def test_results_of_more_than_one_page_are_read_to_the_end(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    chunks = [replace(outcome(0), first_line=line, digest="d" * 300_000) for line in range(1, 9)]
    for each in chunks:
        store.save_outcome(ref(), each, 120)
    assert list(store.outcomes(ref(), 0)) == chunks


def test_a_record_that_cannot_be_read_does_not_hide_the_others(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    accept(store, ref("sound"))
    dynamodb.put_item(
        TableName=tables["BatchesTable"],
        Item={
            "pk": {"S": f"acme/{NAME}"},
            "sk": {"S": "UPLOAD#broken"},
            "open": {"S": "OPEN"},
            "updated_at": {"N": "1"},
        },
    )
    assert list(store.open_since(1000)) == [ref("broken"), ref("sound")]
    with pytest.raises(KeyError):
        store.get(ref("broken"))


def claim_overtaken_by(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], other: Callable[[], object]
) -> Claim:
    return claim(store_on(FaultyClient(dynamodb, overtaken_by(other)), tables), ref("v2"), "mended")


def test_a_failed_owner_that_starts_to_credit_at_the_last_moment_keeps_its_name(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    accept(store, ref("v1"))
    store.fail(ref("v1"), FAILURE, 120)
    plan(store, ref("v2"))
    answer = claim_overtaken_by(dynamodb, tables, lambda: store.begin_crediting(ref("v1"), 130))
    assert answer == Claim(ClaimResult.NAME_REUSED, ref("v1"))
    assert store.begin_crediting(ref("v1"), 140)


def test_a_failed_owner_that_heals_at_the_last_moment_keeps_its_name(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    accept(store, ref("v1"))
    for cell in (0, 1):
        store.close_cell(ref("v1"), CellClose(cell, 0, Tally(rows=1, rejected=1), None), 115)
    store.fail(ref("v1"), FAILURE, 120)
    plan(store, ref("v2"))

    def heal() -> None:
        for cell in (0, 1):
            settle(store, ref("v1"), cell, 130)

    assert claim_overtaken_by(dynamodb, tables, heal).result is ClaimResult.NAME_REUSED


def test_a_discarded_name_taken_at_the_last_moment_is_not_taken_twice(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    accept(store, ref("t1", OTHER_NAME))
    accept(store, ref("v1"))
    store.discard(ref("v1"), 120)
    plan(store, ref("v2"))
    plan(store, ref("v3"))
    answer = claim_overtaken_by(dynamodb, tables, lambda: claim(store, ref("v3"), "third"))
    assert answer == Claim(ClaimResult.NAME_REUSED, ref("v3"))
    assert store.owner("acme", NAME) == ref("v3")


def test_a_free_name_taken_at_the_last_moment_is_not_taken_twice(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    plan(store, ref("v2"))
    plan(store, ref("v3"))
    answer = claim_overtaken_by(dynamodb, tables, lambda: claim(store, ref("v3"), "third"))
    assert answer == Claim(ClaimResult.NAME_REUSED, ref("v3"))


def test_an_owner_that_is_replaced_at_the_last_moment_has_no_duplicate(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    accept(store, ref("v1"), "mended")
    plan(store, ref("v2"))
    plan(store, ref("v3"))

    def replace_owner() -> None:
        store.fail(ref("v1"), FAILURE, 120)
        assert claim(store, ref("v3"), "third").result is ClaimResult.ACCEPTED

    answer = claim_overtaken_by(dynamodb, tables, replace_owner)
    assert answer == Claim(ClaimResult.NAME_REUSED, ref("v3"))


def test_a_content_held_at_the_last_moment_is_not_credited_twice(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    twin = ref("t1", OTHER_NAME)
    plan(store, ref("v2"))
    plan(store, twin)
    answer = claim_overtaken_by(dynamodb, tables, lambda: claim(store, twin, "mended"))
    assert answer == Claim(ClaimResult.HELD, twin)


def test_a_crash_between_the_last_close_and_crediting_is_made_good_by_the_last_outcome(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    store = store_on(dynamodb, tables)
    accept(store, ref())
    store.close_cell(ref(), close(0), 120)
    store.save_outcome(ref(), outcome(0), 121)
    settle(store, ref(), 0, 122)
    with pytest.raises(CrashError):
        store_on(FaultyClient(dynamodb, crash_after(0)), tables).close_cell(ref(), close(1), 123)
    store.save_outcome(ref(), outcome(1), 124)
    settle(store, ref(), 1, 125)
    done = store.complete(ref(), 126)
    assert (done.status, done.tally) == (Status.COMPLETED_WITH_REJECTS, DECIDED)
