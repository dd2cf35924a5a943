"""A dead-letter queue in SQS."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pointflow.adapters.retrying import Backoff
from pointflow.adapters.sqs_depths import COUNTS
from pointflow.adapters.sqs_publishers import Message, QueueSender, batches
from pointflow.domain.dead_letter import DeadLetter
from pointflow.domain.errors import ConflictError, ContentionError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS = 300
"""How long a letter is hidden while somebody has it in his hands; a crash shows it again then."""

WAIT_SECONDS = 1
"""Long polling: SQS then asks all of its servers, not some."""

PATIENCE_SECONDS = 30.0


def _in_a_while() -> Backoff:
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class SqsDeadLetters:
    """Fulfils `ports.dead_letters.DeadLetters`.

    Parameters
    ----------
    client : SQSClient
    queue_url : str
        The dead-letter queue.
    source_url : str or None
        Where its letters came from; None: from no queue.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        source_url: str | None,
        backoff: Callable[[], Backoff] = _in_a_while,
    ) -> None:
        self._client = client
        self._url = queue_url
        self._source = QueueSender(client, source_url, backoff) if source_url else None

    def count(self) -> int:
        """Letters that wait and letters that are hidden."""
        answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=COUNTS)
        return sum(int(answer["Attributes"][name]) for name in COUNTS)

    def receive(self) -> Sequence[DeadLetter]:
        """Up to ten letters, hidden for five minutes."""
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        return [_letter(message) for message in answer.get("Messages", [])]

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Show letters again. One that cannot be shown now comes back by itself."""
        self._client.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
                for index, letter in enumerate(letters)
            ],
        )

    def send_back(self, letters: Sequence[DeadLetter]) -> None:
        """Send letters to where they came from, in calls of at most 1 MiB."""
        if self._source is None:
            raise ConflictError("these letters came out of no queue")
        for batch in batches(Message(letter.body, letter.group) for letter in letters):
            self._source.send(batch)

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        """Delete letters. Raises `ContentionError` when some are still there."""
        answer = self._client.delete_message_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": letter.receipt}
                for index, letter in enumerate(letters)
            ],
        )
        if failed := answer.get("Failed"):
            raise ContentionError(f"{len(failed)} letters were not deleted: {failed[0]['Code']}")


def _letter(message: MessageTypeDef) -> DeadLetter:
    attributes = message.get("Attributes", {})
    return DeadLetter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=int(attributes.get("SentTimestamp", "0")),
        receives=int(attributes.get("ApproximateReceiveCount", "0")),
        group=attributes.get("MessageGroupId"),
        receipt=message["ReceiptHandle"],
    )
