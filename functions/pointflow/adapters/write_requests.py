"""PutItem and UpdateItem requests, whose expressions name their attributes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pointflow.adapters.submission_keys import Attribute

type Request = dict[str, Any]
"""Arguments of PutItem or UpdateItem; an action of a transaction takes the same."""


def put(table: str, item: Mapping[str, Attribute], condition: str | None = None) -> Request:
    """Write a whole item."""
    request: Request = {"TableName": table, "Item": dict(item)}
    if condition:
        request["ConditionExpression"] = condition
        request["ExpressionAttributeNames"] = _names(condition)
    return request


def update(
    table: str,
    key: Mapping[str, Attribute],
    condition: str | None = None,
    values: Mapping[str, Attribute] | None = None,
    *,
    sets: Mapping[str, Attribute] | None = None,
    adds: Mapping[str, Attribute] | None = None,
    removes: Iterable[str] = (),
) -> Request:
    """Change some attributes of an item.

    Parameters
    ----------
    table : str
    key : mapping
        The item's key.
    condition : str, optional
        Condition expression; attribute names written `#name`, values `:name`.
    values : mapping, optional
        What the condition's `:name` stand for.
    sets, adds, removes
        Attributes to set, to add to (absent counts as 0 or as an empty set), to remove.
    """
    sets, adds = sets or {}, adds or {}
    clauses = {
        "SET": [f"#{name} = :set_{name}" for name in sets],
        "ADD": [f"#{name} :add_{name}" for name in adds],
        "REMOVE": [f"#{name}" for name in removes],
    }
    change = " ".join(f"{verb} {', '.join(each)}" for verb, each in clauses.items() if each)
    request: Request = {
        "TableName": table,
        "Key": dict(key),
        "UpdateExpression": change,
        "ExpressionAttributeNames": _names(f"{change} {condition}"),
    }
    if condition:
        request["ConditionExpression"] = condition
    bound = {
        **{f":set_{name}": value for name, value in sets.items()},
        **{f":add_{name}": value for name, value in adds.items()},
        **(values or {}),
    }
    if bound:
        request["ExpressionAttributeValues"] = bound
    return request


def _names(expression: str) -> dict[str, str]:
    return {name: name[1:] for name in sorted(set(re.findall(r"#\w+", expression)))}
