"""SFTP: there on demand, for keys alone, and its users reach three prefixes."""

from __future__ import annotations

import pytest

from pointflow.adapters.sftp_uploads import PARTIAL, SOURCE, WHOLE
from tests.infrastructure.template import Json, deployed, properties, value


def sftp_of(**parameters: str) -> set[str]:
    found = deployed(**parameters)
    return {
        name
        for section in ("Resources", "Outputs")
        for name in found[section]
        if name.startswith("Sftp")
    }


def statements(role: str, **parameters: str) -> dict[str, Json]:
    found = deployed(Sftp="true", **parameters)["Resources"][role]["Properties"]
    (policy,) = found["Policies"]
    assert {each["Effect"] for each in policy["PolicyDocument"]["Statement"]} == {"Allow"}
    return {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}


def in_bucket(*prefixes: str) -> list[Json]:
    return [{"Fn::Sub": f"${{Bucket.Arn}}/{prefix}/*"} for prefix in prefixes]


def test_sftp_is_there_where_it_is_wanted_and_files_are() -> None:
    everything = {
        *("SftpServer", "SftpLogs", "SftpLoggingRole", "SftpUserRole"),
        *("SftpUploadsRule", "SftpUploadsDLQPolicy"),
        *("SftpServerId", "SftpEndpoint", "SftpUserRoleArn"),
    }
    assert sftp_of() == set()
    assert sftp_of(Sftp="true") == everything
    assert sftp_of(Sftp="true", Jobs="batch") == everything
    assert sftp_of(Sftp="true", Jobs="expirations") == set()


def test_the_server_takes_keys_alone_over_sftp_alone_and_logs() -> None:
    server = properties("SftpServer")

    assert server["IdentityProviderType"] == "SERVICE_MANAGED"
    assert (server["Protocols"], server["Domain"]) == (["SFTP"], "S3")
    assert server["SecurityPolicyName"] == "TransferSecurityPolicy-2025-03"
    assert server["StructuredLogDestinations"] == [{"Fn::GetAtt": ["SftpLogs", "Arn"]}]
    assert value(properties("SftpLogs")["LogGroupName"]) == "/pointflow/pointflow/sftp"
    assert properties("SftpLogs")["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_a_user_uploads_to_two_prefixes_and_reads_a_third() -> None:
    found = statements("SftpUserRole")
    bucket = {"Fn::GetAtt": ["Bucket", "Arn"]}

    assert {sid: (each["Action"], each["Resource"]) for sid, each in found.items()} == {
        "Folders": (["s3:ListBucket"], bucket),
        "Region": (["s3:GetBucketLocation"], bucket),
        "Uploads": (
            ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            in_bucket("inbound", "dryrun"),
        ),
        "Results": (["s3:GetObject"], in_bucket("outbound")[0]),
    }
    assert {sid: each["Condition"] for sid, each in found.items() if "Condition" in each} == {
        "Folders": {"StringLike": {"s3:prefix": ["inbound/*", "dryrun/*", "outbound/*"]}}
    }


def test_a_key_of_ones_own_is_used_through_s3_alone() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/0f1e2d3c"
    found = statements("SftpUserRole", KmsKeyArn=key)["Key"]

    assert (found["Action"], found["Resource"]) == (["kms:Decrypt", "kms:GenerateDataKey"], key)
    assert found["Condition"] == {
        "StringEquals": {
            "kms:ViaService": value({"Fn::Sub": "s3.${AWS::Region}.${AWS::URLSuffix}"})
        }
    }


def test_the_servers_log_is_all_that_its_own_role_may_write() -> None:
    (found,) = statements("SftpLoggingRole").values()

    assert found["Resource"] == {"Fn::GetAtt": ["SftpLogs", "Arn"]}
    assert {action.partition(":")[0] for action in found["Action"]} == {"logs"}


@pytest.mark.parametrize(
    ("role", "source"),
    [("SftpUserRole", "user/${SftpServer.ServerId}/*"), ("SftpLoggingRole", "server/*")],
)
def test_only_transfer_of_this_account_takes_on_a_role(role: str, source: str) -> None:
    found = properties(role)
    (statement,) = found["AssumeRolePolicyDocument"]["Statement"]

    assert "ManagedPolicyArns" not in found
    assert statement["Principal"] == {"Service": "transfer.amazonaws.com"}
    assert value(statement["Condition"]["StringEquals"]) == {"aws:SourceAccount": "123456789012"}
    arn = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert arn.startswith("arn:${AWS::Partition}:transfer:${AWS::Region}:${AWS::AccountId}:")
    assert arn.endswith(f":{source}")


def test_intake_hears_of_every_upload_over_sftp_from_transfer() -> None:
    on = deployed(Sftp="true")["Resources"]
    rule = on["SftpUploadsRule"]["Properties"]
    (target,) = rule["Targets"]
    arn = {"Fn::GetAtt": ["SftpUploadsRule", "Arn"]}

    assert rule["EventPattern"] == {
        "source": [SOURCE],
        "detail-type": [WHOLE, PARTIAL],
        "detail": {"server-id": [{"Fn::GetAtt": ["SftpServer", "ServerId"]}]},
    }
    assert target["Arn"] == {"Fn::GetAtt": ["UploadQueue", "Arn"]}
    assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": ["UploadDLQ", "Arn"]}
    for policy, queue in (
        ("UploadQueuePolicy", "UploadQueue"),
        ("SftpUploadsDLQPolicy", "UploadDLQ"),
    ):
        document = on[policy]["Properties"]["PolicyDocument"]
        (statement,) = [each for each in document["Statement"] if each["Sid"] == "UploadsOverSftp"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": arn}}
    given = on["BatchIntakeFunction"]["Properties"]["Environment"]["Variables"]
    assert given["SFTP_SERVER"] == {"Fn::GetAtt": ["SftpServer", "ServerId"]}


def test_intake_lists_versions_of_uploads_where_there_is_sftp_and_only_there() -> None:
    def listing(sftp: str) -> list[Json]:
        (policy,) = deployed(Sftp=sftp)["Resources"]["BatchIntakeRole"]["Properties"]["Policies"]
        found = policy["PolicyDocument"]["Statement"]
        return [each for each in found if "s3:ListBucketVersions" in each["Action"]]

    assert listing("false") == []
    (statement,) = listing("true")
    assert statement["Resource"] == {"Fn::GetAtt": ["Bucket", "Arn"]}
    assert statement["Condition"] == {"StringLike": {"s3:prefix": ["inbound/*", "dryrun/*"]}}
