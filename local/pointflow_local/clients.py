"""boto3 clients of the local AWS: explicit endpoint and credentials, no proxy, no profile."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from pointflow_local.state import LocalStack


def local_client(stack: LocalStack, service: str) -> Any:
    """A client of a service of the local AWS, whatever the environment says of AWS."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=stack.region,
        endpoint_url=stack.endpoint_url,
        aws_access_key_id=stack.access_key,
        aws_secret_access_key=stack.secret_key,
        config=Config(proxies={}, s3={"addressing_style": "path"}, max_pool_connections=32),
    )
