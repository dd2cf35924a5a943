"""`make destroy`: take a stack down, and drop its data only when told so twice.

    python -m pointflow_local.destroy STACK keep
    python -m pointflow_local.destroy STACK drop STACK

Tables, bucket and credentials outlive their stack (`keep`), because CloudFormation is told to leave
them. `drop` wants the stack's name once more, and removes them too; nothing brings them back.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import boto3

DATA = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
BATCH = 1000
"""Versions that one request of S3 removes."""

type Say = Callable[[str], object]
type Aws = Callable[[str], Any]


class NotDestroyedError(Exception):
    """Nothing was taken down; the text says why and what to do."""


def destroy(arguments: Sequence[str], aws: Aws, say: Say) -> None:
    """Take a stack down.

    Parameters
    ----------
    arguments : sequence of str
        Stack, `keep` or `drop`, and with `drop` the stack again.
    aws : callable
        Answers the client of a service.
    say : callable
        Takes a line for a person.

    Raises
    ------
    NotDestroyedError
        It was not said what is to become of the data. Nothing was changed.
    """
    stack, data, again = (*arguments, "", "", "")[:3]
    if not stack:
        raise NotDestroyedError("name the environment: make destroy ENV=dev DATA=keep")
    holds = list(_data(aws("cloudformation"), stack))
    if data not in {"keep", "drop"} or (data == "drop" and again != stack):
        names = ", ".join(name for _, name in holds) or "nothing"
        raise NotDestroyedError(
            f"{stack} holds {names}. DATA=keep leaves them in the account, "
            f"DATA=drop CONFIRM={stack} removes them for good"
        )
    if data == "drop":
        _unprotect(aws("dynamodb"), holds)
    secrets = list(_secrets(aws, stack))
    cloudformation = aws("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 5, "MaxAttempts": 240}
    )
    say(f"{stack} is down.")
    for kind, name in holds:
        if data == "drop":
            _remove(aws, kind, name)
        say(f"{'removed' if data == 'drop' else 'kept'}: {name}")
    for name in secrets:
        if data == "drop":
            aws("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        say(f"{'removed' if data == 'drop' else 'kept'}: {name}")


def _data(cloudformation: Any, stack: str) -> Iterator[tuple[str, str]]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] in DATA:
                yield resource["ResourceType"], resource["PhysicalResourceId"]


def _secrets(aws: Aws, stack: str) -> Iterator[str]:
    prefix = f"pointflow/{stack}/"
    pages = aws("secretsmanager").get_paginator("list_secrets")
    for page in pages.paginate(Filters=[{"Key": "name", "Values": [prefix]}]):
        yield from (
            secret["Name"] for secret in page["SecretList"] if secret["Name"].startswith(prefix)
        )


def _unprotect(dynamodb: Any, holds: Sequence[tuple[str, str]]) -> None:
    for kind, name in holds:
        if kind == "AWS::DynamoDB::Table":
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)


def _remove(aws: Aws, kind: str, name: str) -> None:
    if kind == "AWS::DynamoDB::Table":
        aws("dynamodb").delete_table(TableName=name)
        return
    s3 = aws("s3")
    for page in s3.get_paginator("list_object_versions").paginate(
        Bucket=name, PaginationConfig={"PageSize": BATCH}
    ):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if versions:
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
            answer = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
            if errors := answer.get("Errors"):
                raise NotDestroyedError(f"{name} is not empty: {errors[0]['Message']}")
    s3.delete_bucket(Bucket=name)


def _client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]


if __name__ == "__main__":
    try:
        destroy(sys.argv[1:], _client, lambda line: sys.stdout.write(line + "\n"))
    except NotDestroyedError as refusal:
        sys.exit(f"Error: {refusal}")
