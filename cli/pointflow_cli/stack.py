"""The stack a command talks to: the local one, or one that CloudFormation knows."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

import boto3
import typer
from botocore.config import Config
from botocore.exceptions import ClientError

from pointflow.domain.text import shown
from pointflow_cli.errors import fail
from pointflow_cli.output import note
from pointflow_local.state import LOCAL_STACK, running

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        metavar="NAME",
        help="Stack to talk to: `local`, or a CloudFormation stack name. Also POINTFLOW_STACK.",
    ),
]
ClientOption = Annotated[
    str | None,
    typer.Option(
        "--client",
        metavar="ID",
        help="Client programme; by default the only one. Also POINTFLOW_CLIENT.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")
]


@dataclass(frozen=True, slots=True)
class Selection:
    """Stack and client named before the command, or by the environment."""

    stack: str | None = None
    client: str | None = None
    stack_from_env: bool = False
    client_from_env: bool = False


_selection: ContextVar[Selection] = ContextVar("selection")


def select(selection: Selection) -> None:
    """Keep what was named before the command; `open_stack` and `default_client` read it."""
    _selection.set(selection)


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack and the way to it.

    Attributes
    ----------
    name : str
        `local`, or the CloudFormation stack's name.
    region : str
    outputs : mapping of str to str
        The template's outputs by name.
    endpoint_url : str or None
        None for AWS itself.
    """

    name: str
    region: str
    outputs: Mapping[str, str]
    endpoint_url: str | None = None
    access_key: str | None = None
    secret_key: str | None = None

    @overload
    def client(self, service: Literal["cloudformation"]) -> CloudFormationClient: ...
    @overload
    def client(self, service: Literal["cloudwatch"]) -> CloudWatchClient: ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> DynamoDBClient: ...
    @overload
    def client(self, service: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def client(self, service: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, service: Literal["sqs"]) -> SQSClient: ...
    @overload
    def client(self, service: Literal["sts"]) -> STSClient: ...
    @overload
    def client(self, service: Literal["secretsmanager", "transfer"]) -> Any: ...
    def client(self, service: Any) -> Any:
        """A boto3 client of an AWS service, bound to this stack's endpoint and region."""
        return _boto_client(
            service,
            region=self.region,
            endpoint_url=self.endpoint_url,
            access_key=self.access_key,
            secret_key=self.secret_key,
        )

    def output(self, name: str) -> str:
        """An output of the template. A `CommandError` where the deployed stack lacks it."""
        try:
            return self.outputs[name]
        except KeyError:
            fail(
                f"stack {self.name} has no output {name}",
                "it lacks that job (parameter Jobs), or runs another version of template.yaml",
            )

    @property
    def bucket(self) -> str:
        """Name of the bucket that files come to and results go to."""
        return self.output("BucketName")

    @property
    def catalog_table(self) -> str:
        """Table of clients and activities."""
        return self.output("CatalogTableName")

    @property
    def members_table(self) -> str:
        """Table of members and the identifiers that point at them."""
        return self.output("MembersTableName")

    @property
    def ledger_table(self) -> str:
        """Table of ledger entries."""
        return self.output("LedgerTableName")

    @property
    def has_ledger(self) -> bool:
        """Whether the stack credits points (parameter Jobs)."""
        return "LedgerTableName" in self.outputs

    @property
    def has_expirations(self) -> bool:
        """Whether the stack takes pushes in (parameter Jobs)."""
        return "ExpirationsTableName" in self.outputs

    @property
    def tombstones_table(self) -> str:
        """Where it is kept who was forgotten: beside the pushes, else beside the audit records."""
        return self.expirations_table if self.has_expirations else self.batches_table

    @property
    def batches_table(self) -> str:
        """Table of submissions and their parts."""
        return self.output("BatchesTableName")

    @property
    def expirations_table(self) -> str:
        """Table of points expirations: views, history and month index."""
        return self.output("ExpirationsTableName")

    @property
    def credentials_prefix(self) -> str:
        """What the names of the clients' secrets begin with."""
        return self.output("CredentialsPrefix")

    @property
    def api_url(self) -> str:
        """Where the API answers, up to and with the stage, without a slash at the end."""
        return self.output("ApiUrl").rstrip("/")

    @property
    def upload_queue_url(self) -> str:
        """Queue of the bucket's events."""
        return self.output("UploadQueueUrl")

    @property
    def part_queue_url(self) -> str:
        """Queue of cells to measure and to parse."""
        return self.output("PartQueueUrl")

    @property
    def credit_queue_url(self) -> str:
        """Queue of chunks to credit."""
        return self.output("CreditQueueUrl")

    @property
    def report_queue_url(self) -> str:
        """Queue of reports to write."""
        return self.output("ReportQueueUrl")

    @property
    def undo_queue_url(self) -> str:
        """Queue of credits to take back."""
        return self.output("UndoQueueUrl")


def open_stack(name: str | None = None) -> Stack:
    """Find the stack a command talks to, and say on stderr which one it is.

    Parameters
    ----------
    name : str or None
        The command's own `--stack`. None: the one named before the command, or by
        POINTFLOW_STACK. It is never guessed.

    Raises
    ------
    CommandError
        No stack was named, two were, or the named one is not there.
    """
    earlier = _selection.get(Selection())
    chosen = _choose("stack", name, earlier.stack, earlier.stack_from_env)
    if chosen is None:
        fail("which stack?", "add --stack local, or --stack NAME for one on AWS")
    stack = _local_stack() if chosen == LOCAL_STACK else _deployed_stack(chosen)
    note(f"stack: {stack.name} ({stack.endpoint_url or stack.region})")
    return stack


def default_client(stack: Stack, client: str | None = None) -> str:
    """The client a command works for.

    Parameters
    ----------
    stack : Stack
    client : str or None
        The command's own `--client`. None: the one named before the command, or by
        POINTFLOW_CLIENT, else the stack's only client.

    Raises
    ------
    CommandError
        None was named and the stack does not have exactly one.
    """
    chosen = named_client(client)
    if chosen is not None:
        return chosen
    known = _client_ids(stack)
    if not known:
        fail("the stack has no client yet", "add one: pointflow clients add ID")
    if len(known) > 1:
        fail(f"which client, of {', '.join(known)}?", "add --client ID")
    return known[0]


def known_client(stack: Stack, client: str | None = None) -> str:
    """The client a command works for, as `default_client`; it must be one of the stack's.

    Raises
    ------
    CommandError
        As `default_client`, or the catalog does not know the client that was named.
    """
    chosen = default_client(stack, client)
    found = stack.client("dynamodb").get_item(
        TableName=stack.catalog_table,
        Key={"client_id": {"S": chosen}, "item": {"S": "CLIENT"}},
        ConsistentRead=True,
        ProjectionExpression="client_id",
    )
    if "Item" not in found:
        fail(f"there is no client {shown(chosen)}", "see: pointflow clients list")
    return chosen


def named_client(client: str | None = None) -> str | None:
    """The client that was named, by the command's own `--client` or earlier; None: none was."""
    earlier = _selection.get(Selection())
    return _choose("client", client, earlier.client, earlier.client_from_env)


def _choose(what: str, own: str | None, earlier: str | None, from_env: bool) -> str | None:
    if own == "" or (earlier == "" and not from_env):
        fail(f"--{what} is empty", "name one, or check the variable it was filled from")
    if own and earlier and own != earlier and not from_env:
        fail(f"--{what} was given twice: {earlier} and {own}", "give it once")
    return own or earlier or None


def _client_ids(stack: Stack) -> list[str]:
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.catalog_table,
            ConsistentRead=True,
            FilterExpression="#item = :client",
            ProjectionExpression="client_id",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":client": {"S": "CLIENT"}},
        )
    )
    return sorted(item["client_id"]["S"] for page in pages for item in page["Items"])


