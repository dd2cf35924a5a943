"""Takes uploads in: refuses, measures and plans them, and sends their rows to the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.adapters.clients import client
from pointflow.bootstrap import intake as wiring
from pointflow.domain.errors import OutOfTimeError
from pointflow.domain.messages import Upload, decode_part, is_part
from pointflow.observability import lines_are_about, logger
from pointflow.queue_batch import process_records
from pointflow.services.intake import Intake

SECONDS_TO_FINISH = 60.0
"""Kept of the invocation's time: no call that is under way when it begins takes longer to end."""


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,
    intake: Intake | None = None,
    read_uploads: Callable[[str], list[Upload]] | None = None,
) -> dict[str, Any]:
    """Handle a batch of UploadQueue or PartQueue."""
    intake = intake or wiring.intake()
    read_uploads = read_uploads or wiring.reader()
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SECONDS_TO_FINISH

    def out_of_time() -> bool:
        return time.monotonic() >= end

    def handle(body: str, receive_count: int) -> None:
        if out_of_time():
            raise OutOfTimeError("the messages before this one took the invocation's time")
        if is_part(body):
            part = decode_part(body)
            lines_are_about(part.ref)
            intake.part(part, retry=receive_count > 1, out_of_time=out_of_time)
            return
        for upload in read_uploads(body):
            lines_are_about(upload.ref)
            submission = intake.upload(upload)
            logger.info(
                "upload",
                bytes=upload.size,
                status=submission.status if submission else "ignored: temporary name",
            )

    return process_records(event, handle, lambda: client("sqs"))
