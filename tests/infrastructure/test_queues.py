"""Queues: what fails is tried again, then kept where somebody finds it."""

from __future__ import annotations

import json

import pytest

from tests.infrastructure.template import Json, properties, resources, template, value

FOURTEEN_DAYS = 14 * 24 * 3600
QUEUES = sorted(resources("AWS::SQS::Queue"))
WORK_QUEUES = {
    "UploadQueue": ("UploadDLQ", 10),
    "PartQueue": ("PartDLQ", 10),
    "CreditQueue": ("CreditDLQ", 10),
    "ReportQueue": ("ReportDLQ", 10),
    "UndoQueue": ("UndoDLQ", 10),
}
MAPPINGS = {
    "BatchIntakeFunctionUpload": ("UploadQueue", "BatchIntakeFunction", 10),
    "BatchIntakeFunctionPart": ("PartQueue", "BatchIntakeFunction", 1),
    "ActivityCreditFunctionCredit": ("CreditQueue", "ActivityCreditFunction", 10),
    "BatchReportFunctionReport": ("ReportQueue", "BatchReportFunction", 1),
    "BatchUndoFunctionUndo": ("UndoQueue", "BatchUndoFunction", 10),
}


def test_every_queue_is_either_a_work_queue_or_a_dead_letter_queue_that_is_used() -> None:
    dead_letter_queues = {dlq for dlq, _ in WORK_QUEUES.values()} | {"WatchDLQ", "ProjectionDLQ"}

    assert set(QUEUES) == set(WORK_QUEUES) | dead_letter_queues


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_is_encrypted_and_keeps_messages_as_long_as_it_can(queue: str) -> None:
    found = properties(queue)

    assert found["SqsManagedSseEnabled"] is True
    assert found["MessageRetentionPeriod"] == FOURTEEN_DAYS


@pytest.mark.parametrize(("queue", "expected"), WORK_QUEUES.items())
def test_a_work_queue_redrives_to_its_own_dead_letter_queue(
    queue: str, expected: tuple[str, int]
) -> None:
    dead_letter_queue, most_receives = expected

    assert value(properties(queue)["RedrivePolicy"]) == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_letter_queue, "Arn"]},
        "maxReceiveCount": str(most_receives),
    }


@pytest.mark.parametrize(("queue", "expected"), WORK_QUEUES.items())
def test_a_dead_letter_queue_takes_from_its_own_queue_alone(
    queue: str, expected: tuple[str, int]
) -> None:
    name = value(properties(queue)["QueueName"])

    assert value(properties(expected[0])["RedriveAllowPolicy"]) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [f"arn:aws:sqs:eu-west-1:123456789012:{name}"],
    }


@pytest.mark.parametrize("queue", ["WatchDLQ", "ProjectionDLQ"])
def test_no_queue_redrives_to_a_queue_that_lambda_sends_to(queue: str) -> None:
    assert properties(queue)["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"}


def test_every_mapping_is_known_and_nothing_else_polls() -> None:
    streams = {"ExpirationProjectionFunctionView"}
    assert set(resources("AWS::Lambda::EventSourceMapping")) == set(MAPPINGS) | streams


def test_a_view_that_cannot_be_projected_holds_its_shard_up_for_a_while_only() -> None:
    found = properties("ExpirationProjectionFunctionView")

    assert found["EventSourceArn"] == {"Fn::GetAtt": ["ExpirationsTable", "StreamArn"]}
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BisectBatchOnFunctionError"] is True
    assert 0 < found["MaximumRetryAttempts"] < 100
    assert found["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert found["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["ProjectionDLQ", "Arn"]
    }
    (pattern,) = found["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"])["dynamodb"]["Keys"]["sk"]["S"] == ["CURRENT"]


@pytest.mark.parametrize(("mapping", "expected"), MAPPINGS.items())
def test_a_mapping_reports_failures_one_by_one(
    mapping: str, expected: tuple[str, str, int]
) -> None:
    queue, function, batch_size = expected
    found = properties(mapping)

    assert found["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert found["FunctionName"] == {"Ref": f"{function}Aliaslive"}
    assert found["BatchSize"] == batch_size
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found.get("Enabled", True) is True


@pytest.mark.parametrize(("queue", "function", "_"), MAPPINGS.values())
def test_visibility_is_six_times_the_readers_time_out(queue: str, function: str, _: int) -> None:
    visibility = value(properties(queue)["VisibilityTimeout"])
    timeout = value(properties(function)["Timeout"])

    assert int(visibility) == 6 * timeout
    assert timeout <= 300


@pytest.mark.parametrize(("queue", "function", "_"), MAPPINGS.values())
def test_a_function_knows_the_redrive_limit_of_every_queue_it_reads(
    queue: str, function: str, _: int
) -> None:
    variables = value(properties(function)["Environment"]["Variables"])

    assert variables["MAX_RECEIVE_COUNT"] == str(WORK_QUEUES[queue][1])


def test_only_what_writes_to_the_ledger_is_held_back_and_by_the_mapping() -> None:
    limits = {name: properties(name).get("ScalingConfig") for name in MAPPINGS}

    assert limits.pop("ActivityCreditFunctionCredit") == {
        "MaximumConcurrency": {"Ref": "CreditConcurrency"}
    }
    assert limits.pop("BatchUndoFunctionUndo") == {"MaximumConcurrency": 5}
    assert set(limits.values()) == {None}
    for name, function in resources("AWS::Lambda::Function").items():
        assert "ReservedConcurrentExecutions" not in function["Properties"], name


def test_the_concurrency_parameter_keeps_to_what_a_mapping_takes() -> None:
    parameter = template()["Parameters"]["CreditConcurrency"]

    assert (parameter["MinValue"], parameter["MaxValue"]) == (2, 1000)


def rules() -> dict[str, Json]:
    """The schedules' rules by the function they start."""
    return {
        rule["Properties"]["Targets"][0]["Arn"]["Ref"].removesuffix("Aliaslive"): rule["Properties"]
        for rule in resources("AWS::Events::Rule").values()
        if "ScheduleExpression" in rule["Properties"]
    }


@pytest.mark.parametrize("function", ["BatchWatchFunction", "LedgerVerifyFunction"])
def test_a_run_that_fails_or_never_arrives_ends_in_its_own_queue(function: str) -> None:
    queue = {"Fn::GetAtt": ["WatchDLQ", "Arn"]}
    (target,) = rules()[function]["Targets"]
    (invoke,) = (
        config["Properties"]
        for config in resources("AWS::Lambda::EventInvokeConfig").values()
        if config["Properties"]["FunctionName"] == {"Ref": function}
    )

    assert set(rules()) == {"BatchWatchFunction", "LedgerVerifyFunction"}
    assert invoke["DestinationConfig"] == {"OnFailure": {"Destination": queue}}
    assert target["DeadLetterConfig"] == {"Arn": queue}
    assert "Input" not in target


@pytest.mark.parametrize(
    ("function", "minutes"), [("BatchWatchFunction", 5), ("LedgerVerifyFunction", 15)]
)
def test_a_run_ends_before_the_next_one(function: str, minutes: int) -> None:
    assert rules()[function]["ScheduleExpression"] == f"rate({minutes} minutes)"
    assert value(properties(function)["Timeout"]) < minutes * 60
