"""Turns the rows of CreditQueue into credits."""

from __future__ import annotations

import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.adapters.clients import client
from pointflow.bootstrap import crediting
from pointflow.domain.messages import Chunk, decode_chunk
from pointflow.domain.submission import Tally
from pointflow.observability import lines_are_about, logger, metrics
from pointflow.queue_batch import process_records
from pointflow.services.credit_chunk import ChunkResult

SECONDS_TO_FINISH = 10.0
"""Kept of the invocation's time for what comes after the last retry: rejects, outcome, answer."""


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any], context: LambdaContext, credit: crediting.Credit | None = None
) -> dict[str, Any]:
    """Handle a batch of CreditQueue."""
    decide = credit or crediting.credit()
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_FINISH
    shares = _Shares(end, len(event["Records"]))
    total = Tally()

    def handle(body: str, receive_count: int) -> None:
        nonlocal total
        deadline = shares.next_deadline()
        chunk = decode_chunk(body)
        lines_are_about(chunk.ref)
        result = decide(chunk, receive_count=receive_count, deadline=deadline)
        if not chunk.ref.dry_run:
            total += result.tally
        _log(chunk, result)

    response = process_records(event, handle, lambda: client("sqs"))
    metrics.add_metric("RowsCredited", MetricUnit.Count, total.credited)
    metrics.add_metric("RowsRejected", MetricUnit.Count, total.rejected)
    metrics.add_metric("PointsGranted", MetricUnit.Count, total.points)
    return response


class _Shares:
    """Gives each message its share of the time: a contended one leaves the others theirs."""

    def __init__(self, end: float, messages: int) -> None:
        self._end = end
        self._messages = messages

    def next_deadline(self) -> float:
        now = time.monotonic()
        deadline = now + (self._end - now) / self._messages
        self._messages -= 1
        return deadline


def _log(chunk: Chunk, result: ChunkResult) -> None:
    logger.info(
        "chunk",
        cell=chunk.cell,
        first_line=chunk.first_line,
        dry_run=chunk.ref.dry_run,
        handling=result.handling,
        why=result.why,
        credited=result.tally.credited,
        rejected=result.tally.rejected,
    )
