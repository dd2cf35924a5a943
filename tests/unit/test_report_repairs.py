"""What lies in a client's outbound folder after names changed hands and report workers died."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointflow.domain.codes import FailureCode, FileCode, RowCode
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Failure, Refusal, Status, SubmissionRef
from pointflow.services.report_submission import report_submission
from tests.fakes.batch_stage import NAME, NOW, BatchStage, ref_of, reject, reporting
from tests.fakes.faults import Faults, WorkerKilled

OUT = "outbound/acme/" + NAME.removesuffix(".txt")
V1, V2 = ref_of("v1"), ref_of("v2")
TWIN = ref_of("t1", name="activities_acme_20251231000000.txt")
GONE = Failure(FailureCode.OBJECT_UNREADABLE, "gone")
DEAD = Failure(FailureCode.CHUNK_DEAD_LETTERED, "a chunk could not be credited")


@pytest.fixture
def stage() -> BatchStage:
    return BatchStage()


def report(
    stage: BatchStage, ref: SubmissionRef, *, again: bool = False, objects: Any = None
) -> None:
    request = ReportRequest(ref, stage.on_record(ref).revision)
    report_submission(request, ports=reporting(stage, objects=objects), again=again)


def written(stage: BatchStage) -> dict[str, bytes]:
    """Bodies in outbound, by the part of the name that follows the stem."""
    bodies = stage.objects.written.items()
    return {key.removeprefix(OUT): body for key, body in bodies if key.startswith("outbound/")}


def result(stage: BatchStage, suffix: str = "_result.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(written(stage)[suffix])
    return found


def failed_with_rejects(stage: BatchStage, ref: SubmissionRef) -> None:
    """Reported, with a rejected row; nothing of it is credited, so its name is free."""
    stage.planned(ref, newlines=(10, 10), content="c1")
    stage.closed(ref, 0, chunks=1, rows=3, rejects=[reject(2, raw=b"of v1")])
    stage.store.fail(ref, GONE, NOW)
    report(stage, ref)


def credited(stage: BatchStage, ref: SubmissionRef) -> None:
    """All rows credited, not yet reported."""
    stage.planned(ref, content="c2")
    credit(stage, ref)


def credit(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.closed(ref, 0, chunks=1, rows=3)
    stage.credited(ref, 0, (1, 3), credited=3)
    stage.settled(ref)


def refused(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.received(ref)
    stage.store.refuse(ref, Refusal(FileCode.FILE_NOT_TEXT, "the file is gzip"), NOW)


PUT, FIRST_REMOVAL = 0, 1
"""Positions among the calls of the bucket that a report without rejects makes."""


def dies_after(stage: BatchStage, at: int, ref: SubmissionRef, before: Callable[[], None]) -> None:
    """A worker reports `ref`; others do `before` just ahead of its call, after which it dies."""
    faults = Faults(at, "after")

    def between(position: int, _: str) -> None:
        if position == at:
            before()

    faults.between = between
    with pytest.raises(WorkerKilled):
        report(stage, ref, objects=faults.wrap(stage.objects))


def test_a_name_that_was_taken_over_keeps_no_files_of_its_former_holder(stage: BatchStage) -> None:
    failed_with_rejects(stage, V1)
    assert {"_rejected.txt", "_errors.csv"} < written(stage).keys()
    credited(stage, V2)

    report(stage, V2)

    assert written(stage).keys() == {"_result.json"}
    assert result(stage)["submission"] == "v2"


def test_a_file_that_the_new_holder_has_not_is_removed_alone(stage: BatchStage) -> None:
    failed_with_rejects(stage, V1)
    stage.planned(V2, content="c2")
    stage.closed(V2, 0, chunks=0, rows=1, rejects=[reject(1, RowCode.LINE_TOO_LONG, raw=None)])
    stage.settled(V2)

    report(stage, V2)

    assert written(stage).keys() == {"_result.json", "_errors.csv"}


def test_a_healed_batch_without_rejects_keeps_no_files_of_an_earlier_revision(
    stage: BatchStage,
) -> None:
    credited(stage, V1)
    for key in (f"{OUT}_rejected.txt", f"{OUT}_errors.csv"):
        stage.objects.put(key, b"old", "text/plain")

    report(stage, V1)

    assert written(stage).keys() == {"_result.json"}


def test_whoever_does_not_hold_the_name_removes_nothing_of_its_holder(stage: BatchStage) -> None:
    stage.completed(V1)
    report(stage, V1)
    refused(stage, V2)

    report(stage, V2)

    assert written(stage).keys() == {
        "_result.json",
        "_rejected.txt",
        "_errors.csv",
        "_result.v2.json",
    }


@pytest.mark.parametrize("becomes", ["credited", "completed"])
def test_at_no_moment_a_result_names_files_of_another(stage: BatchStage, becomes: str) -> None:
    failed_with_rejects(stage, V1)
    if becomes == "credited":
        credited(stage, V2)
    else:
        stage.completed(V2, content="c2")
    faults = Faults()
    seen: list[str] = []

    def look(*_: object) -> None:
        files = written(stage)
        if "_result.json" not in files:
            seen.append("none")
            return
        found = result(stage)
        seen.append(found["submission"])
        if found["files"]["rejected"]:
            assert (b"of v1" in files["_rejected.txt"]) is (found["submission"] == "v1")

    faults.between = look
    report(stage, V2, objects=faults.wrap(stage.objects))
    look()

    assert seen[0] == "v1"
    assert seen[-1] == "v2"


def test_an_older_revision_written_over_a_newer_by_a_worker_that_died_is_written_over_again(
    stage: BatchStage,
) -> None:
    stage.held(V1, TWIN)

    def release_credit_and_report() -> None:
        stage.store.release(V1, NOW + 5)
        credit(stage, V1)
        report(stage, V1)

    dies_after(stage, PUT, V1, release_credit_and_report)
    assert result(stage)["status"] == "HELD"

    report(stage, V1, again=True)

    assert (result(stage)["status"], result(stage)["revision"]) == ("COMPLETED", 2)


def test_a_result_written_over_the_new_holders_by_a_worker_that_died_is_written_over_again(
    stage: BatchStage,
) -> None:
    refused(stage, V1)

    def credit_another() -> None:
        stage.completed(V2)
        report(stage, V2)

    dies_after(stage, PUT, V1, credit_another)
    assert result(stage)["submission"] == "v1"

    report(stage, V1, again=True)

    assert result(stage)["submission"] == "v2"
    assert result(stage, "_result.v1.json")["status"] == "REFUSED"
    assert result(stage)["files"]["rejected"] == f"{OUT}_rejected.txt"


def test_files_removed_beside_the_new_holders_result_are_there_again(stage: BatchStage) -> None:
    refused(stage, V1)

    def credit_another() -> None:
        stage.completed(V2)
        report(stage, V2)

    dies_after(stage, FIRST_REMOVAL, V1, credit_another)
    assert "_rejected.txt" not in written(stage)

    report(stage, V1, again=True)

    assert written(stage)["_rejected.txt"] == b"bad|row\n"


def test_the_worker_that_lives_makes_its_own_damage_good(stage: BatchStage) -> None:
    refused(stage, V1)
    faults = Faults()

    def credit_another(_: int, name: str) -> None:
        if name == "put" and stage.store.get(V2) is None:
            stage.completed(V2)
            report(stage, V2)

    faults.between = credit_another

    report(stage, V1, objects=faults.wrap(stage.objects))

    assert result(stage)["submission"] == "v2"
    assert result(stage, "_result.v1.json")["status"] == "REFUSED"


def test_what_was_delivered_again_after_it_was_reported_is_left_alone(stage: BatchStage) -> None:
    stage.completed(V1)
    report(stage, V1)
    stage.objects.written.clear()

    report(stage, V1, again=True)

    assert stage.objects.written == {}


def test_a_duplicate_never_makes_its_owners_result_be_written_again(stage: BatchStage) -> None:
    stage.planned(V1, content="c1")
    stage.closed(V1, 0, chunks=2, rows=10)
    stage.store.begin_crediting(V1, NOW)
    stage.store.fail(V1, DEAD, NOW)
    report(stage, V1)
    first = result(stage)
    stage.planned(V2, content="c1")
    assert stage.on_record(V2).status is Status.DUPLICATE
    stage.credited(V1, 0, (1, 5), credited=5)

    report(stage, V2, again=True)

    assert result(stage) == first


def test_one_revision_of_a_failed_batch_is_the_same_to_the_byte_on_a_retry(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.planned(V1, newlines=(1_200,))
    stage.closed(V1, 0, chunks=2, rows=1_000)
    stage.store.begin_crediting(V1, NOW)
    stage.store.fail(V1, DEAD, NOW)

    def die(*_: object) -> None:
        raise WorkerKilled

    with monkeypatch.context() as crash:
        crash.setattr(stage.store, "reported", die)
        with pytest.raises(WorkerKilled):
            report(stage, V1)
    first = written(stage)
    stage.credited(V1, 0, (1, 500), credited=499, rejects=[reject(3)])

    report(stage, V1, again=True)

    assert written(stage) == first
    assert stage.on_record(V1).reported_revision == 1
