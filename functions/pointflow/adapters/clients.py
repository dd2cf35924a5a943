"""boto3 clients: made on first use, once a process, because each costs a cold start dearly."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

SETTINGS = {
    # Our own requests are built in one place and tested: botocore need not check each again.
    # The ledger repeats what is throttled itself, knowing what a repeat may do.
    "dynamodb": Config(
        parameter_validation=False,
        account_id_endpoint_mode="disabled",
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
    ),
    # Intake keeps a minute of its time for the calls that are under way when it gives up: none
    # may hang for longer. Reads and sends are repeated by their adapters besides.
    "s3": Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=32,
    ),
    "sqs": Config(
        parameter_validation=False,
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=32,
    ),
    "events": Config(
        parameter_validation=False,
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 2},
    ),
    "sns": Config(
        parameter_validation=False,
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
    ),
    # API Gateway waits for the authorizer: better a quick 503, after which the sender tries again.
    "secretsmanager": Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 2},
    ),
}

SIGNING = Config(
    signature_version="s3v4",  # the older form of a signed URL signs no lengths
    # The region's own endpoint: the global one redirects in other regions, and the host is signed.
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    # A checksum asked for here would have to be known before the file is sent.
    request_checksum_calculation="when_required",
)


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["sns"]) -> SNSClient: ...
@overload
def client(service: Literal["secretsmanager"]) -> Any: ...
def client(service: Literal["dynamodb", "s3", "sqs", "events", "sns", "secretsmanager"]) -> Any:
    """The process's client of an AWS service, endpoint and region taken from the environment."""
    return _client(service)


@cache
def signing_client() -> S3Client:
    """The process's client of S3 that signs what others send."""
    return boto3.client("s3", config=SIGNING)


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=SETTINGS[service])  # type: ignore[call-overload]
