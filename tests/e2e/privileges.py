"""What the policies of a role say of a request, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError

type Json = Any
type Client = Any

DONE = ""  # in place of an error code

# What each service calls a refusal.
REFUSED = {
    "dynamodb": "AccessDeniedException",
    "events": "AccessDeniedException",
    "kms": "AccessDeniedException",
    "lambda": "AccessDeniedException",
    "s3": "AccessDenied",
    "secretsmanager": "AccessDeniedException",
    "sns": "AuthorizationError",
    "sqs": "AccessDenied",
    "sts": "AccessDenied",
}


@dataclass(frozen=True)
class Probe:
    """A request, what a policy sees of it, and how it ends for somebody who may make it."""

    action: str
    resource: str  # ARN
    service: str
    send: Callable[[Client], object]
    ends: str = DONE  # error code
    context: Mapping[str, list[str]] = field(default_factory=dict)
    harmless: bool = True

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} {dict(self.context) or ''}".strip()

    def outcome(self, client: Client) -> str:
        """Send it; the error code, or DONE."""
        try:
            self.send(client)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return DONE


@dataclass(frozen=True)
class Policies:
    """The statements of a role."""

    statements: list[Json]

    def grant(self, probe: Probe) -> bool:
        """Whether the role may send the probe."""
        return any(
            statement["Effect"] == "Allow"
            and probe.action in listed(statement["Action"])
            and any(fnmatchcase(probe.resource, each) for each in listed(statement["Resource"]))
            and _holds(statement.get("Condition", {}), probe.context)
            for statement in self.statements
        )

    def unused(self, probes: list[Probe], beside: set[str]) -> list[str]:
        """Every action on every resource that none of the probes is granted by."""
        return [
            f"{action} on {resource}"
            for statement in self.statements
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
            if action not in beside
            and not any(
                Policies([{**statement, "Action": action, "Resource": resource}]).grant(probe)
                for probe in probes
            )
        ]

    def by_resource(self) -> dict[str, set[str]]:
        """Actions by the resource, an ARN or a pattern of such, on which they are granted."""
        found: dict[str, set[str]] = {}
        for statement in self.statements:
            for resource in listed(statement["Resource"]):
                found.setdefault(resource, set()).update(listed(statement["Action"]))
        return found

    def condition_values(self, key: str) -> set[str]:
        """What conditions of these statements compare a key with."""
        return {
            value
            for statement in self.statements
            for keys in statement.get("Condition", {}).values()
            for value in listed(keys.get(key, []))
        }


def listed(node: Json) -> list[Json]:
    return node if isinstance(node, list) else [node]


def _holds(condition: Json, context: Mapping[str, list[str]]) -> bool:
    return all(
        _compares(operator, context.get(key), listed(wanted))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _compares(operator: str, found: list[str] | None, wanted: list[str]) -> bool:
    match operator:
        case "StringEquals":
            return found is not None and set(found) <= set(wanted)
        case "ForAllValues:StringEquals" | "StringEqualsIfExists":
            return found is None or set(found) <= set(wanted)
        case "ForAllValues:StringNotEquals":
            return found is None or not set(found) & set(wanted)
        case "NumericLessThanEqualsIfExists":
            return found is None or all(
                int(each) <= int(limit) for each in found for limit in wanted
            )
    raise AssertionError(f"teach this test the condition operator {operator}")


@dataclass(frozen=True)
class Stack:
    """The deployed resources, and the policies of all roles."""

    client: Callable[[str], Client]  # with the account owner's rights
    resources: list[Json]
    policies: list[Policies]

    def of_type(self, kind: str) -> list[str]:
        """Physical ids."""
        return [
            str(each["PhysicalResourceId"])
            for each in self.resources
            if each["ResourceType"] == kind
        ]

    def condition_values(self, key: str) -> list[str]:
        return sorted({value for each in self.policies for value in each.condition_values(key)})

    def patterns(self, prefix: str) -> set[str]:
        """Resources of the policies that begin with this."""
        return {
            resource
            for each in self.policies
            for statement in each.statements
            for resource in listed(statement["Resource"])
            if resource.startswith(prefix)
        }
