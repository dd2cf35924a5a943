"""What is said of a route, and the parts that routes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointflow.domain.batch_row import MAX_ID_DIGITS
from pointflow.domain.problem import ProblemCode

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A value that is shown, and what it shows."""

    summary: str
    value: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """What is said of a route beside its path, method and scope.

    Attributes
    ----------
    operation_id : str
        Stable: clients are generated with it as the method's name.
    subject : str
        The heading under which it stands.
    summary, description : str
    answer : dict
        JSON schema of the answer 200.
    answers : mapping of str to Example
        By a name of its own each.
    problems : mapping of ProblemCode to str
        What else it answers, and when. Those that every route answers need not be named.
    parameters : tuple of dict
        Of path and query; see `user_id`, `query`, `page`.
    body : dict or None
        JSON schema of the request's body.
    bodies : mapping of str to Example
    """

    operation_id: str
    subject: str
    summary: str
    description: str
    answer: Json
    answers: Mapping[str, Example]
    problems: Mapping[ProblemCode, str] = field(default_factory=dict)
    parameters: tuple[Json, ...] = ()
    body: Json | None = None
    bodies: Mapping[str, Example] = field(default_factory=dict)


ALWAYS: Mapping[ProblemCode, str] = {
    ProblemCode.REQUEST_INVALID: "The request cannot be understood as HTTP.",
    ProblemCode.CREDENTIAL_INVALID: "No credential, or a wrong one.",
    ProblemCode.SCOPE_MISSING: "The credential lacks the scope of the route.",
    ProblemCode.NOT_FOUND: "There is no such route, or nothing there.",
    ProblemCode.BODY_TOO_LARGE: "The body is larger than any route takes.",
    ProblemCode.CONTENT_TYPE_UNSUPPORTED: "The content type is not one that the route takes.",
    ProblemCode.TOO_MANY_REQUESTS: "Faster than agreed: send it again after `Retry-After` seconds.",
    ProblemCode.UNAVAILABLE: (
        "Our own failure; nothing is wrong with the request: send it again after `Retry-After` "
        "seconds."
    ),
}
"""What the gateway in front of every route may answer, or any route."""


def ref(name: str) -> Json:
    """A schema that is named in `openapi.document.SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(properties: Mapping[str, Json], *, optional: tuple[str, ...] = ()) -> Json:
    """An object with exactly these properties, all of them there but the optional ones."""
    return {
        "type": "object",
        "required": [name for name in properties if name not in optional],
        "properties": dict(properties),
        "additionalProperties": False,
    }


def listed(item: Json) -> Json:
    """A page of a list."""
    return record(
        {
            "items": {"type": "array", "items": item},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Parameter `cursor` of the next page; null at the end of the list.",
            },
        }
    )


def user_id() -> Json:
    """The member in the path."""
    return {
        "name": "user_id",
        "in": "path",
        "required": True,
        "description": "CT user id of the member.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**MAX_ID_DIGITS - 1},
        "example": 1001,
    }


def query(name: str, description: str, schema: Json, **more: Any) -> Json:
    """A parameter of the query; each may be left out, and is to be given once."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
        **more,
    }


def page(default: int, most: int) -> tuple[Json, Json]:
    """The parameters of a list that is read by pages."""
    limit = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return (
        query("limit", "Most items of a page.", limit),
        query("cursor", "`next_cursor` of the page before.", {"type": "string"}),
    )
