"""Writes the result files of finished, refused, held and failed submissions."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.adapters.clients import client
from pointflow.bootstrap import batches
from pointflow.domain.messages import decode_report
from pointflow.observability import logger
from pointflow.queue_batch import process_records


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,  # noqa: ARG001
    report: batches.Report | None = None,
) -> dict[str, Any]:
    """Handle a batch of ReportQueue."""
    report = report or batches.report()

    def handle(body: str, receive_count: int) -> None:
        request = decode_report(body)
        report(request, again=receive_count > 1)
        ref = request.ref
        logger.info(
            "reported", client_id=ref.client_id, version=ref.version, revision=request.revision
        )

    return process_records(event, handle, lambda: client("sqs"))
