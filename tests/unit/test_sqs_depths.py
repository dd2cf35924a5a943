"""How full a queue is: everything that is not handed on for good counts, and stays."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_sqs import SQSClient

from pointflow.adapters.sqs_depths import SqsQueueDepths


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[SQSClient]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client("sqs", region_name="us-east-1")


def test_messages_that_wait_are_hidden_or_delayed_count_each_in_their_own_queue(
    sqs: SQSClient,
) -> None:
    part, credit = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("part", "credit"))
    depths = SqsQueueDepths(sqs, part, credit)
    assert (depths.parts(), depths.chunks()) == (0, 0)

    for body in ("waits", "is worked on"):
        sqs.send_message(QueueUrl=part, MessageBody=body)
    sqs.receive_message(QueueUrl=part, MaxNumberOfMessages=1)
    sqs.send_message(QueueUrl=part, MessageBody="is delayed", DelaySeconds=60)
    sqs.send_message(QueueUrl=credit, MessageBody="waits")

    assert (depths.parts(), depths.chunks()) == (3, 1)
    assert (depths.parts(), depths.chunks()) == (3, 1)
