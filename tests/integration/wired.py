"""The client that crediting and push intake use as deployed, on a test's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from pointflow.adapters.dynamodb_wire import WireDynamoDB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def short_way(dynamodb: DynamoDBClient) -> DynamoDBClient:
    """Send the calls on items over the wire without botocore's serialisers."""
    wired = WireDynamoDB(dynamodb, Credentials("test", "test"), URLLib3Session())
    return cast("DynamoDBClient", wired)
