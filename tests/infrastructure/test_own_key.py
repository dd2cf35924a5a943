"""A key of one's own: on everything that keeps data, and in the hands of the functions alone."""

from __future__ import annotations

import pytest

from tests.infrastructure.template import ROOT, Json, deployed

KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
GIVEN = deployed(KmsKeyArn=KEY)["Resources"]
NOT_GIVEN = deployed()["Resources"]
ROLES = sorted(name for name, found in GIVEN.items() if found["Type"] == "AWS::IAM::Role")
KEPT_BY = {"dynamodb", "s3", "sns", "sqs"}
NEED_A_DATA_KEY = {"s3:PutObject", "sqs:SendMessage", "sns:Publish"}
WITHOUT_DATA = {"s3:ListBucket"}


def of_type(kind: str) -> dict[str, Json]:
    return {name: found["Properties"] for name, found in GIVEN.items() if found["Type"] == kind}


def statements(role: str) -> list[Json]:
    return [
        statement
        for policy in GIVEN[role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def listed(node: Json) -> list[Json]:
    return node if isinstance(node, list) else [node]


def test_everything_that_keeps_data_is_under_the_key() -> None:
    bucket = GIVEN["Bucket"]["Properties"]["BucketEncryption"]
    assert bucket["ServerSideEncryptionConfiguration"] == [
        {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        }
    ]
    for name, table in of_type("AWS::DynamoDB::Table").items():
        wanted = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
        assert table["SSESpecification"] == wanted, name
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert (queue["KmsMasterKeyId"], queue["SqsManagedSseEnabled"]) == (KEY, False), name
    for name, topic in of_type("AWS::SNS::Topic").items():
        assert topic["KmsMasterKeyId"] == KEY, name
    for name, group in of_type("AWS::Logs::LogGroup").items():
        assert group["KmsKeyId"] == KEY, name


def test_the_stack_then_makes_no_key_and_without_one_only_that_of_its_alarms() -> None:
    def keys(found: Json) -> list[str]:
        return [name for name, each in found.items() if each["Type"] == "AWS::KMS::Key"]

    assert keys(GIVEN) == []
    assert keys(NOT_GIVEN) == ["AlarmKey"]
    assert KEY not in str(NOT_GIVEN)


def conditions_of_the_bucket(found: Json) -> dict[str, Json]:
    document = found["BucketPolicy"]["Properties"]["PolicyDocument"]
    return {each["Sid"]: each["Condition"] for each in document["Statement"]}


def test_an_upload_may_ask_for_the_key_of_the_bucket_and_for_no_other() -> None:
    given, not_given = conditions_of_the_bucket(GIVEN), conditions_of_the_bucket(NOT_GIVEN)
    algorithm = "s3:x-amz-server-side-encryption"
    key = "s3:x-amz-server-side-encryption-aws-kms-key-id"

    assert given["NoOtherEncryption"]["StringNotEquals"] == {algorithm: "aws:kms"}
    assert given["NoOtherKey"] == {"Null": {key: "false"}, "StringNotEquals": {key: KEY}}
    assert not_given["NoOtherEncryption"]["StringNotEquals"] == {algorithm: "AES256"}
    assert "NoOtherKey" not in not_given


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_use_the_key_only_through_the_services_whose_data_it_touches(role: str) -> None:
    (key,) = [each for each in statements(role) if "kms" in str(each["Action"])]
    actions = {
        action
        for each in statements(role)
        for action in listed(each["Action"])
        if action not in WITHOUT_DATA
    }
    services = {action.partition(":")[0] for action in actions} & KEPT_BY

    assert key["Effect"] == "Allow"
    assert key["Resource"] == KEY
    assert key["Condition"] == {
        "StringEquals": {
            "kms:ViaService": [
                {"Fn::Sub": f"{service}.eu-west-1.${{AWS::URLSuffix}}"}
                for service in sorted(services)
            ]
        }
    }
    writes = {"kms:GenerateDataKey"} if actions & NEED_A_DATA_KEY else set()
    assert set(key["Action"]) == {"kms:Decrypt"} | writes


@pytest.mark.parametrize("role", ROLES)
def test_without_a_key_no_role_has_anything_to_do_with_kms(role: str) -> None:
    assert "kms" not in str(NOT_GIVEN[role])


def test_the_documentation_names_every_service_that_the_key_s_policy_has_to_let_in() -> None:
    page = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")

    for service in ("cloudwatch", "events", "logs.REGION", "s3"):
        assert f'"{service}.amazonaws.com"' in page
