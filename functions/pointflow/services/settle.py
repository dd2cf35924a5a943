"""Finish a cell, then a submission, as soon as nothing of it is outstanding.

Called after every outcome and every close, on retries too: whoever comes last, and whoever
comes back after a crash, finds the work to finish.
"""

from __future__ import annotations

from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import SubmissionRef
from pointflow.ports.queues import ReportPublisher
from pointflow.ports.submissions import SubmissionStore


def settle_cell(
    store: SubmissionStore, reports: ReportPublisher, ref: SubmissionRef, cell: int, now: int
) -> None:
    """Complete the cell if every chunk of it has its outcome, then the submission if all have."""
    progress = store.cell_progress(ref, cell)
    if progress.settled:
        store.complete_cell(ref, cell, progress.tally, now)
        settle_submission(store, reports, ref, now)


def settle_submission(
    store: SubmissionStore, reports: ReportPublisher, ref: SubmissionRef, now: int
) -> None:
    """Complete the submission if every cell is complete, and ask for its unwritten report."""
    submission = store.complete(ref, now)
    if submission.revision > submission.reported_revision:
        reports.request_report(ReportRequest(ref, submission.revision))
