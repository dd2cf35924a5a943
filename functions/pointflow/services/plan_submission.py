"""Decide what becomes of a measured file, and send its cells on their way."""

from __future__ import annotations

from pointflow.domain.client import DuplicateContent
from pointflow.domain.content import FILE_EMPTY, numbered, survey
from pointflow.domain.messages import MeasureCells, MeasurePart, ParseCells, ParsePart
from pointflow.domain.submission import Status, Submission
from pointflow.ports.catalog import Catalog
from pointflow.ports.queues import PartPublisher, ReportPublisher
from pointflow.ports.submissions import ClaimResult, SubmissionStore
from pointflow.services.name_reused import name_reused
from pointflow.services.settle import settle_submission

CELLS_AT_ONCE = 1_000
"""A run asks for so many cells itself, in some 100 calls of the queue, which takes a second or two.

A file of more is asked for in slices of so many, which other runs spread.
"""


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

    Parameters
    ----------
    submission : Submission
        On record, not planned.
    store, parts
        Ports.
    """
    ref, cells = submission.ref, submission.plan.cells
    if cells <= CELLS_AT_ONCE:
        spread_measure(MeasureCells(ref, 0, cells), cells=cells, store=store, parts=parts)
        return
    parts.send_parts(
        MeasureCells(ref, first, min(first + CELLS_AT_ONCE, cells))
        for first in range(0, cells, CELLS_AT_ONCE)
    )


def spread_measure(
    slice_: MeasureCells, *, cells: int, store: SubmissionStore, parts: PartPublisher
) -> None:
    """Ask for the cells of a slice that are not measured yet. `cells`: how many the file has."""
    ref, wanted = slice_.ref, range(slice_.first, slice_.end)
    measured = {measure.cell for measure in store.measures(ref, slice_.first, slice_.end)}
    missing = [cell for cell in wanted if cell not in measured]
    if not missing and slice_.end == cells:
        missing = [cells - 1]
    parts.send_parts(MeasurePart(ref, cell) for cell in missing)


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
    ref, cells = submission.ref, submission.plan.cells
    if cells <= CELLS_AT_ONCE:
        spread_parse(ParseCells(ref, 0, cells, 1), store=store, parts=parts)
        return
    parts.send_parts(
        ParseCells(ref, measure.cell, min(measure.cell + CELLS_AT_ONCE, cells), first_line)
        for first_line, measure in numbered(store.measures(ref))
        if measure.cell % CELLS_AT_ONCE == 0
    )


def spread_parse(slice_: ParseCells, *, store: SubmissionStore, parts: PartPublisher) -> None:
    """Ask for the cells of a slice that are not closed yet."""
    ref, first, end = slice_.ref, slice_.first, slice_.end
    closed = {close.cell for close in store.closes(ref, first, end)}
    measures = store.measures(ref, first, end)
    parts.send_parts(
        ParsePart(ref, measure.cell, first_line)
        for first_line, measure in numbered(measures, first, slice_.first_line)
        if measure.cell not in closed
    )


def _decide(
    submission: Submission, store: SubmissionStore, catalog: Catalog, now: int
) -> Submission:
    ref = submission.ref
    found = survey(store.measures(ref))
    if found.cells != submission.plan.cells:
        raise ValueError("a file is planned only once every cell is measured")
    if found.first_row_line is None:
        return store.refuse(ref, FILE_EMPTY, now)
    client = catalog.client(ref.client_id)
    # A client removed meanwhile has no setting: hold, which a person can undo.
    hold = client is None or client.duplicate_content is DuplicateContent.HOLD
    claim = store.claim(ref, found.content, found.first_row_line, hold, now)
    if claim.result is ClaimResult.NAME_REUSED:
        return store.refuse(ref, name_reused(store, claim.other), now)
    return store.get(ref) or submission
