"""Reads template.yaml, and points it at uploaded artifacts instead of folders."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.yaml_helper import yaml_parse

from pointflow_local.errors import LocalStackError

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"
TABLE = "AWS::DynamoDB::Table"

type Template = dict[str, Any]


def read_template(path: Path) -> Template:
    """Parse a template with CloudFormation's short tags.

    Raises
    ------
    LocalStackError
        There is no such file, or it is not YAML.
    """
    try:
        parsed = yaml_parse(path.read_text())
    except FileNotFoundError as error:
        raise LocalStackError(
            f"{path} is missing", "run pointflow from the clone it was set up in: make setup"
        ) from error
    except yaml.YAMLError as error:
        raise LocalStackError(f"{path.name} is not YAML: {error}", "mend the template") from error
    if not isinstance(parsed, dict):
        raise LocalStackError(f"{path.name} holds no template", "mend the template")
    # Through JSON, so that what is changed below is plain data: no tags, no dates, no shared nodes.
    document: Template = json.loads(json.dumps(parsed, default=str))
    return document


def resources(template: Template, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Logical id and properties of the resources of a type."""
    for logical_id, resource in template.get("Resources", {}).items():
        if resource["Type"] == kind:
            yield logical_id, resource.get("Properties", {})


def with_artifacts(
    template: Template,
    *,
    function_uri: Callable[[str], str],
    layer_uri: Callable[[str, str], str],
) -> Template:
    """The template with every local folder replaced by what was made of it.

    Parameters
    ----------
    template : Template
        Left as it is.
    function_uri : callable
        Folder of a CodeUri -> S3 URI.
    layer_uri : callable
        A layer's logical id and the folder of its ContentUri -> S3 URI.
    """
    document = copy.deepcopy(template)
    shared = document.get("Globals", {}).get("Function", {})
    for properties in [shared, *(found for _, found in resources(document, FUNCTION))]:
        if isinstance(properties.get("CodeUri"), str):
            properties["CodeUri"] = function_uri(properties["CodeUri"])
    for logical_id, properties in resources(document, LAYER):
        if isinstance(properties.get("ContentUri"), str):
            properties["ContentUri"] = layer_uri(logical_id, properties["ContentUri"])
    return document


def resolved(value: Any, parameters: Mapping[str, str]) -> Any:
    """A property's value with references to parameters filled in.

    Raises
    ------
    LocalStackError
        The value uses another intrinsic function; none is worked out here.
    """
    if isinstance(value, list):
        return [resolved(item, parameters) for item in value]
    if not isinstance(value, dict):
        return value
    name = next(iter(value), "")
    if name == "Ref" and value["Ref"] in parameters:
        return parameters[value["Ref"]]
    if name == "Ref" or name.startswith("Fn::"):
        raise LocalStackError(
            f"the local AWS cannot work out {json.dumps(value)} in template.yaml",
            "use a plain value or a parameter there",
        )
    return {key: resolved(item, parameters) for key, item in value.items()}
