"""An alarm that rings is told to whoever subscribed to the stack's topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import DeployedStack, eventually


@pytest.fixture
def told(stack: DeployedStack) -> Iterator[str]:
    """A queue that hears what is told to the alarms' topic."""
    sqs, sns = stack.aws("sqs"), stack.aws("sns")
    url = sqs.create_queue(QueueName="alarms-heard")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    arn, topic = attributes["QueueArn"], stack.outputs["AlarmTopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )
    yield url
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)


def test_a_client_whose_file_is_missing_makes_the_alarm_ring(
    stack: DeployedStack, told: str
) -> None:
    # The local AWS makes no metrics of logs, so the one that batch_watch writes is put by hand.
    name = stack.outputs["AlarmTopicArn"].split(":")[-1]
    alarms = stack.aws("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = [each for each in alarms if each["AlarmName"].endswith("-file-missing")]
    assert any(name in action for action in alarm["AlarmActions"])
    stack.aws("cloudwatch").put_metric_data(
        Namespace=alarm["Namespace"],
        MetricData=[
            {
                "MetricName": alarm["MetricName"],
                "Dimensions": alarm["Dimensions"],
                "Value": 1,
                "Unit": "Count",
            }
        ],
    )

    message = eventually(lambda: heard(stack, told, alarm["AlarmName"]), "the alarm's notice")

    assert message["NewStateValue"] == "ALARM"


def heard(stack: DeployedStack, url: str, alarm: str) -> dict[str, Any] | None:
    """What one alarm tells; others may ring for what the tests before did."""
    answer = stack.aws("sqs").receive_message(
        QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10
    )
    told: list[dict[str, Any]] = [
        json.loads(json.loads(message["Body"])["Message"]) for message in answer.get("Messages", [])
    ]
    return next((each for each in told if each["AlarmName"] == alarm), None)
