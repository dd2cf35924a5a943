"""What a policy is told of the items that a DynamoDB request is about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointflow_local.item_keys import CONDITION_KEY, add_leading_keys, leading_keys

KEY = {"pk": {"S": "AUDIT"}, "sk": {"S": "1"}}
OTHER = {"pk": {"S": "acme/f.txt"}, "sk": {"S": "BATCH"}}
ALIASED: dict[str, Any] = {
    "ExpressionAttributeNames": {"#p": "pk", "#s": "sk"},
    "ExpressionAttributeValues": {":p": {"S": "AUDIT"}, ":s": {"S": "1"}},
}


def partition_keys(table: str) -> frozenset[str]:
    return {"Batches": frozenset({"pk", "client_id"}), "Points": frozenset({"key"})}[table]


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({"TableName": "Batches", "Key": KEY}, ["AUDIT"]),
        ({"TableName": "Batches", "Item": {**KEY, "sum": {"N": "7"}}}, ["AUDIT"]),
        ({"TableName": "Batches", "KeyConditionExpression": "#p = :p", **ALIASED}, ["AUDIT"]),
        (
            {"TableName": "Batches", "KeyConditionExpression": "pk=:p AND #s > :s", **ALIASED},
            ["AUDIT"],
        ),
        (
            {"TableName": "Batches", "KeyConditionExpression": "#s = :s AND #p = :p", **ALIASED},
            ["AUDIT"],
        ),
        (
            {
                "TableName": "Batches",
                "IndexName": "ClientIndex",
                "KeyConditionExpression": "client_id = :c",
                "ExpressionAttributeValues": {":c": {"S": "acme"}},
            },
            ["acme"],
        ),
        ({"RequestItems": {"Batches": {"Keys": [KEY, OTHER]}}}, ["AUDIT", "acme/f.txt"]),
        (
            {
                "RequestItems": {
                    "Batches": [{"PutRequest": {"Item": OTHER}}, {"DeleteRequest": {"Key": KEY}}]
                }
            },
            ["acme/f.txt", "AUDIT"],
        ),
        (
            {
                "TransactItems": [
                    {"Put": {"TableName": "Points", "Item": {"key": {"S": "acme#M#1"}}}},
                    {"Update": {"TableName": "Batches", "Key": KEY}},
                ]
            },
            ["acme#M#1", "AUDIT"],
        ),
        ({"TableName": "Batches", "Limit": 1}, []),
    ],
)
def test_every_partition_that_a_request_names_is_told(
    request_: dict[str, Any], found: list[str]
) -> None:
    assert leading_keys(request_, partition_keys) == found


def test_they_are_added_to_what_policies_see() -> None:
    context: dict[str, Any] = {"dynamodb:Select": "ALL_ATTRIBUTES"}

    body = json.dumps({"TableName": "Batches", "Key": KEY}).encode()
    add_leading_keys(context, body, partition_keys)

    assert context == {"dynamodb:Select": "ALL_ATTRIBUTES", CONDITION_KEY: ["AUDIT"]}


def test_a_request_that_names_no_item_has_no_such_condition_key() -> None:
    context: dict[str, Any] = {}

    add_leading_keys(context, json.dumps({"TableName": "Batches"}).encode(), partition_keys)

    assert context == {}


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"Key": 7}', b'{"Key": {"pk": {}}}'])
def test_what_is_no_request_is_left_to_the_service(body: bytes) -> None:
    context: dict[str, Any] = {}

    add_leading_keys(context, body, lambda _: frozenset({"pk"}))

    assert context == {}
