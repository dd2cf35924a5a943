"""The catalog against DynamoDB's own expressions and limits."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.domain.activity import Activity
from pointflow.domain.client import Client, DuplicateContent, Matching


@pytest.fixture
def catalog(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> DynamoDBCatalog:
    return DynamoDBCatalog(dynamodb, tables["CatalogTable"])


def test_clients_and_their_settings_are_kept(catalog: DynamoDBCatalog) -> None:
    strict = Client("globex", "Globex Club", Matching.STRICT, DuplicateContent.CREDIT)
    catalog.put_client(strict)
    catalog.put_client(Client("acme", "Acme"))
    catalog.put_client(Client("acme"))
    catalog.put_activity(Activity("acme", 7, 50))
    assert catalog.client("globex") == strict
    assert catalog.client("nobody") is None
    assert list(catalog.clients()) == [Client("acme"), strict]


def test_hundreds_of_activities_are_read_at_once(catalog: DynamoDBCatalog) -> None:
    known = {
        activity_id: Activity(
            "acme", activity_id, activity_id * 10, "Visit", starts_at=-activity_id, ends_at=10**10
        )
        for activity_id in range(1, 231)
    }
    known[10**18 - 1] = Activity("acme", 10**18 - 1, 1_000_000_000)
    for activity in known.values():
        catalog.put_activity(activity)
    catalog.put_activity(Activity("globex", 500, 1))
    asked = [*range(1, 600), 10**18 - 1, 5, 5]
    assert catalog.activities("acme", asked) == known
    assert catalog.activities("acme", []) == {}
