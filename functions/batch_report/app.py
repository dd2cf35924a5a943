"""Writes the result files of finished, refused, held and failed submissions."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_report.count import count
from pointflow.adapters.clients import client
from pointflow.bootstrap import reporting
from pointflow.domain.messages import decode_report
from pointflow.observability import lines_are_about, logger
from pointflow.queue_batch import process_records

SECONDS_FOR_A_CELL = 120.0
"""Kept of the invocation's time when it looks whether another cell's rejects fit into it."""


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,
    report: reporting.Report | None = None,
) -> dict[str, Any]:
    """Handle a batch of ReportQueue."""
    report = report or reporting.report()
    remaining = context.get_remaining_time_in_millis() / 1000
    deadline = time.monotonic() + remaining - SECONDS_FOR_A_CELL

    def handle(body: str, receive_count: int) -> None:
        request = decode_report(body)
        lines_are_about(request.ref)
        reported = report(request, again=receive_count > 1, deadline=deadline)
        for submission in reported:
            count(submission)
            refusal = submission.refusal
            logger.info(
                "reported",
                revision=submission.revision,
                status=submission.status,
                refusal=refusal.code if refusal else None,
            )
        if not reported:
            logger.info("nothing reported yet", revision=request.revision)

    return process_records(event, handle, lambda: client("sqs"))
