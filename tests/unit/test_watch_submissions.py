"""What the watch does about submissions that stand still."""

from collections.abc import Callable

import pytest

from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.messages import MeasurePart, ParsePart, ReportRequest
from pointflow.domain.submission import CellMeasure, Refusal, Status, SubmissionRef
from pointflow.services.report_submission import report_submission
from pointflow.services.watch_submissions import (
    NOT_CREDITED_SECONDS,
    STILL_SECONDS,
    Watch,
    WatchSummary,
    is_due,
)
from tests.fakes.batch_stage import NOW, BatchStage, ref_of, reporting

REF = ref_of()
LATER = NOW + STILL_SECONDS + 1
VISIBILITY = 600
LOOKS_A_DAY = 24 * 3600 // STILL_SECONDS
STUCK = 8
"""The look that finds intake stuck: it was asked at the first, the third and the seventh."""


@pytest.fixture
def stage() -> BatchStage:
    return BatchStage()


def watch(
    stage: BatchStage, now: int = LATER, out_of_time: Callable[[], bool] = lambda: False
) -> WatchSummary:
    return Watch(
        stage.store,
        stage.parts,
        stage.reports,
        stage.undos,
        stage.depths,
        VISIBILITY,
        out_of_time,
    ).run(now)


def watch_for(stage: BatchStage, looks: int, start: int = NOW) -> list[WatchSummary]:
    """So many runs, each as soon as what stands still is looked after again."""
    return [watch(stage, now=start + look * (STILL_SECONDS + 1)) for look in range(1, looks + 1)]


def test_a_submission_that_moved_lately_is_left_alone(stage: BatchStage) -> None:
    stage.measured(REF, newlines=(10, 10))

    summary = watch(stage, now=NOW + STILL_SECONDS)

    assert summary == WatchSummary()
    assert stage.parts.sent == []


def test_cells_that_are_not_measured_are_asked_for_again(stage: BatchStage) -> None:
    stage.received(REF, cells=3)
    stage.store.start_planning(REF, NOW)
    stage.store.save_measure(REF, CellMeasure(1, 10, "00" * 32, 0), NOW)

    summary = watch(stage)

    assert stage.parts.sent == [MeasurePart(REF, 0), MeasurePart(REF, 2)]
    assert (summary.asked_again, stage.on_record(REF).looks) == (1, 1)


def test_an_upload_that_was_only_recorded_is_announced_once_more(stage: BatchStage) -> None:
    stage.received(REF, cells=3)

    summary = watch(stage)

    assert stage.parts.sent == [MeasurePart(REF, 0)]
    assert summary.asked_again == 1


def test_waits_between_two_askings_double_up_to_eight_hours() -> None:
    due = [look for look in range(1, 200) if is_due(look)]

    assert due == [1, 3, 7, 15, 31, 63, 95, 127, 159, 191]
    assert (due[-1] - due[-2]) * STILL_SECONDS == 8 * 3600


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.PLANNING, Status.PARSING])
def test_what_waits_in_a_backlog_is_seldom_asked_for_and_never_given_up(
    stage: BatchStage, status: Status
) -> None:
    reach(stage, REF, status)
    stage.depths.in_parts = 1

    watch_for(stage, 14 * LOOKS_A_DAY)

    assert stage.on_record(REF).status is status
    assert len(stage.parts.sent) < 50


def test_a_report_that_cannot_be_written_is_seldom_asked_for(stage: BatchStage) -> None:
    stage.completed(REF)

    watch_for(stage, 14 * LOOKS_A_DAY)

    assert 20 < len(stage.reports.requested) < 50


def test_a_file_that_moves_on_is_never_stuck_however_slowly(stage: BatchStage) -> None:
    stage.planned(REF, newlines=(10,) * 8)
    stage.depths.in_chunks = 1
    now = NOW

    for cell in range(8):
        for _ in range(STUCK - 1):
            now += STILL_SECONDS + 1
            watch(stage, now=now)
        assert stage.on_record(REF).status is Status.PARSING
        stage.closed(REF, cell, chunks=1, rows=10, at=now)


