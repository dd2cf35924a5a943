"""What integration tests talk to: real servers, and the tables of template.yaml in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import boto3
import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.clients import SETTINGS
from tests.integration.dynamodb_local import dynamodb_local, installed
from tests.integration.servers import ServerError, local_aws
from tests.integration.tables import fresh_tables

SERVERS = {"dynamodb-local": dynamodb_local, "local-aws": local_aws}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch what is fetched once, before the first test's time starts to run."""
    needed = any("dynamodb" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly:
        try:
            installed()
        except ServerError as error:
            pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session", params=sorted(SERVERS))
def dynamodb(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    """A client with the settings the functions use, on each server in turn."""
    with SERVERS[request.param]() as server:
        client = boto3.client(
            "dynamodb",
            endpoint_url=server.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=SETTINGS["dynamodb"],
        )
        yield client
        client.close()


@pytest.fixture
def tables(dynamodb: DynamoDBClient) -> Iterator[Mapping[str, str]]:
    """Empty tables: name by logical id of template.yaml."""
    with fresh_tables(dynamodb) as names:
        yield names
