"""Clients and activities in CatalogTable."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pointflow.adapters.batch_get import Patience, batch_get, patient
from pointflow.domain.activity import Activity
from pointflow.domain.client import Client, DuplicateContent, Matching
from pointflow.domain.expectation import parse_expectation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

    Item = dict[str, Any]

CLIENT_ITEM = "CLIENT"
EXPECTING = "#EXPECTING"
"""Partition of the clients whose files are waited for; no client id has such a character."""

ACTIVITY_ATTRIBUTES = (
    "client_id",
    "activity_id",
    "name",
    "default_points",
    "starts_at",
    "ends_at",
)


class DynamoDBCatalog:
    """Reads and changes CatalogTable. Fulfils `Catalog` and `CatalogAdmin` of `ports.catalog`.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
        Name of CatalogTable.
    patience : callable
        Makes the back-off of one call.
    """

    def __init__(self, client: DynamoDBClient, table: str, *, patience: Patience = patient) -> None:
        self._client = client
        self._table = table
        self._patience = patience

    def client(self, client_id: str) -> Client | None:
        """A client's settings; None for an unknown client."""
        response = self._client.get_item(
            TableName=self._table, Key=client_key(client_id), ConsistentRead=True
        )
        return client_of(response["Item"]) if "Item" in response else None

    def activities(
        self,
        client_id: str,
        activity_ids: Collection[int],
        *,
        fresh: bool = False,  # noqa: ARG002 - nothing is remembered here
    ) -> Mapping[int, Activity]:
        """Those of the client's activities that exist."""
        keys = [activity_key(client_id, activity_id) for activity_id in set(activity_ids)]
        items = batch_get(self._client, self._table, keys, ACTIVITY_ATTRIBUTES, self._patience)
        return {activity.activity_id: activity for activity in map(activity_of, items)}

    def clients(self) -> Iterator[Client]:
        """Every client, by id."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="#item = :client",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":client": {"S": CLIENT_ITEM}},
        )
        found = [client_of(item) for page in pages for item in page["Items"]]
        yield from sorted(found, key=lambda client: client.client_id)

    def put_client(self, client: Client) -> None:
        """Create the client, or replace its settings."""
        self._client.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": self._table, "Item": client_item(client)}},
                expecting_write(self._table, client),
            ]
        )

    def expecting(self) -> Iterator[Client]:
        """Clients whose files are waited for, by id."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="client_id = :expecting",
            ExpressionAttributeValues={":expecting": {"S": EXPECTING}},
        )
        for page in pages:
            yield from map(expecting_of, page["Items"])

    def put_activity(self, activity: Activity) -> None:
        """Create the activity, or replace it."""
        self._client.put_item(TableName=self._table, Item=activity_item(activity))


def client_key(client_id: str) -> Item:
    """Primary key of a client's settings."""
    return {"client_id": {"S": client_id}, "item": {"S": CLIENT_ITEM}}


def activity_key(client_id: str, activity_id: int) -> Item:
    """Primary key of an activity."""
    return {"client_id": {"S": client_id}, "item": {"S": f"ACTIVITY#{activity_id}"}}


def client_item(client: Client) -> Item:
    """Write a client as an item; what is not set is left out."""
    item = {
        **client_key(client.client_id),
        "name": {"S": client.name},
        "matching": {"S": client.matching.value},
        "duplicate_content": {"S": client.duplicate_content.value},
    }
    if client.expects is not None:
        item["expects"] = {"S": str(client.expects)}
    return item


def expecting_write(table: str, client: Client) -> TransactWriteItemTypeDef:
    """Keep the list of clients whose files are waited for in step with a client's settings."""
    key: Item = {"client_id": {"S": EXPECTING}, "item": {"S": client.client_id}}
    if client.expects is None:
        return {"Delete": {"TableName": table, "Key": key}}
    item: Item = {**key, "settings": {"M": client_item(client)}}
    return {"Put": {"TableName": table, "Item": item}}


def expecting_of(item: Mapping[str, Any]) -> Client:
    """Read an item of that list."""
    return client_of(item["settings"]["M"])


def client_of(item: Mapping[str, Any]) -> Client:
    """Read a client back."""
    return Client(
        client_id=item["client_id"]["S"],
        name=item["name"]["S"],
        matching=Matching(item["matching"]["S"]),
        duplicate_content=DuplicateContent(item["duplicate_content"]["S"]),
        expects=parse_expectation(item["expects"]["S"]) if "expects" in item else None,
    )


def activity_item(activity: Activity) -> Item:
    """Write an activity as an item; a limit that is not set is left out."""
    item = {
        **activity_key(activity.client_id, activity.activity_id),
        "activity_id": {"N": str(activity.activity_id)},
        "name": {"S": activity.name},
        "default_points": {"N": str(activity.default_points)},
    }
    if activity.starts_at is not None:
        item["starts_at"] = {"N": str(activity.starts_at)}
    if activity.ends_at is not None:
        item["ends_at"] = {"N": str(activity.ends_at)}
    return item


def activity_of(item: Mapping[str, Any]) -> Activity:
    """Read an activity back."""
    return Activity(
        client_id=item["client_id"]["S"],
        activity_id=int(item["activity_id"]["N"]),
        default_points=int(item["default_points"]["N"]),
        name=item["name"]["S"],
        starts_at=_moment(item, "starts_at"),
        ends_at=_moment(item, "ends_at"),
    )


def _moment(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
