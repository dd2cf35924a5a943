"""A report that takes several invocations is the very same report."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from pointflow.domain.codes import FailureCode, RowCode
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Failure, Submission
from pointflow.services.report_draft import draft_key
from pointflow.services.report_submission import report_submission
from tests.fakes.batch_stage import NOW, BatchStage, ref_of, reject, reporting
from tests.fakes.faults import Faults, WorkerKilled, every_fault

REF = ref_of()
CELLS = 5
DEAD = Failure(FailureCode.CHUNK_DEAD_LETTERED, "a chunk could not be credited")


def complete(stage: BatchStage) -> None:
    """Five cells of ten lines with rejects of intake and of crediting; one cell without any."""
    stage.planned(REF, newlines=(10,) * CELLS)
    for cell in range(CELLS):
        first = cell * 10 + 1
        if cell == 2:
            stage.closed(REF, cell, chunks=1, rows=10)
            stage.credited(REF, cell, (first, first + 9), credited=10, points=7)
            continue
        too_long = reject(first, RowCode.LINE_TOO_LONG, raw=None)
        unknown = [reject(first + 1, RowCode.MEMBER_NOT_FOUND, raw=b"\xff|%d" % cell)]
        stage.closed(REF, cell, chunks=1, rows=10, rejects=[too_long])
        stage.credited(REF, cell, (first + 1, first + 9), credited=8, points=9, rejects=unknown)
    stage.settled(REF)


def failed(stage: BatchStage) -> None:
    """The chunks of the second and the last cell are dead; the fourth cell was never parsed."""
    stage.planned(REF, newlines=(10,) * CELLS)
    for cell in (0, 1, 2, 4):
        first = cell * 10 + 1
        stage.closed(REF, cell, chunks=1, rows=10, rejects=[reject(first)])
        if cell in {0, 2}:
            stage.credited(REF, cell, (first + 1, first + 9), credited=9, points=1)
    stage.store.begin_crediting(REF, NOW)
    stage.store.fail(REF, DEAD, NOW)


def outbound(stage: BatchStage) -> dict[str, bytes]:
    bodies = stage.objects.written.items()
    return {key: body for key, body in bodies if key.startswith("outbound/")}


def at_once(fill: Callable[[BatchStage], None]) -> dict[str, bytes]:
    stage = BatchStage()
    fill(stage)
    report_submission(ReportRequest(REF, 1), ports=reporting(stage))
    return outbound(stage)


def drafts(stage: BatchStage) -> list[str]:
    return [key for key in stage.objects.written if "/report-" in key]


@pytest.mark.parametrize("fill", [complete, failed])
def test_a_report_in_an_invocation_a_cell_is_the_same_to_the_byte(
    fill: Callable[[BatchStage], None],
) -> None:
    stage = BatchStage()
    fill(stage)
    stage.reports.requested = [ReportRequest(REF, 1)]
    reported: list[Submission] = []
    for asked in stage.reports.requested:  # grows while it is gone through
        assert not reported
        reported += report_submission(asked, ports=reporting(stage, out_of_time=lambda: True))

    assert len(stage.reports.requested) == CELLS
    assert outbound(stage) == at_once(fill)
    assert [submission.ref for submission in reported] == [REF]
    assert stage.on_record(REF).reported_revision == 1
    assert drafts(stage) == []
    assert stage.objects.half_written == {}


def run_through(stage: BatchStage, faults: Faults | None = None) -> None:
    """Report until nobody asks for more; what dies is delivered again."""
    objects = faults.wrap(stage.objects) if faults else stage.objects
    asked = [(ReportRequest(REF, 1), False)]
    while asked:
        request, again = asked.pop()
        known = len(stage.reports.requested)
        ports = reporting(stage, objects=objects, out_of_time=lambda: True)
        try:
            report_submission(request, ports=ports, again=again)
        except (WorkerKilled, Exception):  # noqa: BLE001 - a queue delivers again, whatever it was
            asked.append((request, True))
            objects = stage.objects
        asked += [(each, False) for each in stage.reports.requested[known:]]


def test_wherever_a_worker_dies_the_report_is_written_in_the_end() -> None:
    stage = BatchStage()
    complete(stage)
    recording = Faults()
    run_through(stage, recording)
    wanted = at_once(complete)
    assert outbound(stage) == wanted

    for position, when in every_fault(len(recording.calls)):
        stage = BatchStage()
        complete(stage)
        run_through(stage, Faults(position, when))

        assert outbound(stage) == wanted, (position, when)
        assert stage.on_record(REF).reported_revision == 1
        assert drafts(stage) == []


@pytest.mark.parametrize("fill", [complete, failed])
def test_two_workers_on_one_report_do_not_mix_what_they_write(
    fill: Callable[[BatchStage], None],
) -> None:
    stage = BatchStage()
    fill(stage)
    for turn in count():
        # Both were handed the same request; whoever is second finds the other's draft, or none.
        asked = stage.reports.requested[-1] if stage.reports.requested else ReportRequest(REF, 1)
        for _ in range(2):
            report_submission(asked, ports=reporting(stage, out_of_time=lambda: True))
        if stage.on_record(REF).reported_revision:
            break
        assert turn < 2 * CELLS

    assert outbound(stage) == at_once(fill)


def test_a_draft_whose_parts_are_gone_is_dropped_and_the_report_begun_anew() -> None:
    stage = BatchStage()
    complete(stage)
    report_submission(ReportRequest(REF, 1), ports=reporting(stage, out_of_time=lambda: True))
    assert drafts(stage) == [draft_key(stage.on_record(REF))]
    stage.objects.half_written.clear()

    run_through(stage)

    assert outbound(stage) == at_once(complete)
    assert drafts(stage) == []


def test_a_request_to_go_on_with_what_is_finished_changes_nothing() -> None:
    stage = BatchStage()
    complete(stage)
    report_submission(ReportRequest(REF, 1), ports=reporting(stage))
    before = dict(stage.objects.written)
    faults = Faults()

    ports = reporting(stage, objects=faults.wrap(stage.objects))
    assert report_submission(ReportRequest(REF, 1, goes_on=True), ports=ports) == ()

    assert stage.objects.written == before
    assert faults.calls == ["find"]
