"""What `make deploy` adds to samconfig.toml, and what `make destroy` refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from pointflow_local.destroy import NotDestroyedError, destroy
from pointflow_local.release import ReleaseError, configured, content_hash, main

SAMCONFIG = """
version = 0.1
[default.build.parameters]
cached = true
[dev.deploy.parameters]
parameter_overrides = "DeletionProtection=false LogLevel=DEBUG"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "samconfig.toml").write_text(SAMCONFIG)
    (tmp_path / "template.yaml").write_text("Resources: {}")
    for name in ("functions/app.py", "layers/requirements.txt", "functions/__pycache__/app.pyc"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_the_command_line_adds_to_an_environment_and_wins(root: Path) -> None:
    told = main(["dev", "LogLevel=INFO", "AlarmEmail=a@example.com"], root)

    *pairs, digest = told.split()
    assert pairs == ["DeletionProtection=false", "LogLevel=INFO", "AlarmEmail=a@example.com"]
    assert digest.startswith("ContentSha256=")
    assert configured("dev", root) == {"DeletionProtection": "false", "LogLevel": "DEBUG"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "make deploy ENV=dev"), (["default"], "dev"), (["dev", "LogLevel"], "NAME=VALUE")],
)
def test_what_cannot_be_meant_is_refused(root: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(ReleaseError, match=said):
        main(arguments, root)


@pytest.mark.parametrize("name", ["functions/app.py", "layers/requirements.txt", "template.yaml"])
def test_whatever_makes_a_version_changes_the_hash(root: Path, name: str) -> None:
    before = content_hash(root, {"LogLevel": "INFO"})
    assert content_hash(root, {"LogLevel": "INFO"}) == before
    assert content_hash(root, {"LogLevel": "DEBUG"}) != before

    (root / name).write_text("changed")
    assert content_hash(root, {"LogLevel": "INFO"}) != before


def test_compiled_files_do_not(root: Path) -> None:
    before = content_hash(root, {})
    (root / "functions/__pycache__/app.pyc").write_text("compiled anew")
    assert content_hash(root, {}) == before


class FakeCloudFormation:
    """A stack that leaves its table and bucket behind when it is deleted, as the template asks."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def get_paginator(self, _: str) -> FakeCloudFormation:
        return self

    def paginate(self, *, StackName: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's name
        kinds = [("AWS::DynamoDB::Table", "points"), ("AWS::SQS::Queue", "work")]
        found = [*kinds, ("AWS::S3::Bucket", "files")]
        summaries = [{"ResourceType": kind, "PhysicalResourceId": name} for kind, name in found]
        return [{"StackResourceSummaries": summaries}]

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803
        self.deleted.append(StackName)

    def get_waiter(self, _: str) -> Any:
        return SimpleNamespace(wait=lambda **_: None)


class Account:
    """An account with the data of two stacks in it."""

    def __init__(self) -> None:
        self.stacks = FakeCloudFormation()
        self.said: list[str] = []
        self("dynamodb").create_table(
            TableName="points",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            DeletionProtectionEnabled=True,
        )
        self("s3").create_bucket(Bucket="files")
        enabled = {"Status": "Enabled"}
        self("s3").put_bucket_versioning(Bucket="files", VersioningConfiguration=enabled)
        for body in (b"first", b"second"):
            self("s3").put_object(Bucket="files", Key="inbound/acme/a.txt", Body=body)
        self("s3").delete_object(Bucket="files", Key="inbound/acme/a.txt")
        for name in ("pointflow/pointflow-dev/credentials/acme", "pointflow/other/credentials/a"):
            self("secretsmanager").create_secret(Name=name, SecretString="{}")

    def __call__(self, service: str) -> Any:
        if service == "cloudformation":
            return self.stacks
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name="us-east-1", **keys)  # type: ignore[call-overload]

    def destroy(self, *arguments: str) -> None:
        destroy(arguments, self, self.said.append)

    def left(self) -> tuple[list[str], list[str], list[str]]:
        tables: list[str] = self("dynamodb").list_tables()["TableNames"]
        buckets = [bucket["Name"] for bucket in self("s3").list_buckets()["Buckets"]]
        secrets = self("secretsmanager").list_secrets()["SecretList"]
        return tables, buckets, sorted(secret["Name"] for secret in secrets)


@pytest.fixture
def account() -> Iterator[Account]:
    with mock_aws():
        yield Account()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["pointflow-dev"],
        ["pointflow-dev", "drop"],
        ["pointflow-dev", "drop", "pointflow-prod"],
        ["pointflow-dev", "maybe"],
    ],
)
def test_nothing_is_taken_down_unless_it_is_said_what_becomes_of_the_data(
    account: Account, arguments: list[str]
) -> None:
    before = account.left()
    with pytest.raises(NotDestroyedError, match="DATA=keep"):
        account.destroy(*arguments)

    assert account.left() == before
    assert account.stacks.deleted == []


def test_dropped_data_is_gone_with_every_version_and_nobody_else_s(account: Account) -> None:
    account.destroy("pointflow-dev", "drop", "pointflow-dev")

    assert account.stacks.deleted == ["pointflow-dev"]
    assert account.left() == ([], [], ["pointflow/other/credentials/a"])
    assert "removed: files" in account.said


def test_what_is_kept_is_named(account: Account) -> None:
    before = account.left()
    account.destroy("pointflow-dev", "keep")

    assert account.stacks.deleted == ["pointflow-dev"]
    assert account.left() == before
    assert account.said[1:] == [
        "kept: points",
        "kept: files",
        "kept: pointflow/pointflow-dev/credentials/acme",
    ]
