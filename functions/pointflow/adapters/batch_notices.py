"""Notices of decided batches: an event on the bus, and a message to the topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pointflow.domain.notice import Notice
from pointflow.ports.events import Event, EventPublisher

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

_FILTERED_BY = ("client_id", "status")


class BatchNotices:
    """Fulfils `ports.notices.Notices`.

    Parameters
    ----------
    events : EventPublisher
    client : SNSClient
    topic_arn : str
        BatchTopic.
    """

    def __init__(self, events: EventPublisher, client: SNSClient, topic_arn: str) -> None:
        self._events = events
        self._client = client
        self._topic_arn = topic_arn

    def tell(self, notice: Notice) -> None:
        """Publish to both. When the second fails, the caller tells both again."""
        self._events.publish([Event(notice.detail_type, notice.detail)])
        self._client.publish(
            TopicArn=self._topic_arn,
            Message=message_of(notice),
            MessageAttributes=attributes_of(notice),
        )


def message_of(notice: Notice) -> str:
    """The JSON text that subscribers of the topic get."""
    told = {"detail_type": notice.detail_type, "detail": notice.detail}
    return json.dumps(told, separators=(",", ":"))


def attributes_of(notice: Notice) -> dict[str, MessageAttributeValueTypeDef]:
    """What a subscription can filter by."""
    told = {name: str(notice.detail[name]) for name in _FILTERED_BY}
    return {
        name: {"DataType": "String", "StringValue": text}
        for name, text in {"detail_type": notice.detail_type, **told}.items()
    }