def _local_stack() -> Stack:
    local = running()
    if local is None:
        fail("the local stack is not running", "start it: pointflow up")
    return Stack(
        name=LOCAL_STACK,
        region=local.region,
        outputs=local.outputs,
        endpoint_url=local.endpoint_url,
        access_key=local.access_key,
        secret_key=local.secret_key,
    )


def _deployed_stack(name: str) -> Stack:
    region = boto3.Session().region_name
    if region is None:
        fail("no AWS region is set", "set AWS_REGION, or AWS_PROFILE to a profile that has one")
    unbound = Stack(name=name, region=region, outputs={})
    try:
        found = unbound.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        fail(
            f"no stack {name} in {region}",
            "check the name and AWS_REGION: aws cloudformation list-stacks",
        )
    outputs = {o["OutputKey"]: o["OutputValue"] for o in found[0].get("Outputs", [])}
    return Stack(name=name, region=region, outputs=outputs)


def _boto_client(
    service: str,
    *,
    region: str,
    endpoint_url: str | None,
    access_key: str | None,
    secret_key: str | None,
) -> Any:
    settings = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 5},
        # A proxy set for the world outside has no business between a person and 127.0.0.1.
        proxies={} if endpoint_url else None,
        s3={"addressing_style": "path"} if endpoint_url else None,
    )
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=settings,
    )
