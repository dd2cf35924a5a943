"""With the identity of each function, everything that its role does not grant is refused.

What a role grants is read from its policies as deployed; tests/infrastructure/test_permissions.py
says what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from tests.e2e.conftest import DeployedStack
from tests.e2e.privileges import REFUSED, Client, Policies, Probe, Stack
from tests.e2e.probes import NOBODY, probes
from tests.infrastructure.template import resources
from tests.infrastructure.test_permissions import allowed

ROLES = sorted(
    function["Properties"]["Role"]["Fn::GetAtt"][0]
    for function in resources("AWS::Lambda::Function").values()
)

# What the local AWS cannot tell: it has no X-Ray, and knows log groups and streams by no name when
# it asks for rights.
UNTRIED = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}

# The local AWS asks for rights to batches of messages, which do not exist on AWS.
LOCAL_ACTIONS = {
    "sqs:ChangeMessageVisibilityBatch",
    "sqs:DeleteMessageBatch",
    "sqs:SendMessageBatch",
}


@pytest.fixture(scope="module")
def deployed(stack: DeployedStack) -> dict[str, Policies]:
    """The policies of each function's role, by the role's logical id."""
    iam = stack.aws("iam")
    return {role: _policies(iam, name) for role, name in _names(stack).items()}


@pytest.fixture(scope="module")
def tried(stack: DeployedStack, deployed: dict[str, Policies]) -> list[Probe]:
    return probes(Stack(stack.aws, _resources(stack), list(deployed.values())))


def _resources(stack: DeployedStack) -> list[Any]:
    found = stack.aws("cloudformation").describe_stack_resources(StackName="pointflow-local")
    return list(found["StackResources"])


def _names(stack: DeployedStack) -> dict[str, str]:
    found = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in _resources(stack)}
    return {role: found[role] for role in ROLES}


def _policies(iam: Client, role: str) -> Policies:
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names
    ]
    return Policies([statement for each in documents for statement in each["Statement"]])


@pytest.fixture
def clients(stack: DeployedStack, role: str) -> Mapping[str, Client]:
    """A client of each service with the function's own identity."""
    arn = stack.aws("iam").get_role(RoleName=_names(stack)[role])["Role"]["Arn"]
    # The role is for Lambda alone; here the account's owner may stand in for a service.
    assumed = stack.aws("sts").assume_role(RoleArn=arn, RoleSessionName=NOBODY)["Credentials"]
    return {
        service: boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=stack.endpoint_url,
            region_name=stack.region,
            aws_access_key_id=assumed["AccessKeyId"],
            aws_secret_access_key=assumed["SecretAccessKey"],
            aws_session_token=assumed["SessionToken"],
        )
        for service in REFUSED
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_what_the_template_grants(
    role: str, deployed: dict[str, Policies], stack: DeployedStack
) -> None:
    names = _deployed_names(stack)
    granted = {_arn(resource, names): actions for resource, actions in allowed(role).items()}

    found = {
        resource: actions - LOCAL_ACTIONS
        for resource, actions in deployed[role].by_resource().items()
    }

    assert found == granted


def _deployed_names(stack: DeployedStack) -> dict[str, str]:
    """What is meant here by a logical id, or a pseudo parameter, in the table of rights."""
    here = f"{stack.region}:000000000000"
    table = stack.outputs["ExpirationsTableName"]
    stream = stack.aws("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    arns = {
        "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{here}:table/{{}}",
        "AWS::Logs::LogGroup": f"arn:aws:logs:{here}:log-group:{{}}:*",
        "AWS::S3::Bucket": "arn:aws:s3:::{}",
        "AWS::SNS::Topic": "{}",
        "AWS::SQS::Queue": f"arn:aws:sqs:{here}:{{}}",
    }
    return {
        each["LogicalResourceId"]: arns[each["ResourceType"]].format(
            each["PhysicalResourceId"].rpartition("/000000000000/")[2]
        )
        for each in _resources(stack)
        if each["ResourceType"] in arns
    } | {
        "ExpirationsTable.StreamArn": stream,
        "${AWS::Partition}": "aws",
        "${AWS::Region}": stack.region,
        "${AWS::AccountId}": "000000000000",
        "${AWS::StackName}": "pointflow-local",
    }


def _arn(resource: str, names: Mapping[str, str]) -> str:
    if resource.startswith("arn:"):
        for name, value in names.items():
            resource = resource.replace(name, value) if name.startswith("${") else resource
        return resource
    logical_id, slash, rest = resource.partition("/")
    return names.get(logical_id, logical_id) + slash + rest


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_does_not_grant_is_refused(
    role: str, deployed: dict[str, Policies], tried: list[Probe], clients: Mapping[str, Client]
) -> None:
    policies = deployed[role]
    forbidden = [probe for probe in tried if not policies.grant(probe)]

    passed = [
        f"{probe}: {outcome or 'done'}"
        for probe in forbidden
        if (outcome := probe.outcome(clients[probe.service])) != REFUSED[probe.service]
    ]

    assert passed == []
    assert len(forbidden) > len(tried) / 2


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_grants_is_not_refused(
    role: str, deployed: dict[str, Policies], tried: list[Probe], clients: Mapping[str, Client]
) -> None:
    policies = deployed[role]
    granted = [probe for probe in tried if policies.grant(probe)]
    assert [str(probe) for probe in granted if not probe.harmless] == []

    unexpected = [
        f"{probe}: {outcome or 'done'}"
        for probe in granted
        if (outcome := probe.outcome(clients[probe.service])) != probe.ends
    ]

    assert unexpected == []
    # Every statement was put to use.
    assert policies.unused(granted, LOCAL_ACTIONS | UNTRIED) == []
