"""The writes of the submission store: conditional, and complete."""

import re
from collections.abc import Callable

import pytest

from pointflow.adapters import submission_claims as claims
from pointflow.adapters import submission_requests as requests
from pointflow.adapters.submission_claims import Found, Wanted
from pointflow.adapters.submission_keys import upload_key
from pointflow.adapters.write_requests import Request, update
from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.submission import (
    OPEN,
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Failure,
    Plan,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    sources,
)

TABLE = "batches"
REF = SubmissionRef("acme", "activities_acme_20260101000000.txt", "v1")
OLD = SubmissionRef("acme", REF.file_name, "v0")
TWIN = SubmissionRef("acme", "activities_acme_20260102000000.txt", "t1")
PLAN = Plan(150, 100, 100, 500, 100_000, 1)
OUTCOME = ChunkOutcome(0, 1, 2, "digest", Tally(credited=2, points=9), None)
WANTED = Wanted(REF, "content", 1, hold=True)

EVERY_WRITE: dict[str, Callable[[], list[Request]]] = {
    "receive": lambda: [requests.receive(TABLE, standing(REF, Status.RECEIVED))],
    "start_planning": lambda: [requests.move(TABLE, REF, Status.PLANNING, 5)],
    "refuse": lambda: [requests.refuse(TABLE, REF, Refusal(FileCode.FILE_EMPTY, "empty"), 5)],
    "fail": lambda: [requests.fail(TABLE, REF, Failure(FailureCode.INTAKE_STUCK, "stuck"), 5)],
    "discard": lambda: [requests.move(TABLE, REF, Status.DISCARDED, 5)],
    "start_crediting": lambda: [requests.start_crediting(TABLE, REF, 5)],
    "complete": lambda: [requests.complete(TABLE, standing(REF, Status.CREDITING), 5)],
    "begin_crediting": lambda: [requests.begin_crediting(TABLE, REF, 5)],
    "measure": lambda: list(requests.save_measure(TABLE, REF, CellMeasure(0, 1, "ab", None), 5)),
    "close": lambda: list(requests.close_cell(TABLE, REF, CellClose(0, 1, Tally(1), None), 5)),
    "complete_cell": lambda: list(requests.complete_cell(TABLE, REF, 0, Tally(credited=1), 5)),
    "outcome": lambda: list(requests.save_outcome(TABLE, REF, OUTCOME, 5)),
    "last_try": lambda: [requests.mark_last_try(TABLE, REF, 0, 1, 5)],
    "reported": lambda: [requests.reported(TABLE, standing(REF, Status.COMPLETED), 1)],
    "look": lambda: [requests.count_look(TABLE, REF, 5)],
    "release": lambda: bodies(
        claims.release_actions(TABLE, standing(REF, Status.HELD, content="content"), 5)
    ),
    "claim": lambda: bodies(claims.decide(TABLE, WANTED, found(), 5)[1]),
    "take_over": lambda: bodies(
        claims.decide(TABLE, WANTED, found(standing(OLD, Status.FAILED), owner=OLD), 5)[1]
    ),
}


def standing(ref: SubmissionRef, status: Status, content: str | None = None) -> Submission:
    return Submission(ref, status, PLAN, updated_at=1, content=content, revision=1)


def found(
    *submissions: Submission,
    owner: SubmissionRef | None = None,
    holders: frozenset[SubmissionRef] = frozenset(),
) -> Found:
    return Found(owner, holders, {each.ref: each for each in submissions})


def bodies(actions: list[claims.Action]) -> list[Request]:
    return [body for action in actions for body in action.values()]


@pytest.mark.parametrize("write", EVERY_WRITE)
def test_a_request_names_what_it_uses_and_nothing_else(write: str) -> None:
    for request in EVERY_WRITE[write]():
        text = f"{request.get('UpdateExpression', '')} {request.get('ConditionExpression', '')}"
        assert set(re.findall(r"#\w+", text)) == set(request.get("ExpressionAttributeNames", {}))
        assert set(re.findall(r":\w+", text)) == set(request.get("ExpressionAttributeValues", {}))
        assert request["TableName"] == TABLE


@pytest.mark.parametrize("write", sorted(set(EVERY_WRITE) - {"last_try"}))
def test_every_write_but_a_trace_is_conditional(write: str) -> None:
    assert any("ConditionExpression" in request for request in EVERY_WRITE[write]())


