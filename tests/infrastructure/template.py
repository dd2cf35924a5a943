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
    """Translated resources of a type by logical id, properties and attributes.

    Choices (`Fn::If`) are made as the parameters' defaults make them; all else is as translated.
    """
    return dict(_of_type(_chosen(), kind))


def properties(logical_id: str) -> dict[str, Json]:
    """Properties of a translated resource, with choices made as in `resources`."""
    found: dict[str, Json] = _chosen()["Resources"][logical_id]["Properties"]
    return found


@cache
def _chosen() -> dict[str, Json]:
    conditions = _Resolver(_parameters())

    def made(node: Json) -> Json:
        if isinstance(node, list):
            return [found for item in node if (found := made(item)) != NO_VALUE]
        if not isinstance(node, dict):
            return node
        if list(node) == ["Fn::If"]:
            name, then, otherwise = node["Fn::If"]
            return made(then if conditions.condition(name) else otherwise)
        return {key: found for key, item in node.items() if (found := made(item)) != NO_VALUE}

    return {**translated(), "Resources": made(translated()["Resources"])}


def value(node: Json, given: Mapping[str, Json] | None = None) -> Json:
    """A node with parameters, mappings and conditions worked out.

    What only a deployment can know stays: `{"Ref": logical id}`, `{"Fn::GetAtt": ...}`, and
    `Fn::Sub` that names a resource. Whatever is `AWS::NoValue` is left out.

    Parameters
    ----------
    node
        Any part of a template.
    given : mapping, optional
        Values of parameters that differ from their defaults.
    """
    return _Resolver({**_parameters(), **(given or {})}).value(node)


def deployed(**given: Json) -> dict[str, Json]:
    """The translated template as these parameters make it: what a false condition drops is gone."""
    resolver = _Resolver({**_parameters(), **given})
    sections = {
        section: {
            name: resolver.value(found)
            for name, found in translated()[section].items()
            if "Condition" not in found or resolver.condition(found["Condition"])
        }
        for section in ("Resources", "Outputs")
    }
    return {**translated(), **sections}


NO_VALUE = {"Ref": "AWS::NoValue"}


class _Resolver:
    def __init__(self, names: Mapping[str, Json]) -> None:
        self._names = names

    def condition(self, name: str) -> bool:
        return bool(self.value(translated()["Conditions"][name]))

    def value(self, node: Json) -> Json:
        if isinstance(node, list):
            return [found for item in node if (found := self.value(item)) != NO_VALUE]
        if not isinstance(node, dict):
            return node
        match list(node.items()):
            case [(name, argument)] if name in {"Ref", "Condition"} or name.startswith("Fn::"):
                return self._function(name, argument, node)
        resolved = {key: self.value(item) for key, item in node.items()}
        return {key: item for key, item in resolved.items() if item != NO_VALUE}

    def _logic(self, function: str, argument: Json) -> bool:
        match function, argument:
            case "Condition", str(name):
                return self.condition(name)
            case "Fn::Equals", [left, right]:
                return str(self.value(left)) == str(self.value(right))
            case "Fn::Not", [other]:
                return not self.value(other)
            case "Fn::And", list(others):
                return all(map(self.value, others))
            case "Fn::Or", list(others):
                return any(map(self.value, others))
        raise AssertionError(f"{function} of {argument} is not known here")

    def _function(self, function: str, argument: Json, node: Json) -> Json:
        if function in {"Condition", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"}:
            return self._logic(function, argument)
        match function, argument:
            case "Ref", str(name):
                return self._names.get(name, node)
            case "Fn::FindInMap", [str(table), str(row), str(column)]:
                return template()["Mappings"][table][row][column]
            case "Fn::If", [str(name), then, otherwise]:
                return self.value(then if self.condition(name) else otherwise)
            case "Fn::Join", [str(separator), items] if all(
                isinstance(item, str) for item in self.value(items)
            ):
                return separator.join(self.value(items))
            case "Fn::Split", [str(separator), text]:
                return str(self.value(text)).split(separator)
            case "Fn::Select", [index, items]:
                return self.value(items)[int(index)]
            case "Fn::Sub", str(text):
                return _substitute(text, self._names)
            case "Fn::Sub", [str(text), dict(names)]:
                return _substitute(text, {**self._names, **self.value(names)})
        return {function: self.value(argument)}


@cache
def _parameters() -> Mapping[str, Json]:
    declared = template()["Parameters"].items()
    defaults = {
        name: spec["Default"].split(",")
        if spec["Type"] == "CommaDelimitedList"
        else spec["Default"]
        for name, spec in declared
    }
    return {**PSEUDO_PARAMETERS, **defaults}


def _substitute(text: str, names: Mapping[str, Json]) -> Json:
    for name, replacement in names.items():
        inner = replacement.get("Fn::Sub") if isinstance(replacement, dict) else replacement
        text = text.replace(f"${{{name}}}", str(inner))
    return {"Fn::Sub": text} if "${" in text.replace("${!", "") else text


if __name__ == "__main__":  # what `make check` gives to checkov; NAME=VALUE for each parameter
    json.dump(deployed(**dict(each.split("=", 1) for each in sys.argv[1:])), sys.stdout, indent=2)
