"""Tables as template.yaml describes them: there is no second description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from mypy_boto3_dynamodb import DynamoDBClient

from pointflow_local.template import TABLE, read_template, resources

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
_TAKEN_OVER = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
_OF_AN_INDEX = ("IndexName", "KeySchema", "Projection")  # not how warm it is: that is conditional


@contextmanager
def fresh_tables(dynamodb: DynamoDBClient) -> Iterator[Mapping[str, str]]:
    """Empty tables of the template for the time of the block: name by logical id."""
    made: dict[str, str] = {}
    try:
        for logical_id, properties in _described().items():
            name = f"{logical_id}-{uuid4().hex}"
            dynamodb.create_table(TableName=name, **properties)
            made[logical_id] = name
        yield made
    finally:
        for name in made.values():
            dynamodb.delete_table(TableName=name)


@cache
def _described() -> Mapping[str, Mapping[str, Any]]:
    described = {
        logical_id: _taken_over(properties)
        for logical_id, properties in resources(read_template(TEMPLATE), TABLE)
    }
    assert described, f"{TEMPLATE.name} describes no table"
    return described


def _taken_over(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    taken = {name: properties[name] for name in _TAKEN_OVER if name in properties}
    if indexes := taken.get("GlobalSecondaryIndexes"):
        taken["GlobalSecondaryIndexes"] = [
            {name: index[name] for name in _OF_AN_INDEX} for index in indexes
        ]
    return taken
