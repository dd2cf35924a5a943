"""Where the local AWS reads a template otherwise than CloudFormation: put right before the upload.

What it leaves out altogether is set by API after the deployment: see `settings`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from pointflow_local.template import FUNCTION, Template, resources

_API_URL = re.compile(r"https://(\w+)\.execute-api\.[^/]+/(\w+)")

# On AWS the right to send, delete or hide a message covers a batch of them; here it does not.
_BATCH_ACTIONS = {
    "sqs:SendMessage": "sqs:SendMessageBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
}


def with_text_environment(template: Template) -> Template:
    """The template with every environment variable of a function made text.

    CloudFormation does that by itself; the local AWS hands a number on as a number, and no process
    can be started with that.
    """
    document = copy.deepcopy(template)
    for _, properties in resources(document, FUNCTION):
        variables = properties.get("Environment", {}).get("Variables", {})
        for name, value in variables.items():
            if not isinstance(value, str):
                variables[name] = {"Fn::Join": ["", [value]]}
    return document


def with_number_parameters(template: Template, parameters: Mapping[str, str]) -> Template:
    """The template with references to parameters of type Number filled in, as numbers.

    CloudFormation hands a property the number it wants; the local AWS hands it the parameter's
    text, and a mapping whose MaximumConcurrency is text stops the polling of every queue.
    """
    declared = template.get("Parameters", {})
    numbers = {
        name: int(value) for name, value in parameters.items() if declared[name]["Type"] == "Number"
    }
    return {**template, "Resources": _with_numbers(template.get("Resources", {}), numbers)}


def _with_numbers(value: Any, numbers: Mapping[str, int]) -> Any:
    if isinstance(value, list):
        return [_with_numbers(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in numbers:
        return numbers[value["Ref"]]
    return {key: _with_numbers(item, numbers) for key, item in value.items()}


def with_failure_destinations(template: Template) -> Template:
    """The template with the failure destinations of functions for their latest versions too.

    SAM hangs them onto the alias, where CloudFormation wants them; the local AWS looks for them at
    the latest version alone, whoever is invoked.
    """
    added = {
        f"{function}LatestInvokeConfig": {
            **_condition(template, function),
            "Type": "AWS::Lambda::EventInvokeConfig",
            "Properties": {
                "FunctionName": {"Ref": function},
                "Qualifier": "$LATEST",
                **properties["EventInvokeConfig"],
                "DestinationConfig": _destinations(properties["EventInvokeConfig"]),
            },
        }
        for function, properties in resources(template, FUNCTION)
        if "EventInvokeConfig" in properties
    }
    return {**template, "Resources": {**template.get("Resources", {}), **added}}


def _condition(template: Template, logical_id: str) -> dict[str, Any]:
    resource = template["Resources"][logical_id]
    return {"Condition": resource["Condition"]} if "Condition" in resource else {}


def _destinations(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        outcome: {"Destination": told["Destination"]}
        for outcome, told in config.get("DestinationConfig", {}).items()
    }


def without_saved_queries(template: Template) -> Template:
    """The template without saved queries of Logs Insights.

    The local AWS does not know the type, and would refuse the whole stack.
    """
    found = template.get("Resources", {}).items()
    kept = {name: each for name, each in found if each["Type"] != "AWS::Logs::QueryDefinition"}
    return {**template, "Resources": kept}


def with_enforceable_policies(template: Template) -> Template:
    """The template with policies that mean here what they mean on AWS.

    Only for where policies are enforced. The local AWS speaks plain HTTP, so statements that
    refuse whoever comes without TLS would refuse everybody; and it asks for rights to batches of
    messages that do not exist on AWS.
    """
    return {**template, "Resources": _enforceable(template.get("Resources", {}))}


def _enforceable(value: Any) -> Any:
    if isinstance(value, list):
        return [_enforceable(item) for item in value if not _wants_tls(item)]
    if not isinstance(value, dict):
        return value
    found = {key: _enforceable(item) for key, item in value.items()}
    if "Effect" in found and "Action" in found:
        found["Action"] = _with_batch_actions(found["Action"])
    return found


def _wants_tls(statement: Any) -> bool:
    return (
        isinstance(statement, dict)
        and statement.get("Effect") == "Deny"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )


def _with_batch_actions(action: Any) -> list[Any]:
    actions = action if isinstance(action, list) else [action]
    return [*actions, *(_BATCH_ACTIONS[each] for each in actions if each in _BATCH_ACTIONS)]


def with_local_api_urls(outputs: Mapping[str, str], endpoint_url: str) -> dict[str, str]:
    """Outputs whose API addresses lead to the local AWS, which serves every API on its own port."""
    return {
        name: _API_URL.sub(rf"{endpoint_url}/_aws/execute-api/\1/\2", value)
        for name, value in outputs.items()
    }
