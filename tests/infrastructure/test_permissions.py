"""Least privilege: what each role may do, written out once more and compared."""

from __future__ import annotations

import json

import pytest

from pointflow.adapters.eventbridge import SOURCE
from pointflow.services.grant_upload import VALID_SECONDS
from tests.infrastructure.template import Json, properties, resources, translated

READ_QUEUE = {
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ReceiveMessage",
}
FOLLOW = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"}
WRITE_OBJECTS = {"s3:AbortMultipartUpload", "s3:PutObject"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}}
EVENT_BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"
CREDENTIALS = (
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
    ":secret:pointflow/${AWS::StackName}/credentials/*"
)
FORGOTTEN_KEY = CREDENTIALS.replace("credentials/*", "forgotten-*")

ALLOWED = {
    "BatchIntakeRole": {
        "UploadQueue": READ_QUEUE,
        "PartQueue": READ_QUEUE | {"sqs:SendMessage"},
        "CreditQueue": {"sqs:SendMessage"},
        "ReportQueue": {"sqs:SendMessage"},
        "Bucket/inbound/*": {"s3:GetObjectVersion"},
        "Bucket/dryrun/*": {"s3:GetObjectVersion"},
        "Bucket": {"s3:ListBucket"},
        "Bucket/rejects/*/intake.jsonl": WRITE_OBJECTS,
        "CatalogTable": {"dynamodb:GetItem"},
        "BatchesTable": FOLLOW | {"dynamodb:ConditionCheckItem", "dynamodb:PutItem"},
        "BatchIntakeLogs": LOGS,
        **TRACES,
    },
    "ActivityCreditRole": {
        "CreditQueue": READ_QUEUE,
        "ReportQueue": {"sqs:SendMessage"},
        "Bucket/rejects/*/*-*.jsonl": WRITE_OBJECTS,
        "CatalogTable": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "MembersTable": {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
        "LedgerTable": {"dynamodb:PutItem"},
        "BatchesTable": FOLLOW | {"dynamodb:PutItem"},
        "ActivityCreditLogs": LOGS,
        **TRACES,
    },
    "BatchReportRole": {
        "ReportQueue": READ_QUEUE | {"sqs:SendMessage"},
        "Bucket/rejects/*": {"s3:GetObject"},
        "Bucket/rejects/*/report-*.json": {"s3:DeleteObject", "s3:PutObject"},
        "Bucket/outbound/*": WRITE_OBJECTS | {"s3:DeleteObject", "s3:GetObject"},
        "BatchesTable": FOLLOW,
        EVENT_BUS: {"events:PutEvents"},
        "BatchTopic": {"sns:Publish"},
        "BatchReportLogs": LOGS,
        **TRACES,
    },
    "BatchUndoRole": {
        "UndoQueue": READ_QUEUE | {"sqs:SendMessage"},
        "ReportQueue": {"sqs:SendMessage"},
        "MembersTable": {"dynamodb:UpdateItem"},
        "LedgerTable": {"dynamodb:BatchGetItem", "dynamodb:PutItem"},
        "BatchesTable": FOLLOW | {"dynamodb:PutItem"},
        "BatchUndoLogs": LOGS,
        **TRACES,
    },
    "BatchWatchRole": {
        "UndoQueue": {"sqs:SendMessage"},
        "PartQueue": {"sqs:GetQueueAttributes", "sqs:SendMessage"},
        "CreditQueue": {"sqs:GetQueueAttributes"},
        "ReportQueue": {"sqs:SendMessage"},
        "WatchDLQ": {"sqs:SendMessage"},
        "BatchesTable": FOLLOW,
        "BatchesTable/index/OpenIndex": {"dynamodb:Query"},
        "BatchesTable/index/ClientIndex": {"dynamodb:Query"},
        "CatalogTable": {"dynamodb:Query"},
        "Bucket": {"s3:ListBucket"},
        "BatchWatchLogs": LOGS,
        **TRACES,
    },
    "LedgerVerifyRole": {
        "MembersTable": {"dynamodb:GetItem", "dynamodb:Scan"},
        "LedgerTable": {"dynamodb:BatchGetItem"},
        "LedgerTable/index/MemberIndex": {"dynamodb:Query"},
        "BatchesTable": FOLLOW,
        "BatchesTable/index/ClientIndex": {"dynamodb:Scan"},
        "WatchDLQ": {"sqs:SendMessage"},
        "LedgerVerifyLogs": LOGS,
        **TRACES,
    },
    "ExpirationPushRole": {
        "ExpirationsTable": {"dynamodb:PutItem"},
        "Bucket/quarantine/*": {"s3:PutObject"},
        "ExpirationPushLogs": LOGS,
        **TRACES,
    },
    "ExpirationProjectionRole": {
        "ExpirationsTable.StreamArn": {
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        },
        "ExpirationsTable/stream/*": {"dynamodb:ListStreams"},
        EVENT_BUS: {"events:PutEvents"},
        "ExpirationsTable": {
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        },
        FORGOTTEN_KEY: {"secretsmanager:GetSecretValue"},
        "ProjectionDLQ": {"sqs:SendMessage"},
        "ExpirationProjectionLogs": LOGS,
        **TRACES,
    },
    "CredentialAuthorizerRole": {
        "CatalogTable": {"dynamodb:GetItem"},
        CREDENTIALS: {"secretsmanager:GetSecretValue"},
        "CredentialAuthorizerLogs": LOGS,
        **TRACES,
    },
    "HttpApiRole": {
        "ExpirationsTable": {"dynamodb:GetItem", "dynamodb:Query"},
        "MembersTable": {"dynamodb:BatchGetItem", "dynamodb:GetItem"},
        "LedgerTable/index/MemberIndex": {"dynamodb:Query"},
        "BatchesTable": {"dynamodb:GetItem", "dynamodb:Query"},
        "BatchesTable/index/ClientIndex": {"dynamodb:Query"},
        "Bucket/rejects/*.jsonl": {"s3:GetObject"},
        "Bucket/inbound/*/activities_*_??????????????.txt": {"s3:PutObject"},
        "HttpApiLogs": LOGS,
        **TRACES,
    },
}


SFTP_ROLES = {"SftpLoggingRole", "SftpUserRole"}
"""Of AWS Transfer Family, no function's: see test_sftp.py."""


def listed(node: Json) -> list[Json]:
    return node if isinstance(node, list) else [node]


def resource_name(node: Json) -> str:
    """`Bucket/inbound/*` for `!Sub ${Bucket.Arn}/inbound/*`, `BatchesTable` for its ARN."""
    match node:
        case str(text):
            return text
        case {"Fn::GetAtt": [logical_id, "Arn"]}:
            return str(logical_id)
        case {"Fn::GetAtt": [logical_id, attribute]}:
            return f"{logical_id}.{attribute}"
        case {"Ref": "BatchTopic"}:  # the name of a topic is its ARN
            return "BatchTopic"
        case {"Fn::Sub": str(text)} if text in {CREDENTIALS, EVENT_BUS, FORGOTTEN_KEY}:
            return text
        case {"Fn::Sub": str(text)}:
            name, arn, rest = text.removeprefix("${").partition(".Arn}")
            assert arn, text
            return name + rest
    raise AssertionError(f"a policy names its resource in an unexpected way: {node}")


def allowed(role: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for policy in properties(role)["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            assert not {"NotAction", "NotResource"} & set(statement)
            for resource in listed(statement["Resource"]):
                actions = found.setdefault(resource_name(resource), set())
                actions.update(listed(statement["Action"]))
    return found


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_may_do_what_its_function_does_and_nothing_else(role: str) -> None:
    assert allowed(role) == ALLOWED[role]


def test_intake_is_told_what_is_missing_whatever_the_request_asks_for() -> None:
    (statement,) = (
        statement
        for policy in properties("BatchIntakeRole")["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == ["s3:ListBucket"]
    )

    assert "Condition" not in statement


def conditions(role: str) -> dict[str, Json]:
    """The conditions of a role's statements, by statement id."""
    return {
        statement["Sid"]: statement["Condition"]
        for policy in properties(role)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "Condition" in statement
    }


# Nobody's business but the operators': only they write records, and PutItem could replace one.
NO_AUDIT_RECORDS: Json = {"ForAllValues:StringNotEquals": {"dynamodb:LeadingKeys": ["AUDIT"]}}
# The bus is the account's: nobody is told of anything in the name of somebody else.
OWN_EVENTS: Json = {"ForAllValues:StringEquals": {"events:source": [SOURCE]}}
CONDITIONS: dict[str, dict[str, Json]] = {
    "BatchIntakeRole": {"Submissions": NO_AUDIT_RECORDS},
    "ActivityCreditRole": {"Submissions": NO_AUDIT_RECORDS},
    "BatchReportRole": {"Submissions": NO_AUDIT_RECORDS, "NoticesOnTheBus": OWN_EVENTS},
    "BatchUndoRole": {"Submissions": NO_AUDIT_RECORDS},
    "BatchWatchRole": {
        "Submissions": NO_AUDIT_RECORDS,
        "ExpectedFiles": {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#EXPECTING"]},
        },
        "Quarantine": {"StringEquals": {"s3:prefix": "quarantine/"}},
    },
    "LedgerVerifyRole": {
        "PointsAndNothingElseOfMembers": {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["key", "balance", "lifetime"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
        "Batches": NO_AUDIT_RECORDS,
        "WhereToGoOn": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["#VERIFY"]}},
    },
    "ExpirationPushRole": {},
    "ExpirationProjectionRole": {"ChangeEvents": OWN_EVENTS},
    "CredentialAuthorizerRole": {},
    "HttpApiRole": {
        "Batches": NO_AUDIT_RECORDS,
        "Uploads": {"NumericLessThanEqualsIfExists": {"s3:signatureAge": 900000}},
    },
}


@pytest.mark.parametrize("role", ALLOWED)
def test_what_a_right_is_narrowed_to(role: str) -> None:
    assert conditions(role) == CONDITIONS[role]


def test_a_signed_upload_lives_as_long_as_the_function_says_it_does() -> None:
    uploads = CONDITIONS["HttpApiRole"]["Uploads"]

    assert uploads["NumericLessThanEqualsIfExists"]["s3:signatureAge"] == VALID_SECONDS * 1000


def test_every_function_has_a_role_of_its_own() -> None:
    roles = {
        name: function["Properties"]["Role"]
        for name, function in resources("AWS::Lambda::Function").items()
    }

    assert roles == {
        name: {"Fn::GetAtt": [name.replace("Function", "Role"), "Arn"]} for name in roles
    }
    assert set(resources("AWS::IAM::Role")) == set(ALLOWED) | SFTP_ROLES


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_is_for_lambda_alone_and_holds_no_managed_policy(role: str) -> None:
    found = properties(role)

    assert "ManagedPolicyArns" not in found
    assert found["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]


def test_no_policy_outside_the_roles_grants_anything() -> None:
    document = translated()["Resources"]
    kinds = {resource["Type"] for resource in document.values()}

    assert not kinds & {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::User"}


def test_no_action_is_a_wildcard_and_no_resource_but_that_of_x_ray() -> None:
    for role in ALLOWED:
        for resource, actions in allowed(role).items():
            assert not [action for action in actions if "*" in action], role
            if resource == "*":
                assert {action.partition(":")[0] for action in actions} == {"xray"}, role


def test_nobody_but_their_own_publisher_may_publish_to_a_topic_by_its_policy() -> None:
    publishers = {
        name: [
            statement["Principal"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        for name, policy in resources("AWS::SNS::TopicPolicy").items()
    }

    assert publishers == {
        "AlarmTopicPolicy": [{"Service": "cloudwatch.amazonaws.com"}],
        "BatchTopicPolicy": [{"AWS": {"Fn::GetAtt": ["BatchReportRole", "Arn"]}}],
    }
    # A topic without a policy gets the one that is open to the account.
    covered = [
        topic
        for policy in resources("AWS::SNS::TopicPolicy").values()
        for topic in policy["Properties"]["Topics"]
    ]
    assert sorted(topic["Ref"] for topic in covered) == sorted(resources("AWS::SNS::Topic"))


def test_services_may_call_in_only_for_this_stack() -> None:
    callers: dict[str, set[str]] = {}
    for permission in resources("AWS::Lambda::Permission").values():
        assert "SourceArn" in permission["Properties"]
        called = permission["Properties"]["FunctionName"]
        function = called["Ref"].removesuffix("Aliaslive")
        callers.setdefault(permission["Properties"]["Principal"], set()).add(function)
    assert callers == {
        "events.amazonaws.com": {"BatchWatchFunction", "LedgerVerifyFunction"},
        "apigateway.amazonaws.com": {
            "CredentialAuthorizerFunction",
            "ExpirationPushFunction",
            "HttpApiFunction",
        },
    }
    for name, policy in resources("AWS::SQS::QueuePolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert "aws:SourceArn" in json.dumps(statement["Condition"]), name
            assert statement["Action"] == "sqs:SendMessage", name