@pytest.mark.parametrize("write", sorted(set(EVERY_WRITE) - {"reported"}))
def test_every_change_of_a_submission_moves_its_time(write: str) -> None:
    for request in EVERY_WRITE[write]():
        if request.get("Key") == upload_key(REF):
            assert request["ExpressionAttributeValues"][":set_updated_at"] == {"N": "5"}


@pytest.mark.parametrize("write", sorted(set(EVERY_WRITE) - {"receive", "reported", "look"}))
def test_every_movement_takes_back_how_often_it_was_looked_after(write: str) -> None:
    for request in EVERY_WRITE[write]():
        if request.get("Key") == upload_key(REF):
            assert request["ExpressionAttributeValues"][":set_looks"] == {"N": "0"}


@pytest.mark.parametrize("to", [status for status in Status if sources(status)])
def test_a_status_follows_only_those_it_may_follow(to: Status) -> None:
    request = requests.move(TABLE, REF, to, 5)
    allowed = {
        value["S"]
        for name, value in request["ExpressionAttributeValues"].items()
        if not name.startswith((":set_", ":add_"))
    }
    assert allowed == set(sources(to))


@pytest.mark.parametrize("to", [status for status in Status if sources(status)])
def test_whatever_ends_the_work_is_a_new_revision_and_is_looked_after(to: Status) -> None:
    request = requests.move(TABLE, REF, to, 5)
    values = request["ExpressionAttributeValues"]
    assert values[":set_open"] == {"S": "OPEN"}
    assert (":add_revision" in values) is (to not in OPEN)
    assert (":set_finished_at" in values) is (to not in OPEN | {Status.HELD})


def test_a_healed_batch_loses_the_reason_of_its_failure() -> None:
    request = requests.complete(TABLE, standing(REF, Status.FAILED), 5)
    assert "REMOVE #failure_code, #failure_message" in request["UpdateExpression"]


@pytest.mark.parametrize(
    ("status", "revision", "reported", "closed"),
    [
        (Status.COMPLETED, 1, 1, True),
        (Status.COMPLETED, 2, 1, False),
        (Status.PARSING, 1, 1, False),
        (Status.HELD, 1, 1, True),
    ],
)
def test_a_report_ends_the_watch_when_nothing_else_is_outstanding(
    status: Status, revision: int, reported: int, closed: bool
) -> None:
    seen = Submission(REF, status, PLAN, updated_at=1, revision=revision)
    request = requests.reported(TABLE, seen, reported)
    assert ("REMOVE #open" in request["UpdateExpression"]) is closed


def test_a_counter_that_is_zero_is_not_touched() -> None:
    _, counted = requests.save_outcome(TABLE, REF, OUTCOME, 5)
    assert counted["UpdateExpression"] == (
        "ADD #outcomes :add_outcomes, #credited :add_credited, #points :add_points"
    )
    assert "ConditionExpression" not in counted


def test_an_update_without_values_carries_none() -> None:
    request = update(TABLE, upload_key(REF), "attribute_exists(#pk)", removes=("open",))
    assert request["UpdateExpression"] == "REMOVE #open"
    assert "ExpressionAttributeValues" not in request


def test_a_take_over_bars_the_failed_owner_in_the_same_transaction() -> None:
    barred = EVERY_WRITE["take_over"]()[-1]
    assert barred["Key"] == upload_key(OLD)
    assert barred["ConditionExpression"] == (
        "#status = :failed AND attribute_not_exists(#crediting_since)"
    )
    assert barred["ExpressionAttributeValues"][":set_superseded_by"] == {"S": f"{REF.batch}#v1"}


def test_no_transaction_touches_an_item_twice() -> None:
    both = found(
        standing(OLD, Status.FAILED),
        standing(TWIN, Status.FAILED),
        owner=OLD,
        holders=frozenset({OLD, TWIN}),
    )
    _, actions = claims.decide(TABLE, WANTED, both, 5)
    touched = [str(request["Key"]) for request in bodies(actions)]
    assert len(touched) == len(set(touched)) == 5


def test_an_owner_whose_record_is_gone_keeps_its_name_and_its_content() -> None:
    answer, actions = claims.decide(TABLE, WANTED, found(owner=OLD), 5)
    assert (answer.result, actions) == ("NAME_REUSED", [])
    answer, _ = claims.decide(TABLE, WANTED, found(holders=frozenset({TWIN})), 5)
    assert (answer.result, answer.other) == ("HELD", TWIN)
