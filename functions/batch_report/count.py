"""Metrics of what became of batches. Dimensions are codes and nothing of a client's."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from pointflow.domain.submission import COMPLETE, Status, Submission
from pointflow.observability import metrics

NAMES = {
    Status.COMPLETED: "BatchesCompleted",
    Status.COMPLETED_WITH_REJECTS: "BatchesCompleted",
    Status.REFUSED: "BatchesRefused",
    Status.DUPLICATE: "BatchesDuplicate",
    Status.HELD: "BatchesHeld",
    Status.DISCARDED: "BatchesDiscarded",
    Status.FAILED: "BatchesFailed",
    Status.UNDONE: "BatchesUndone",
}


def count(submission: Submission) -> None:
    """Count a submission whose newest revision was reported, and why its rows were rejected.

    A report that is written twice may be counted twice.
    """
    metrics.add_metric(NAMES[submission.status], MetricUnit.Count, 1)
    tally = submission.tally
    if submission.status in COMPLETE and tally.rows:
        share = 100 * tally.rejected / tally.rows
        metrics.add_metric("RejectSharePercent", MetricUnit.Percent, share)
    metrics.flush_metrics()
    if submission.status in COMPLETE:
        for code, rows in tally.codes.items():
            with single_metric("RowsRejectedByCode", MetricUnit.Count, rows) as metric:
                metric.add_dimension("code", code)
