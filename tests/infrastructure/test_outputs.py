"""Outputs and parameters: everything a person or the command line needs, and what it means."""

from __future__ import annotations

import re

import pytest

from tests.infrastructure.template import Json, properties, resources, template, value

OUTPUTS = template()["Outputs"]
PARAMETERS = template()["Parameters"]


def test_every_bucket_table_queue_and_function_can_be_found() -> None:
    expected = {"BucketName": "Bucket"}
    expected |= {f"{name}Name": name for name in resources("AWS::DynamoDB::Table")}
    expected |= {f"{name}Url": name for name in resources("AWS::SQS::Queue")}
    expected |= {f"{name}Name": name for name in resources("AWS::Lambda::Function")}

    expected |= {"AlarmTopicArn": "AlarmTopic", "ForgottenKeyArn": "ForgottenKey"}
    expected |= {"BatchTopicArn": "BatchTopic"}

    found = {name: output["Value"] for name, output in OUTPUTS.items()}
    assert value(found.pop("ApiUrl"))["Fn::Sub"].startswith("https://${Api}.execute-api.")
    assert found.pop("ApiDomainTarget") == {"Fn::GetAtt": ["ApiDomain", "RegionalDomainName"]}
    assert found.pop("ApiDomainTargetZone") == {"Fn::GetAtt": ["ApiDomain", "RegionalHostedZoneId"]}
    assert (
        found.pop("CredentialsPrefix")
        == variables_of("CredentialAuthorizerFunction")["CREDENTIALS_PREFIX"]
    )
    assert found.pop("SftpServerId") == {"Fn::GetAtt": ["SftpServer", "ServerId"]}
    assert found.pop("SftpUserRoleArn") == {"Fn::GetAtt": ["SftpUserRole", "Arn"]}
    assert "server.transfer." in found.pop("SftpEndpoint")["Fn::Sub"]
    assert found == {name: {"Ref": logical_id} for name, logical_id in expected.items()}


def variables_of(function: str) -> Json:
    return properties(function)["Environment"]["Variables"]


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_is_described(output: str) -> None:
    assert OUTPUTS[output]["Description"]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_a_parameter_is_described_bounded_and_has_a_default_within_its_bounds(
    parameter: str,
) -> None:
    spec = PARAMETERS[parameter]

    assert spec["Description"]
    if "AllowedValues" in spec:
        assert spec["Default"] in spec["AllowedValues"]
    elif "AllowedPattern" in spec:
        assert re.fullmatch(spec["AllowedPattern"], spec["Default"])
    else:
        assert spec["MinValue"] <= spec["Default"] <= spec["MaxValue"]


def test_the_console_groups_every_parameter() -> None:
    groups = template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(PARAMETERS)
