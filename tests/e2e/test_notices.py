"""Decided batches are told on the event bus and to the topic, after their results are there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.conftest import DeployedStack, eventually

FINISHED = "activities_acme_20260811000000.txt"
REFUSED = "activities_acme_20260812000000.txt"
ROW = b"hana@example.com||||126456789|3\n"


class Listener:
    """A queue, and what came into it by batch."""

    def __init__(self, stack: DeployedStack, name: str) -> None:
        self._sqs = stack.aws("sqs")
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = answer["Attributes"]["QueueArn"]
        self._heard: dict[str, Any] = {}
        senders = {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}
        allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": self.arn}
        policy = {"Version": "2012-10-17", "Statement": [allow | {"Principal": senders}]}
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})

    def wait_for(self, file_name: str) -> Any:
        """The message about a file, once it has come."""

        def hear() -> Any:
            answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                told = json.loads(message["Body"])
                self._heard[told["detail"]["file"]] = told
            return self._heard.get(file_name)

        return eventually(hear, f"notice of {file_name}")

    def close(self) -> None:
        self._sqs.delete_queue(QueueUrl=self.url)


@pytest.fixture
def listeners(stack: DeployedStack) -> Iterator[Mapping[str, Listener]]:
    """One behind a rule of the default bus, one behind a subscription of the topic."""
    bus, topic = Listener(stack, "e2e-notices-bus"), Listener(stack, "e2e-notices-topic")
    events, sns = stack.aws("events"), stack.aws("sns")
    events.put_rule(Name="e2e-notices", EventPattern=json.dumps({"source": ["pointflow"]}))
    events.put_targets(Rule="e2e-notices", Targets=[{"Id": "queue", "Arn": bus.arn}])
    subscription = sns.subscribe(
        TopicArn=stack.outputs["BatchTopicArn"],
        Protocol="sqs",
        Endpoint=topic.arn,
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    try:
        yield {"bus": bus, "topic": topic}
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        events.remove_targets(Rule="e2e-notices", Ids=["queue"])
        events.delete_rule(Name="e2e-notices")
        for each in (bus, topic):
            each.close()


def test_finished_and_refused_batches_are_told_on_the_bus_and_to_the_topic(
    stack: DeployedStack, listeners: Mapping[str, Listener]
) -> None:
    stack.upload(f"inbound/acme/{FINISHED}", ROW + b"a|b\n")
    stack.upload(f"inbound/acme/{REFUSED}", b"\xff\xfeh\x00")

    event = listeners["bus"].wait_for(FINISHED)
    files = event["detail"]["files"]
    result = json.loads(stack.object(files["result"]))
    refused = listeners["topic"].wait_for(REFUSED)

    assert (event["source"], event["detail-type"]) == ("pointflow", "BatchFinished")
    for name in ("status", "revision", "rows", "credited", "rejected", "points", "counts"):
        assert event["detail"][name] == result[name], name
    assert stack.object(files["rejected"]) == b"a|b\n"
    assert listeners["topic"].wait_for(FINISHED)["detail"] == event["detail"]
    assert refused["detail_type"] == "BatchRefused"
    assert refused["detail"]["refusal"] == "FILE_NOT_TEXT"
    assert listeners["bus"].wait_for(REFUSED)["detail"]["id"] == refused["detail"]["id"]
