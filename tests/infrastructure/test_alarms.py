"""Alarms: somebody is told, and finds what to do under the alarm's own name."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.infrastructure.template import ROOT, Json, properties, resources, value

ALARMS = sorted(resources("AWS::CloudWatch::Alarm"))
RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PARTS = ("**Means.**", "**Look.**", "**Do.**", "**Over.**")
TOPIC = [{"Ref": "AlarmTopic"}]
OURS = {"Fn::Sub": "pointflow/${AWS::StackName}"}


def name_of(alarm: str) -> str:
    """The alarm's name without the stack's."""
    return str(properties(alarm)["AlarmName"]["Fn::Sub"]).removeprefix("${AWS::StackName}-")


def headings() -> list[str]:
    return re.findall(r"^### ([a-z0-9-]+)$", RUNBOOK, re.MULTILINE)


def section(name: str) -> str:
    return RUNBOOK.split(f"\n### {name}\n", 1)[1].split("\n#", 1)[0]


@pytest.mark.parametrize("alarm", ALARMS)
def test_somebody_is_told_when_it_rings_and_when_it_is_over(alarm: str) -> None:
    assert properties(alarm)["AlarmActions"] == TOPIC
    assert properties(alarm)["OKActions"] == TOPIC
    assert properties(alarm)["AlarmDescription"]


def test_alarms_and_headings_of_the_runbook_are_the_same() -> None:
    assert Counter(headings()) == Counter(map(name_of, ALARMS))


@pytest.mark.parametrize("alarm", ALARMS)
def test_the_runbook_says_of_an_alarm_all_that_is_wanted_at_night(alarm: str) -> None:
    found = section(name_of(alarm))

    assert [part for part in PARTS if part in found] == list(PARTS)


def watched(metric: str, dimension: str) -> set[Json]:
    """The resources whose metric some alarm watches."""
    found = set()
    for alarm in ALARMS:
        of_an_index = "GlobalSecondaryIndexName" in str(properties(alarm)["Dimensions"])
        if properties(alarm)["MetricName"] == metric and not of_an_index:
            named = {each["Name"]: each["Value"] for each in properties(alarm)["Dimensions"]}
            node = named[dimension]
            found.add(node["Ref"] if "Ref" in node else node["Fn::GetAtt"][0])
    return found


def test_every_dead_letter_queue_is_watched_and_every_work_queue_s_age() -> None:
    queues = set(resources("AWS::SQS::Queue"))
    dead = {queue for queue in queues if queue.endswith("DLQ")}

    assert watched("ApproximateNumberOfMessagesVisible", "QueueName") == dead
    assert watched("ApproximateAgeOfOldestMessage", "QueueName") == queues - dead


@pytest.mark.parametrize("metric", ["Errors", "Throttles", "Duration"])
def test_every_function_is_watched(metric: str) -> None:
    assert watched(metric, "FunctionName") == set(resources("AWS::Lambda::Function"))


@pytest.mark.parametrize("metric", ["ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors"])
def test_every_table_is_watched(metric: str) -> None:
    assert watched(metric, "TableName") == set(resources("AWS::DynamoDB::Table"))


@pytest.mark.parametrize("metric", ["ReadThrottleEvents", "WriteThrottleEvents"])
def test_every_index_is_watched_since_a_table_s_metrics_leave_it_out(metric: str) -> None:
    indexes = {
        (name, index["IndexName"])
        for name, table in resources("AWS::DynamoDB::Table").items()
        for index in table["Properties"].get("GlobalSecondaryIndexes", [])
    }
    dimensions = [
        {each["Name"]: each["Value"] for each in properties(alarm)["Dimensions"]}
        for alarm in ALARMS
        if properties(alarm)["MetricName"] == metric
    ]

    assert indexes
    assert {
        (each["TableName"]["Ref"], each["GlobalSecondaryIndexName"])
        for each in dimensions
        if "GlobalSecondaryIndexName" in each
    } == indexes


@pytest.mark.parametrize("alarm", [a for a in ALARMS if properties(a)["MetricName"] == "Duration"])
def test_a_slow_function_is_told_before_its_time_is_up(alarm: str) -> None:
    (dimension,) = properties(alarm)["Dimensions"]
    timeout = int(value(properties(dimension["Value"]["Ref"])["Timeout"]))

    assert properties(alarm)["Threshold"] == timeout * 1000 * 0.8


def test_our_own_metrics_are_those_that_the_functions_emit() -> None:
    emitted = {
        (path.parent.name, metric)
        for path in (ROOT / "functions").glob("*/*.py")
        for metric in re.findall(r'"([A-Z][A-Za-z]+)"', path.read_text(encoding="utf-8"))
    }
    wanted = {
        (properties(alarm)["Dimensions"][0]["Value"], properties(alarm)["MetricName"])
        for alarm in ALARMS
        if properties(alarm)["Namespace"] == OURS
    }

    assert wanted
    assert wanted <= emitted


def test_cloudwatch_and_nobody_else_may_tell_through_the_encrypted_topic() -> None:
    assert properties("AlarmTopic")["KmsMasterKeyId"] == {"Ref": "AlarmKey"}
    (of_topic,) = properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    of_key = properties("AlarmKey")["KeyPolicy"]["Statement"][1]
    for statement in (of_topic, of_key):
        assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert statement["Condition"] == {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        }
