"""One SQS batch through one handler: each message alone, failures reported one by one.

A plain loop: Powertools' BatchProcessor does the same and takes longer to import than all else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.described_error import described
from pointflow.domain.errors import PermanentError
from pointflow.observability import lines_are_about_nothing, logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONGEST_WAIT_SECONDS = 120

Handle = Callable[[str, int], None]
"""Takes a message's body and how often it was received, this time included. Once it knows the file
it calls `lines_are_about`, so that the line about a failure names the file too."""


def process_records(
    event: Mapping[str, Any], handle: Handle, sqs: Callable[[], SQSClient]
) -> dict[str, Any]:
    """Handle every message of an SQS event; answer which ones are to be tried again.

    A message that fails is made visible again after a wait that doubles with each try (at once if
    trying again cannot help), so that it reaches its dead-letter queue soon, or its cure, instead
    of sleeping through the long visibility timeout that a crash needs.

    Returns
    -------
    dict
        The partial batch response, `{"batchItemFailures": [{"itemIdentifier": ...}]}`.
    """
    failed = [record for record in event["Records"] if not _is_handled(record, handle, sqs)]
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in failed]}


def _is_handled(record: Mapping[str, Any], handle: Handle, sqs: Callable[[], SQSClient]) -> bool:
    receive_count = 1
    try:
        receive_count = int(record["attributes"]["ApproximateReceiveCount"])
        handle(record["body"], receive_count)
    except Exception as error:  # noqa: BLE001 - reported, and told to the queue
        _show_again(sqs, record, error, receive_count)
        return False
    finally:
        lines_are_about_nothing()
    return True


def _show_again(
    sqs: Callable[[], SQSClient],
    record: Mapping[str, Any],
    error: Exception,
    receive_count: int,
) -> None:
    permanent = isinstance(error, PermanentError)
    wait = 0 if permanent else min(LONGEST_WAIT_SECONDS, 2**receive_count)
    logger.error(
        "message failed",
        message_id=record["messageId"],
        **described(error),
        receive_count=receive_count,
        permanent=permanent,
        wait_seconds=wait,
    )
    *_, region, account, name = record["eventSourceARN"].split(":")
    try:
        queue_url = sqs().get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        sqs().change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=wait
        )
    except (BotoCoreError, ClientError) as refused:
        # The message comes back by itself, later: after the queue's visibility timeout. Logged
        # without its traceback, which would print the first error's text as well.
        logger.error(
            "visibility not changed",
            message_id=record["messageId"],
            region=region,
            **described(refused),
        )
