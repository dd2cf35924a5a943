"""How full the work queues are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

# Messages that wait, that are hidden while somebody works on them or until their next try, and
# that are delayed: together all that a queue has not handed on for good.
COUNTS: tuple[QueueAttributeNameType, ...] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsQueueDepths:
    """`QueueDepths` of PartQueue and CreditQueue.

    Parameters
    ----------
    client : SQSClient
    part_queue_url, credit_queue_url : str
    """

    def __init__(self, client: SQSClient, part_queue_url: str, credit_queue_url: str) -> None:
        self._client = client
        self._part_queue_url = part_queue_url
        self._credit_queue_url = credit_queue_url

    def parts(self) -> int:
        """Messages that PartQueue holds."""
        return self._depth(self._part_queue_url)

    def chunks(self) -> int:
        """Messages that CreditQueue holds."""
        return self._depth(self._credit_queue_url)

    def _depth(self, queue_url: str) -> int:
        answer = self._client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=COUNTS)
        return sum(int(answer["Attributes"][name]) for name in COUNTS)
