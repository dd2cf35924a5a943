"""template.yaml as data: as it is written, and as SAM translates it for CloudFormation."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/pointflow/0f1e2d3c-4b5a",
    "AWS::StackName": "pointflow",
}

type Json = Any


@cache
def template() -> dict[str, Json]:
    """template.yaml with its short tags as plain data. Treat it as read-only."""
    parsed = yaml_parse((ROOT / "template.yaml").read_text())
    result: dict[str, Json] = json.loads(json.dumps(parsed, default=str))
    return result


@cache
def translated() -> dict[str, Json]:
    """What CloudFormation gets: template.yaml through the SAM transform. Treat it as read-only."""
    document = copy.deepcopy(template())
    document["Globals"]["Function"]["CodeUri"] = "s3://artifacts/functions.zip"
    for _, layer in _of_type(document, "AWS::Serverless::LayerVersion"):
        layer["Properties"]["ContentUri"] = "s3://artifacts/layer.zip"
    # The transform asks boto3 for a region, and for managed policies, which the stack does without.
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": PSEUDO_PARAMETERS["AWS::Region"]}):
        result: dict[str, Json] = transform(document, {}, _NoManagedPolicies())
    return result


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def _of_type(document: Mapping[str, Json], kind: str) -> Iterator[tuple[str, dict[str, Json]]]:
    for logical_id, resource in document["Resources"].items():
        if resource["Type"] == kind:
            yield logical_id, resource


def resources(kind: str) -> dict[str, dict[str, Json]]:
    """Translated resources of a type by logical id, properties and attributes."""
    return dict(_of_type(translated(), kind))


def properties(logical_id: str) -> dict[str, Json]:
    """Properties of a translated resource."""
    found: dict[str, Json] = translated()["Resources"][logical_id]["Properties"]
    return found


def value(node: Json) -> Json:
    """A node with parameters (at their defaults), mappings and conditions worked out.

    What only a deployment can know stays: `{"Ref": logical id}`, `{"Fn::GetAtt": ...}`, and
    `Fn::Sub` that names a resource.
    """
    if isinstance(node, list):
        return [value(item) for item in node]
    if not isinstance(node, dict):
        return node
    match list(node.items()):
        case [("Ref", str(name))]:
            return _parameters().get(name, node)
        case [("Fn::FindInMap", [str(table), str(row), str(column)])]:
            return template()["Mappings"][table][row][column]
        case [("Fn::If", [str(name), then, otherwise])]:
            return value(then if value(template()["Conditions"][name]) else otherwise)
        case [("Fn::Equals", [left, right])]:
            return str(value(left)) == str(value(right))
        case [("Fn::Split", [str(separator), text])]:
            return str(value(text)).split(separator)
        case [("Fn::Select", [index, items])]:
            return value(items)[int(index)]
        case [("Fn::Sub", str(text))]:
            return _substitute(text, _parameters())
        case [("Fn::Sub", [str(text), dict(names)])]:
            return _substitute(text, {**_parameters(), **value(names)})
    return {key: value(item) for key, item in node.items()}


@cache
def _parameters() -> Mapping[str, Json]:
    defaults = {name: spec["Default"] for name, spec in template()["Parameters"].items()}
    return {**PSEUDO_PARAMETERS, **defaults}


def _substitute(text: str, names: Mapping[str, Json]) -> Json:
    for name, replacement in names.items():
        text = text.replace(f"${{{name}}}", str(replacement))
    return {"Fn::Sub": text} if "${" in text else text


if __name__ == "__main__":  # what `make check` gives to checkov
    json.dump(translated(), sys.stdout, indent=2)
