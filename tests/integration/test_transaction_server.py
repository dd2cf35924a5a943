"""The DynamoDB in memory against the real expressions: same requests, same answers, same items."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from tests.fakes.dynamodb_transactions import TransactingDynamoDB

KEYS = ("a", "b", "c", "d")
CONDITIONS = (
    None,
    "attribute_exists(#key)",
    "attribute_not_exists(#n)",
    "attribute_not_exists(#key) OR (#s = :s AND #n <> :n)",
    "#n <> :n",
    "#s = :s",
    "#n < :n AND attribute_exists(#s)",
    "#n IN (:n, :m) OR #s IN (:s)",
    "#n BETWEEN :n AND :m",
    "NOT #n >= :n",
    "(#n > :m OR #s <> :s) AND attribute_exists(#key)",
)
UPDATES = (
    "SET #n = :n, #s = :s",
    "SET #n = if_not_exists(#n, :n), #s = :s REMOVE #t",
    "ADD #n :n, #t :t SET #s = :s",
    "ADD #n :m",
    "DELETE #t :t",
    "REMOVE #s, #n",
    "SET #n = if_not_exists(#n, :n) + :m",
)


def placeholders(text: str, choose: random.Random) -> dict[str, Any]:
    """Names and values that the expressions use, and no others."""
    least = choose.randint(-2, 3)
    values: dict[str, Any] = {
        ":n": {"N": str(least)},
        ":m": {"N": str(least + choose.randint(0, 2))},
        ":s": {"S": choose.choice("xy")},
        ":t": {"NS": [str(choose.randint(1, 3))]},
    }
    request: dict[str, Any] = {}
    if names := {f"#{name}": name for name in ("key", "n", "s", "t") if f"#{name}" in text}:
        request["ExpressionAttributeNames"] = names
    if used := {name: value for name, value in values.items() if name in text}:
        request["ExpressionAttributeValues"] = used
    return request


def some_action(table: str, key: str, choose: random.Random) -> dict[str, Any]:
    kind = choose.choice(("Put", "Update", "Update", "Delete", "ConditionCheck"))
    condition = choose.choice(CONDITIONS[1:] if kind == "ConditionCheck" else CONDITIONS)
    body: dict[str, Any] = {"TableName": table}
    text = condition or ""
    if condition:
        body["ConditionExpression"] = condition
    body["ReturnValuesOnConditionCheckFailure"] = choose.choice(("ALL_OLD", "NONE"))
    if kind == "Put":
        body["Item"] = {"key": {"S": key}, "n": {"N": "1"}, "s": {"S": choose.choice("xy")}}
        if choose.random() < 0.5:
            del body["Item"]["n"]
    else:
        body["Key"] = {"key": {"S": key}}
    if kind == "Update":
        body["UpdateExpression"] = choose.choice(UPDATES)
        text += body["UpdateExpression"]
    return {kind: body | placeholders(text, choose)}


def answer(client: object, operation: str, request: Mapping[str, Any]) -> Any:
    """What a request is answered, errors included, in one comparable form."""
    try:
        getattr(client, operation)(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        response: Any = error.response
        reasons = [
            (reason["Code"], normal(reason.get("Item", {})))
            for reason in response.get("CancellationReasons", [])
        ]
        return code, reasons, normal(response.get("Item", {}))
    return "done"


def normal(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with its sets in order."""
    return {
        name: {kind: sorted(value) if kind in {"NS", "SS"} else value}
        for name, attribute in item.items()
        for kind, value in attribute.items()
    }


@pytest.mark.parametrize("seed", range(4))
def test_random_writes_are_answered_alike_and_leave_the_same_items(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], seed: int
) -> None:
    choose = random.Random(seed)  # noqa: S311 - repeatable, not secret
    table = tables["MembersTable"]
    memory = TransactingDynamoDB({table: "key"})
    for _ in range(120):
        keys = choose.sample(KEYS, choose.randint(1, 3))
        actions = [some_action(table, key, choose) for key in keys]
        ((kind, body),) = actions[0].items()
        if len(actions) > 1 or kind == "ConditionCheck":
            operation, request = "transact_write_items", {"TransactItems": actions}
        else:
            operation, request = f"{kind.lower()}_item", body
        real, ours = (answer(client, operation, request) for client in (dynamodb, memory))
        assert ours == real, request
        stored = dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]
        expected = {item["key"]["S"]: normal(item) for item in stored}
        assert {key: normal(item) for key, item in memory.tables[table].items()} == expected


def test_queries_and_scans_find_the_same_page_by_page(
    dynamodb: DynamoDBClient, tables: Mapping[str, str]
) -> None:
    table = tables["BatchesTable"]
    memory = TransactingDynamoDB(
        {table: ("pk", "sk")}, indexes={"ClientIndex": ("client_id", "received_sort")}
    )
    for number in range(30):
        item: dict[str, Any] = {
            "pk": {"S": f"p{number % 2}"},
            "sk": {"S": f"{'CELL' if number % 3 else 'CHUNK'}#{number:03d}"},
            "n": {"N": str(number)},
        }
        if number % 5 == 0:
            item |= {"client_id": {"S": "acme"}, "received_sort": {"S": f"{99 - number:03d}"}}
        for client in (dynamodb, memory):
            client.put_item(TableName=table, Item=item)
    values = {":pk": {"S": "p1"}, ":prefix": {"S": "CELL#"}}
    by_prefix = {
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        "Limit": 3,
    }
    by_client = {
        "IndexName": "ClientIndex",
        "KeyConditionExpression": "client_id = :client",
        "ExpressionAttributeValues": {":client": {"S": "acme"}},
        "ScanIndexForward": False,
        "Limit": 2,
    }
    for request in (by_prefix, by_client):
        real = pages(dynamodb.query, table, request)
        assert pages(memory.query, table, request) == real
        assert len(real) > 2
    filtered = {
        "FilterExpression": "#n >= :least",
        "ProjectionExpression": "#n",
        "ExpressionAttributeNames": {"#n": "n"},
        "ExpressionAttributeValues": {":least": {"N": "20"}},
        "TotalSegments": 3,
    }

    def scanned(client: Any) -> list[int]:
        return sorted(
            int(item["n"]["N"])
            for segment in range(3)
            for page in pages(client.scan, table, filtered | {"Segment": segment, "Limit": 4})
            for item in page
        )

    assert scanned(memory) == scanned(dynamodb) == list(range(20, 30))


def pages(call: Callable[..., Any], table: str, request: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        page = call(TableName=table, **request, **start)
        found.append(page["Items"])
        if "LastEvaluatedKey" not in page:
            return [each for each in found if each]
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