def test_a_submission_that_moved_after_it_was_found_is_left_alone(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.planned(REF, at=LATER)
    monkeypatch.setattr(stage.store, "open_since", lambda before: iter([REF]))

    watch(stage)

    assert (stage.parts.sent, stage.on_record(REF).looks) == ([], 0)


def test_cells_that_are_not_closed_are_asked_for_again(stage: BatchStage) -> None:
    stage.planned(REF, newlines=(10, 20, 10))
    stage.closed(REF, 0, chunks=0, rows=0)

    watch(stage)

    assert stage.parts.sent == [ParsePart(REF, 1, 11), ParsePart(REF, 2, 31)]


def test_a_settled_cell_whose_last_outcome_crashed_before_counting_it_is_completed(
    stage: BatchStage,
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=5)
    stage.credited(REF, 0, (1, 5), credited=5)

    summary = watch(stage)

    assert stage.on_record(REF).status is Status.COMPLETED
    assert stage.reports.requested == [ReportRequest(REF, 1)]
    assert (summary.failed, stage.parts.sent) == (0, [])


def test_a_report_that_was_not_written_is_asked_for_again(stage: BatchStage) -> None:
    stage.received(REF)
    stage.store.refuse(REF, Refusal(FileCode.FILE_NOT_TEXT, "gzip"), NOW)

    watch(stage)

    assert stage.reports.requested == [ReportRequest(REF, 1)]


def test_what_is_finished_and_reported_is_not_looked_at(stage: BatchStage) -> None:
    stage.completed(REF)
    report_submission(ReportRequest(REF, 1), ports=reporting(stage))

    assert watch(stage).seen == 0


def test_credit_chunks_are_waited_for_and_never_sent_again(stage: BatchStage) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=5)
    stage.depths.in_chunks = 1

    watch_for(stage, LOOKS_A_DAY)

    assert stage.on_record(REF).status is Status.CREDITING
    assert stage.parts.sent == []


def test_undecided_chunks_fail_the_batch_once_nothing_is_left_in_the_queue_for_an_hour(
    stage: BatchStage,
) -> None:
    stage.planned(REF, newlines=(600, 600))
    stage.closed(REF, 0, chunks=2, rows=600)
    stage.closed(REF, 1, chunks=3, rows=600)
    stage.credited(REF, 0, (1, 500), credited=500)
    looks = NOT_CREDITED_SECONDS // STILL_SECONDS

    watch_for(stage, looks - 1)
    assert stage.on_record(REF).status is Status.CREDITING
    watch_for(stage, looks)

    failure = stage.on_record(REF).failure
    assert failure is not None
    assert failure.code is FailureCode.CHUNK_DEAD_LETTERED
    assert "4 chunk(s) of rows were not credited" in failure.message
    assert stage.reports.requested == [ReportRequest(REF, 1)]


