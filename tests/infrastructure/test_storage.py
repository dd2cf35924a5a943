"""Tables and bucket: kept, encrypted, private."""

from __future__ import annotations

import pytest

from pointflow.adapters.dynamodb_audit import AUDIT
from tests.infrastructure.template import Json, properties, resources, template, value

TABLES = {
    "CatalogTable": ([("client_id", "S"), ("item", "S")], {}),
    "MembersTable": ([("key", "S")], {}),
    "LedgerTable": (
        [("identity", "S")],
        {"MemberIndex": [("member", "S"), ("activity_at", "N")]},
    ),
    "BatchesTable": (
        [("pk", "S"), ("sk", "S")],
        {
            "ClientIndex": [("client_id", "S"), ("received_sort", "S")],
            "OpenIndex": [("open", "S"), ("updated_at", "N")],
        },
    ),
    "ExpirationsTable": ([("pk", "S"), ("sk", "S")], {}),
}


def test_the_tables_have_the_keys_that_the_code_writes() -> None:
    def key(schema: list[Json], types: dict[str, str]) -> list[tuple[str, str]]:
        assert [part["KeyType"] for part in schema] == ["HASH", "RANGE"][: len(schema)]
        return [(part["AttributeName"], types[part["AttributeName"]]) for part in schema]

    found = {}
    for name, table in resources("AWS::DynamoDB::Table").items():
        wanted = table["Properties"]
        types = {
            each["AttributeName"]: each["AttributeType"] for each in wanted["AttributeDefinitions"]
        }
        indexes = wanted.get("GlobalSecondaryIndexes", [])
        found[name] = (
            key(wanted["KeySchema"], types),
            {index["IndexName"]: key(index["KeySchema"], types) for index in indexes},
        )
        assert all(index["Projection"] == {"ProjectionType": "ALL"} for index in indexes)

    assert found == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_on_demand_encrypted_and_can_be_restored(table: str) -> None:
    found = properties(table)

    assert found["BillingMode"] == "PAY_PER_REQUEST"
    assert found["SSESpecification"] == {"SSEEnabled": True}
    assert found["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert value(found["DeletionProtectionEnabled"]) is True
    assert "TableName" not in found


def test_nobody_can_change_or_delete_an_audit_record() -> None:
    (statement,) = properties("BatchesTable")["ResourcePolicy"]["PolicyDocument"]["Statement"]

    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert set(statement["Action"]) == {
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:PartiQLDelete",
        "dynamodb:PartiQLInsert",
        "dynamodb:PartiQLUpdate",
        "dynamodb:UpdateItem",
    }
    assert statement["Condition"] == {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [AUDIT]}}


def test_the_key_of_the_forgotten_is_made_with_the_stack_and_stays_what_it_is() -> None:
    found = properties("ForgottenKey")
    resource = template()["Resources"]["ForgottenKey"]

    assert found["GenerateSecretString"] == {"PasswordLength": 64, "ExcludePunctuation": True}
    assert "SecretString" not in found
    assert not resources("AWS::SecretsManager::RotationSchedule")
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (
        "RetainExceptOnCreate",
        "Retain",
    )


def test_what_holds_data_outlives_the_stack() -> None:
    for name in [*TABLES, "Bucket"]:
        resource = template()["Resources"][name]
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert resource["UpdateReplacePolicy"] == "Retain", name


def test_there_is_one_bucket_private_versioned_and_encrypted() -> None:
    assert list(resources("AWS::S3::Bucket")) == ["Bucket"]
    found = properties("Bucket")

    assert set(found["PublicAccessBlockConfiguration"].items()) == {
        ("BlockPublicAcls", True),
        ("BlockPublicPolicy", True),
        ("IgnorePublicAcls", True),
        ("RestrictPublicBuckets", True),
    }
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    assert found["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert found["BucketEncryption"] == {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        ]
    }


