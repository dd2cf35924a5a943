"""Wires result files and notices."""

from __future__ import annotations

import time
from functools import cache
from typing import Protocol

from pointflow.adapters.batch_notices import BatchNotices
from pointflow.adapters.clients import client
from pointflow.adapters.eventbridge import EventBridgePublisher
from pointflow.adapters.s3_results import S3ResultStore
from pointflow.bootstrap import batches
from pointflow.config import config
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Submission
from pointflow.services.report_submission import Reporting, report_submission


class Report(Protocol):
    """Writes one submission's results; see `report_submission`."""

    def __call__(
        self, request: ReportRequest, *, again: bool, deadline: float
    ) -> tuple[Submission, ...]:
        """Write the newest revision, unless that is done and this is the first delivery.

        What is not written by `deadline`, a `time.monotonic()` value, is left to another
        invocation.
        """
        ...


@cache
def report() -> Report:
    """Result files."""
    results = S3ResultStore(client("s3"), config().bucket)
    notices = BatchNotices(
        EventBridgePublisher(client("events")), client("sns"), config().batch_topic_arn
    )

    def run(request: ReportRequest, *, again: bool, deadline: float) -> tuple[Submission, ...]:
        ports = Reporting(
            batches.submissions(),
            results,
            batches.reports(),
            notices,
            lambda: time.monotonic() >= deadline,
        )
        return report_submission(request, ports=ports, again=again)

    return run