def test_a_chunk_that_is_lost_while_other_cells_wait_fails_the_batch_too(
    stage: BatchStage,
) -> None:
    stage.planned(REF, newlines=(600, 600))
    stage.closed(REF, 0, chunks=1, rows=500)
    stage.depths.in_parts = 1

    watch_for(stage, NOT_CREDITED_SECONDS // STILL_SECONDS)

    failure = stage.on_record(REF).failure
    assert failure is not None
    assert "1 chunk(s) of rows were not credited" in failure.message


def test_a_batch_that_failed_for_a_lost_chunk_heals_when_the_chunk_is_put_back(
    stage: BatchStage,
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=5)
    watch_for(stage, NOT_CREDITED_SECONDS // STILL_SECONDS)
    assert stage.on_record(REF).status is Status.FAILED

    stage.credited(REF, 0, (1, 5), credited=5)
    healed = stage.settled(REF)

    assert (healed.status, healed.failure, healed.revision) == (Status.COMPLETED, None, 2)


def test_crediting_that_ended_a_moment_after_the_queue_was_seen_empty_is_complete(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=5)
    looks = NOT_CREDITED_SECONDS // STILL_SECONDS
    watch_for(stage, looks - 1)

    def credited_and_gone() -> int:
        # The outcome is kept before the message leaves the queue.
        stage.credited(REF, 0, (1, 5), credited=5)
        return 0

    monkeypatch.setattr(stage.depths, "chunks", credited_and_gone)

    watch_for(stage, looks)

    assert stage.on_record(REF).status is Status.COMPLETED


def test_a_chunk_whose_last_delivery_has_ended_without_an_outcome_fails_the_batch(
    stage: BatchStage,
) -> None:
    stage.planned(REF, newlines=(600, 600))
    stage.closed(REF, 0, chunks=2, rows=600)
    stage.closed(REF, 1, chunks=1, rows=500)
    stage.credited(REF, 0, (1, 500), credited=500)
    stage.store.mark_last_try(REF, 0, 1, NOW)
    stage.store.mark_last_try(REF, 0, 501, NOW)
    stage.store.mark_last_try(REF, 1, 601, NOW)

    summary = watch(stage)

    failed = stage.on_record(REF)
    assert failed.failure is not None
    assert (failed.status, failed.failure.code) == (
        Status.FAILED,
        FailureCode.CHUNK_DEAD_LETTERED,
    )
    assert "2 chunk(s)" in failed.failure.message
    assert "line 501, 601;" in failed.failure.message
    assert stage.reports.requested == [ReportRequest(REF, 1)]
    assert summary.failed == 1


def test_a_last_delivery_that_may_still_be_running_is_waited_for(stage: BatchStage) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=5)
    stage.store.mark_last_try(REF, 0, 1, LATER - VISIBILITY)

    assert watch(stage).failed == 0
    assert stage.on_record(REF).status is Status.CREDITING


def test_a_message_names_ten_dead_chunks_and_counts_the_others(stage: BatchStage) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=12, rows=12)
    for line in range(1, 13):
        stage.store.mark_last_try(REF, 0, line, NOW)

    watch(stage)

    failure = stage.on_record(REF).failure
    assert failure is not None
    assert "line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more;" in failure.message


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.PLANNING, Status.PARSING])
def test_intake_that_was_asked_three_times_and_did_not_move_is_stuck(
    stage: BatchStage, status: Status
) -> None:
    reach(stage, REF, status)

    summaries = watch_for(stage, STUCK)

    stuck = stage.on_record(REF)
    assert stuck.failure is not None
    assert (stuck.status, stuck.failure.code) == (Status.FAILED, FailureCode.INTAKE_STUCK)
    assert f"{status}, although intake was asked 3 times" in stuck.failure.message
    healing = "put the messages of that queue back" if stuck.content else "upload the file again"
    assert healing in stuck.failure.message
    assert [summary.failed for summary in summaries] == [0] * (STUCK - 1) + [1]
    assert sum(summary.asked_again for summary in summaries) == len(stage.parts.sent) == 3


def test_what_is_stuck_is_looked_after_until_the_queue_is_empty_and_given_up_then(
    stage: BatchStage,
) -> None:
    stage.planned(REF)
    stage.depths.in_parts = 1
    watch_for(stage, STUCK)
    stage.depths.in_parts = 0

    (summary,) = watch_for(stage, 1, start=NOW + STUCK * (STILL_SECONDS + 1))

    assert summary.failed == 1


def test_a_submission_that_cannot_be_looked_after_does_not_stop_the_others(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = ref_of(name="activities_acme_20260101000001.txt"), REF
    stage.planned(broken, content="c1", at=NOW)
    stage.planned(sound, content="c2", at=NOW + 1)
    get = stage.store.get
    monkeypatch.setattr(stage.store, "get", lambda ref: get(ref) if ref == sound else 1 / 0)

    summary = watch(stage, now=LATER + 1)

    assert stage.parts.sent == [ParsePart(sound, 0, 1)]
    (error,) = summary.errors
    assert isinstance(error, ZeroDivisionError)
    assert error.__notes__ == [f"while looking after {broken.batch}, version v1"]


def test_a_run_ends_when_its_time_is_up_and_goes_on_with_the_oldest_next_time(
    stage: BatchStage,
) -> None:
    first, second = REF, ref_of(name="activities_acme_20260101000001.txt")
    stage.planned(first, content="c1", at=NOW)
    stage.planned(second, content="c2", at=NOW + 1)
    calls = iter([False, True])

    summary = watch(stage, now=LATER + 1, out_of_time=lambda: next(calls))

    assert (summary.seen, summary.in_time) == (1, False)
    assert stage.parts.take() == [ParsePart(first, 0, 1)]
    watch(stage, now=LATER + 2)
    assert stage.parts.take() == [ParsePart(second, 0, 1)]


def reach(stage: BatchStage, ref: SubmissionRef, status: Status) -> None:
    if status is Status.RECEIVED:
        stage.received(ref)
    elif status is Status.PLANNING:
        stage.measured(ref)
    else:
        stage.planned(ref)
    assert stage.on_record(ref).status is status
