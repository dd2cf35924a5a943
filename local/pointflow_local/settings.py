"""Settings of template.yaml that the local AWS ignores: made by API after the deployment.

Everything is read from the template; nothing is repeated here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pointflow_local.template import FUNCTION, TABLE, Template, resolved, resources

type ClientFactory = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One API call that makes a setting: service, method and its arguments."""

    service: str
    method: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def ignored_settings(
    template: Template, parameters: Mapping[str, str], physical_ids: Mapping[str, str]
) -> Iterator[Setting]:
    """The calls that make the deployed stack what the template says.

    Parameters
    ----------
    template : Template
    parameters : mapping of str to str
        Values of the template's parameters.
    physical_ids : mapping of str to str
        Physical by logical id, of what was deployed.
    """
    for logical_id, raw in _deployed(template, TABLE, physical_ids):
        properties = _known(parameters, raw, "TimeToLiveSpecification", _PITR)
        name = physical_ids[logical_id]
        if ttl := properties.get("TimeToLiveSpecification"):
            yield _time_to_live(name, ttl)
        if properties.get(_PITR, {}).get("PointInTimeRecoveryEnabled") in (True, "true"):
            yield _point_in_time_recovery(name)
    for logical_id, raw in _deployed(template, FUNCTION, physical_ids):
        properties = _known(parameters, raw, "ReservedConcurrentExecutions")
        if (reserved := properties.get("ReservedConcurrentExecutions")) is not None:
            yield _reserved_concurrency(physical_ids[logical_id], int(reserved))
        yield from _concurrency_of_mappings(logical_id, raw, parameters, physical_ids)


def apply(settings: Iterator[Setting], client: ClientFactory) -> None:
    """Make the calls."""
    for setting in settings:
        getattr(client(setting.service), setting.method)(**setting.arguments)


_PITR = "PointInTimeRecoverySpecification"


def _time_to_live(table: str, specification: Mapping[str, Any]) -> Setting:
    return Setting(
        "dynamodb",
        "update_time_to_live",
        {
            "TableName": table,
            "TimeToLiveSpecification": {
                "AttributeName": specification["AttributeName"],
                "Enabled": specification["Enabled"] in (True, "true"),
            },
        },
    )


def _point_in_time_recovery(table: str) -> Setting:
    return Setting(
        "dynamodb",
        "update_continuous_backups",
        {"TableName": table, _PITR: {"PointInTimeRecoveryEnabled": True}},
    )


def _reserved_concurrency(function: str, executions: int) -> Setting:
    return Setting(
        "lambda",
        "put_function_concurrency",
        {"FunctionName": function, "ReservedConcurrentExecutions": executions},
    )


def _concurrency_of_mappings(
    function: str,
    properties: Mapping[str, Any],
    parameters: Mapping[str, str],
    physical_ids: Mapping[str, str],
) -> Iterator[Setting]:
    """Give mappings their limit as a number: from a parameter the local AWS keeps a text."""
    for event, source in properties.get("Events", {}).items():
        known = _known(parameters, source["Properties"], "ScalingConfig")
        if limit := known.get("ScalingConfig", {}).get("MaximumConcurrency"):
            yield Setting(
                "lambda",
                "update_event_source_mapping",
                {
                    "UUID": physical_ids[f"{function}{event}"],
                    "ScalingConfig": {"MaximumConcurrency": int(limit)},
                },
            )


def _deployed(
    template: Template, kind: str, physical_ids: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    # A resource behind a false condition is not there.
    return ((name, found) for name, found in resources(template, kind) if name in physical_ids)


def _known(
    parameters: Mapping[str, str], properties: Mapping[str, Any], *names: str
) -> dict[str, Any]:
    wanted = {name: properties[name] for name in names if name in properties}
    known: dict[str, Any] = resolved(wanted, parameters)
    return known
