"""Decide what becomes of a measured file, and send its cells on their way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pointflow.domain.client import DuplicateContent
from pointflow.domain.codes import FileCode
from pointflow.domain.content import FILE_EMPTY, content_digest, first_line_numbers, first_row_line
from pointflow.domain.messages import MeasurePart, ParsePart
from pointflow.domain.submission import Refusal, Status, Submission, SubmissionRef
from pointflow.ports import (
    Catalog,
    ClaimResult,
    PartPublisher,
    ReportPublisher,
    SubmissionStore,
)
from pointflow.services.settle import settle_submission


def plan_submission(
    submission: Submission,
    *,
    store: SubmissionStore,
    catalog: Catalog,
    parts: PartPublisher,
    reports: ReportPublisher,
    now: int,
) -> None:
    """Claim name and content, and send out every cell to be parsed; or refuse, hold or drop.

    May be repeated at any time: a run that finds the claim made goes on behind it.

    Parameters
    ----------
    submission : Submission
        On record with every cell measured.
    store, catalog, parts, reports
        Ports.
    now : int
        Seconds since the epoch.
    """
    if submission.status is Status.PLANNING:
        submission = _decide(submission, store, catalog, now)
    if submission.status is Status.PARSING:
        send_parse_parts(submission, store=store, parts=parts)
    else:
        settle_submission(store, reports, submission.ref, now)


def send_measure_parts(
    submission: Submission, *, store: SubmissionStore, parts: PartPublisher
) -> None:
    """Ask for every cell that is not measured yet.

    Where all are, whoever measured the last one may have crashed before it planned: asking for
    that cell again makes up for it.
    """
    measured = {measure.cell for measure in store.measures(submission.ref)}
    cells = range(submission.plan.cells)
    missing = [cell for cell in cells if cell not in measured] or [cells[-1]]
    parts.send_parts(MeasurePart(submission.ref, cell) for cell in missing)


def send_parse_parts(
    submission: Submission, *, store: SubmissionStore, parts: PartPublisher
) -> None:
    """Ask for every cell that is not closed yet.

    Parameters
    ----------
    submission : Submission
        On record, planned.
    store, parts
        Ports.
    """
    closed = {close.cell for close in store.closes(submission.ref)}
    first_lines = first_line_numbers(tuple(store.measures(submission.ref)))
    parts.send_parts(
        ParsePart(submission.ref, cell, first_line)
        for cell, first_line in enumerate(first_lines)
        if cell not in closed
    )


def _decide(
    submission: Submission, store: SubmissionStore, catalog: Catalog, now: int
) -> Submission:
    ref = submission.ref
    measures = tuple(store.measures(ref))
    first_row = first_row_line(measures)
    if first_row is None:
        return store.refuse(ref, FILE_EMPTY, now)
    client = catalog.client(ref.client_id)
    # A client removed meanwhile has no setting: hold, which a person can undo.
    hold = client is None or client.duplicate_content is DuplicateContent.HOLD
    claim = store.claim(ref, content_digest(measures), first_row, hold, now)
    if claim.result is ClaimResult.NAME_REUSED:
        return store.refuse(ref, _name_reused(store, claim.other), now)
    return store.get(ref) or submission


def _name_reused(store: SubmissionStore, owner_ref: SubmissionRef | None) -> Refusal:
    owner = store.get(owner_ref) if owner_ref else None
    earlier = "an earlier upload with other content"
    credited = None
    if owner:
        received = datetime.fromtimestamp(owner.plan.received_at, UTC)
        earlier += f", received {received:%Y-%m-%d %H:%M:%S} UTC"
        credited = _credited_lines(store, owner)
    done = f"rows in its lines {credited[0]}-{credited[1]} are" if credited else "no row of it is"
    return Refusal(
        FileCode.FILE_NAME_REUSED,
        f"the file name belongs to {earlier}; {done} credited so far. Nothing of this upload was"
        " credited: send the rows that are not in the earlier one under a new name",
    )


def _credited_lines(store: SubmissionStore, owner: Submission) -> tuple[int, int] | None:
    """First and last line of the chunks that credited something, as far as is known now."""
    cells = range(owner.plan.cells)
    first = next(_credited_spans(store, owner.ref, cells), None)
    if first is None:
        return None
    backwards = _credited_spans(store, owner.ref, reversed(cells))
    return first[0], next(backwards, first)[1]


def _credited_spans(
    store: SubmissionStore, ref: SubmissionRef, cells: Iterator[int] | range
) -> Iterator[tuple[int, int]]:
    """By cell: where its credited chunks begin and end. Reads outcomes only of cells with some."""
    for cell in cells:
        if store.cell_progress(ref, cell).tally.credited:
            spans = [
                (outcome.first_line, outcome.last_line)
                for outcome in store.outcomes(ref, cell)
                if outcome.tally.credited
            ]
            if spans:
                yield spans[0][0], spans[-1][1]
