"""Takes back what batches have credited."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.adapters.clients import client
from pointflow.bootstrap import undo as wiring
from pointflow.domain.submission import Undone
from pointflow.domain.undo import decode_undo
from pointflow.observability import lines_are_about, logger, metrics
from pointflow.queue_batch import process_records

SECONDS_TO_FINISH = 30.0
"""Kept of the invocation's time for what comes after the last retry: notes, messages, answer."""

SECONDS_FOR_RETRIES = 15.0
"""Kept, before that, for the retries of the rows that are being taken back when time is up."""


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, undo: wiring.Undo | None = None
) -> dict[str, Any]:
    """Handle a batch of UndoQueue."""
    undo = undo or wiring.undo()
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_FINISH
    total = Undone()

    def out_of_time() -> bool:
        return time.monotonic() >= deadline - SECONDS_FOR_RETRIES

    def handle(body: str, receive_count: int) -> None:  # noqa: ARG001 - the queue's interface
        nonlocal total
        message = decode_undo(body)
        lines_are_about(message.ref)
        undone = undo(message, deadline=deadline, out_of_time=out_of_time)
        total += undone
        logger.info(
            "undo",
            kind=type(message).__name__,
            rows=undone.rows,
        )

    response = process_records(event, handle, lambda: client("sqs"))
    metrics.add_metric("RowsUndone", MetricUnit.Count, total.rows)
    metrics.add_metric("PointsUndone", MetricUnit.Count, total.points)
    return response