def test_the_bucket_refuses_plain_http_old_tls_and_foreign_encryption() -> None:
    statements = properties("BucketPolicy")["PolicyDocument"]["Statement"]
    everything = [{"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::Sub": "${Bucket.Arn}/*"}]

    assert {statement["Effect"] for statement in statements} == {"Deny"}
    assert {statement["Principal"] for statement in statements} == {"*"}
    found = {
        statement["Sid"]: (statement["Action"], statement["Resource"], statement["Condition"])
        for statement in statements
    }
    assert found == {
        "TlsOnly": ("s3:*", everything, {"Bool": {"aws:SecureTransport": "false"}}),
        "Tls12OrNewer": ("s3:*", everything, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        "NoKeysOfTheUploader": (
            "s3:PutObject",
            everything[1],
            {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
        ),
        "NoOtherEncryption": (
            "s3:PutObject",
            everything[1],
            {
                "Null": {"s3:x-amz-server-side-encryption": "false"},
                "StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"},
            },
        ),
    }


def test_uploads_and_dry_runs_and_nothing_else_are_announced() -> None:
    assert properties("Bucket")["NotificationConfiguration"] == {
        "QueueConfigurations": [
            {
                "Event": "s3:ObjectCreated:*",
                "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}},
                "Queue": {"Fn::GetAtt": ["UploadQueue", "Arn"]},
            }
            for prefix in ("inbound/", "dryrun/")
        ]
    }


def test_only_this_bucket_of_this_account_may_announce_uploads() -> None:
    policy = properties("UploadQueuePolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    bucket = value(properties("Bucket")["BucketName"])

    assert policy["Queues"] == [{"Ref": "UploadQueue"}]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == {"Fn::GetAtt": ["UploadQueue", "Arn"]}
    assert value(statement["Condition"]) == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"},
    }


def test_the_bucket_waits_for_the_policy_it_needs_and_names_itself_alike_in_both() -> None:
    assert properties("Bucket")["Tags"][0]["Value"] == {"Ref": "UploadQueuePolicy"}
    # As long as a real one: the stack's unique id is a UUID.
    prefix = value(properties("Bucket")["BucketName"]).removesuffix("0f1e2d3c-4b5a")
    assert prefix == "pointflow-"
    assert len(prefix) + 36 <= 63


@pytest.mark.parametrize(
    ("prefix", "days", "noncurrent_days"),
    [
        ("inbound/", {"Ref": "InboundRetentionDays"}, {"Ref": "InboundRetentionDays"}),
        ("dryrun/", 30, 30),
        ("outbound/", {"Ref": "ResultRetentionDays"}, 30),
        ("rejects/", {"Ref": "ResultRetentionDays"}, 7),
        ("quarantine/", {"Ref": "QuarantineRetentionDays"}, 1),
    ],
)
def test_every_prefix_has_an_end(prefix: str, days: Json, noncurrent_days: Json) -> None:
    rules = properties("Bucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == prefix]

    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] == days
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": noncurrent_days}


@pytest.mark.parametrize("prefix", ["inbound/", "dryrun/", "outbound/"])
def test_markers_of_a_clients_folders_never_expire(prefix: str) -> None:
    rules = properties("Bucket")["LifecycleConfiguration"]["Rules"]

    assert [r["ObjectSizeGreaterThan"] for r in rules if r.get("Prefix") == prefix] == ["0"]


def test_parts_of_broken_uploads_and_empty_delete_markers_go_everywhere() -> None:
    rules = properties("Bucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if "Prefix" not in rule]

    assert rule["Status"] == "Enabled"
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rule["ExpiredObjectDeleteMarker"] is True


def test_an_upload_outlives_every_replay_and_never_its_results() -> None:
    parameters = template()["Parameters"]
    inbound = parameters["InboundRetentionDays"]["AllowedValues"]
    results = parameters["ResultRetentionDays"]["AllowedValues"]
    longest_in_a_queue_and_its_dead_letter_queue = 28

    assert min(inbound) > longest_in_a_queue_and_its_dead_letter_queue
    assert max(inbound) <= min(results)
