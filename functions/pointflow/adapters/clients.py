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
    # API Gateway waits for the authorizer: better a quick 503, after which the sender tries again.
    "secretsmanager": Config(
        connect_timeout=2,
        read_timeout=4,
        retries={"mode": "standard", "total_max_attempts": 2},
    ),
}


@overload
def client(service: Literal["dynamodb"]) -> DynamoDBClient: ...
@overload
def client(service: Literal["s3"]) -> S3Client: ...
@overload
def client(service: Literal["sqs"]) -> SQSClient: ...
@overload
def client(service: Literal["events"]) -> EventBridgeClient: ...
@overload
def client(service: Literal["secretsmanager"]) -> Any: ...
def client(service: Literal["dynamodb", "s3", "sqs", "events", "secretsmanager"]) -> Any:
    """The process's client of an AWS service, endpoint and region taken from the environment."""
    return _client(service)


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=SETTINGS[service])  # type: ignore[call-overload]
