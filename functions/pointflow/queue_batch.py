"""One SQS batch through one handler: each message alone, failures reported one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from botocore.exceptions import BotoCoreError, ClientError

from pointflow.described_error import described
from pointflow.domain.errors import PermanentError
from pointflow.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LONGEST_WAIT_SECONDS = 120

Handle = Callable[[str, int], None]
"""Takes a message's body and how often it was received, this time included."""


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

    def record_handler(record: Mapping[str, Any]) -> None:
        receive_count = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            handle(record["body"], receive_count)
        except Exception as error:
            _show_again(sqs, record, error, receive_count)
            raise

    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    with processor(event["Records"], record_handler):
        processor.process()
    response: dict[str, Any] = dict(processor.response())
    return response


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
