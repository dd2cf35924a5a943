"""What changes in members' views is told on the event bus of the deployed stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import DeployedStack, eventually
from tests.e2e.http import JSON, api_key, send
from tests.e2e.test_push import NEXT_MONTH, PUSHES, body

NAME = "expirations-listener"


@pytest.fixture
def listener(stack: DeployedStack) -> Iterator[str]:
    """A queue that gets every event of pointflow's."""
    events, sqs = stack.aws("events"), stack.aws("sqs")
    url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name=NAME, EventPattern=json.dumps({"source": ["pointflow"]}))
    events.put_targets(Rule=NAME, Targets=[{"Id": "queue", "Arn": arn}])
    try:
        yield url
    finally:
        events.remove_targets(Rule=NAME, Ids=["queue"])
        events.delete_rule(Name=NAME)
        sqs.delete_queue(QueueUrl=url)


def test_each_changed_view_is_told_once_it_changed_and_a_repeated_push_is_not(
    stack: DeployedStack, listener: str
) -> None:
    added = stack.pointflow("credentials", "add", "--scopes", "push", "--json")
    assert added.code == 0, added.err
    headers = {**JSON, **api_key(added.json["api_key"])}
    url, member = stack.outputs["ApiUrl"] + PUSHES, 700_200_001
    cleared: dict[str, Any] = {"redemption_period_points_expiration": []}
    first = body(member, "2026-05-20T10:00:00Z", email_address="ann.e2e@example.com")
    same_points = body(member, "2026-05-21T10:00:00Z", email_address="ann.e2e@example.com")
    last = body(member, "2026-05-22T10:00:00Z", email_address="ann.e2e@example.com", **cleared)
    for each in (first, first, same_points, last):
        assert send("POST", url, headers, each).status == 200

    told = heard(stack, listener, member)

    assert [each["source"] for each in told] == ["pointflow", "pointflow"]
    assert [each["detail-type"] for each in told] == ["PointsExpirationUpdated"] * 2
    appeared, went = (each["detail"] for each in told)
    assert appeared["old"] is None
    assert appeared["new"]["points_expiring"] == went["old"]["points_expiring"] == 300
    assert appeared["new"]["next_expiration"]["expiration_date"] == NEXT_MONTH
    assert went["new"] == {"next_expiration": None, "points_expiring": 0}
    assert appeared["version"] < went["version"]
    assert "ann.e2e@example.com" not in json.dumps(told)


def heard(stack: DeployedStack, url: str, member: int) -> list[Any]:
    """A member's events, in order of version, once that of a cleared view is among them."""
    sqs, found = stack.aws("sqs"), dict[str, Any]()

    def cleared() -> list[Any] | None:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            if event["detail"].get("user_id") == member:
                found[event["detail"]["version"]] = event
        told = [found[version] for version in sorted(found)]
        return told if told and told[-1]["detail"]["new"]["points_expiring"] == 0 else None

    return eventually(cleared, "the event of the cleared view")
