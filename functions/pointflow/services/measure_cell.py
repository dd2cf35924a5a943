"""Pass 1 over one cell; whoever measures the last one plans."""

from __future__ import annotations

from pointflow.domain import content
from pointflow.domain.errors import MessageInvalidError, ObjectUnreadableError
from pointflow.domain.messages import MeasurePart
from pointflow.domain.submission import Status, Submission
from pointflow.ports.catalog import Catalog
from pointflow.ports.objects import ObjectStore
from pointflow.ports.queues import PartPublisher, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.fail_unreadable import fail_unreadable
from pointflow.services.in_time import OutOfTime, in_time, never
from pointflow.services.plan_submission import plan_submission
from pointflow.services.receive_upload import take_in
from pointflow.services.settle import settle_submission


def measure_cell(
    part: MeasurePart,
    *,
    retry: bool,
    store: SubmissionStore,
    objects: ObjectStore,
    catalog: Catalog,
    parts: PartPublisher,
    reports: ReportPublisher,
    now: int,
    out_of_time: OutOfTime = never,
) -> None:
    """Measure a cell, and plan the submission when no cell is missing.

    Of an upload that was recorded and not looked into, any cell's message does what the upload's
    own would have done: its file is looked into, and every cell is asked for.

    Parameters
    ----------
    part : MeasurePart
    retry : bool
        Whether this message was delivered before. Only then can it be the one whose first run
        planned the submission and crashed before it had sent all of the plan.
    store, objects, catalog, parts, reports
        Ports.
    now : int
        Seconds since the epoch.
    out_of_time : callable
        Tells when to give up.

    Raises
    ------
    OutOfTimeError
        The cell could not be read in the time of one invocation.
    MessageInvalidError
        There is no such submission, or no such cell of it.
    """
    submission = _on_record(part, store)
    if submission.status is Status.RECEIVED:
        take_in(
            submission,
            store=store,
            objects=objects,
            catalog=catalog,
            parts=parts,
            reports=reports,
            now=now,
        )
        return
    if submission.status is Status.PLANNING and not _all_measured(submission):
        start, end = content.measure_span(submission.plan, part.cell)
        blocks = in_time(objects.read(part.ref, start, end), out_of_time)
        try:
            measure = content.measure_cell(blocks, plan=submission.plan, cell=part.cell)
        except ObjectUnreadableError:
            fail_unreadable(store, reports, part.ref, now)
            return
        store.save_measure(part.ref, measure, now)
        submission = _on_record(part, store)
    if submission.status is Status.PLANNING:
        goes_on = _all_measured(submission)
    elif submission.status is Status.PARSING:
        # Every repeat sends every open cell again. A first delivery need not: whoever planned
        # sends them, or comes back to do it.
        goes_on = retry
    else:
        settle_submission(store, reports, part.ref, now)
        return
    if goes_on:
        plan_submission(
            submission, store=store, catalog=catalog, parts=parts, reports=reports, now=now
        )


def _all_measured(submission: Submission) -> bool:
    return submission.cells_measured >= submission.plan.cells


def _on_record(part: MeasurePart, store: SubmissionStore) -> Submission:
    submission = store.get(part.ref)
    if submission is None:
        raise MessageInvalidError(f"no submission {part.ref.version} of {part.ref.batch}")
    if part.cell >= submission.plan.cells:
        raise MessageInvalidError(f"{part.ref.batch} has no cell {part.cell}")
    return submission
