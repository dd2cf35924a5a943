"""Puts the document together, and says what it lacks."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from openapi import batches, credits, expirations, pushes
from openapi.operation import ALWAYS, Example, Json, Operation, record, ref
from pointflow.domain.authorization import ROUTES
from pointflow.domain.credential import Scope
from pointflow.domain.problem import (
    CONTENT_TYPE,
    RETRY_AFTER_SECONDS,
    Fault,
    Problem,
    ProblemCode,
)
from pointflow.domain.push_body import INACTIVITY

ROOT = Path(__file__).parents[1]

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/points-expirations"): pushes.PUSH_OPERATION,
    ("GET", "/v1/points-expirations"): expirations.UPCOMING,
    ("GET", "/v1/members/{user_id}/points-expiration"): expirations.CURRENT,
    ("GET", "/v1/members/{user_id}/points-expiration/history"): expirations.HISTORY,
    ("GET", "/v1/members/{user_id}/credits"): credits.OF_MEMBER,
    ("GET", "/v1/batches"): batches.LIST,
    ("GET", "/v1/batches/{file_name}"): batches.SHOW,
    ("GET", "/v1/batches/{file_name}/rejects"): batches.REJECTS,
    ("POST", "/v1/uploads"): batches.GRANT,
}
"""What is said of each route, by method and path as the template writes them."""

SCHEMAS: Mapping[str, Json] = {
    **pushes.SCHEMAS,
    "Problem": {
        **record(
            {
                "type": {"type": "string", "description": "A URN that ends in the code."},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "For people; its words may change."},
                "code": {
                    "enum": [code.value for code in ProblemCode],
                    "description": "Stable: what to program against.",
                },
                "errors": {
                    "type": "array",
                    "description": "Every single fault; empty where no place is at fault.",
                    "items": record(
                        {
                            "path": {
                                "type": "string",
                                "description": (
                                    "A JSON pointer into the body (RFC 6901; empty: the whole of "
                                    "it), or the name of a parameter."
                                ),
                            },
                            "message": {"type": "string"},
                        }
                    ),
                },
            }
        ),
        "description": "Why a request was not done (RFC 9457).",
    },
}
"""Schemas that have a name."""

_SCOPES = {
    Scope.PUSH: "send pushes",
    Scope.READ: "read",
    Scope.UPLOAD: "upload batch files",
}
_DESCRIPTION = f"""\
Takes a member's upcoming expirations in, lets batch files be uploaded, and answers what is known of
both.

Every request presents a live credential of one client, as HTTP Basic or in `x-api-key`; which of
the two is agreed upon. Whoever presents both must present two live credentials of the same client,
and may do what both may do. A credential has scopes:
{", ".join(f"`{scope}` ({may})" for scope, may in _SCOPES.items())}.

Everything but 200 is `{CONTENT_TYPE}`. Program against status and `code`, never against the words.
Send a request again after 429 and 503, and never unchanged after any other."""


def document() -> Json:
    """The document, as plain data."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    paths: dict[str, Json] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation, ROUTES[method, path])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pointflow",
            "version": project["version"],
            "summary": "Points expirations and batch files: sent in, and asked for.",
            "description": _DESCRIPTION,
            "license": {"name": "Apache 2.0", "identifier": project["license"]},
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com/live",
                "description": "The stack's output `ApiUrl`",
                "variables": {"api": {"default": "api"}, "region": {"default": "eu-central-1"}},
            }
        ],
        "tags": [{"name": name} for name in _subjects()],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "responses": {
                _response_name(means): _problem(status, means)
                for status, means in sorted(_by_status(ALWAYS).items())
            },
            "headers": {
                "RetryAfter": {
                    "description": "Seconds after which to send the request again.",
                    "required": True,
                    "schema": {"type": "integer", "minimum": 0},
                    "example": RETRY_AFTER_SECONDS,
                },
                "WWWAuthenticate": {
                    "description": "How to present a credential.",
                    "required": True,
                    "schema": {"type": "string"},
                    "example": 'Basic realm="pointflow", charset="UTF-8"',
                },
            },
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The user name is the client's id, or that, a dot and a label.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-api-key",
                    "description": "A key starts with the client's id and a dot.",
                },
            },
        },
    }


def text() -> str:
    """The document as docs/openapi.json holds it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def differences(handled: set[tuple[str, str]], deployed: set[tuple[str, str]]) -> Iterator[str]:
    """Where routes and descriptions differ, a sentence each.

    Parameters
    ----------
    handled : set of (method, path)
        What the functions answer.
    deployed : set of (method, path)
        What template.yaml has.
    """
    described, scoped = set(OPERATIONS), set(ROUTES)
    places = {
        "openapi.document.OPERATIONS": described,
        "pointflow.domain.authorization.ROUTES": scoped,
        "the functions": handled,
        "template.yaml": deployed,
    }
    every = set().union(*places.values())
    for method, path in sorted(every):
        for place, routes in places.items():
            if (method, path) not in routes:
                yield f"{method} {path} is missing in {place}"


def _subjects() -> list[str]:
    return list(dict.fromkeys(operation.subject for operation in OPERATIONS.values()))


def _operation(operation: Operation, scope: Scope) -> Json:
    body = {}
    if operation.body is not None:
        examples = _examples(operation.bodies)
        content = {"application/json": {"schema": operation.body, "examples": examples}}
        body = {"requestBody": {"required": True, "content": content}}
    return {
        "operationId": operation.operation_id,
        "tags": [operation.subject],
        "summary": operation.summary,
        "description": operation.description,
        "security": [{"basic": [scope.value]}, {"apiKey": [scope.value]}],
        **({"parameters": list(operation.parameters)} if operation.parameters else {}),
        **body,
        "responses": {
            "200": {
                "description": "Done.",
                "content": {
                    "application/json": {
                        "schema": operation.answer,
                        "examples": _examples(operation.answers),
                    }
                },
            },
            **_problems(operation),
        },
    }


def _examples(examples: Mapping[str, Example]) -> Json:
    return {
        name.replace(" ", "-").replace("'", ""): {
            "summary": example.summary,
            "value": example.value,
        }
        for name, example in examples.items()
    }


def _problems(operation: Operation) -> Json:
    """The answers that are no success; what is the same for every route stands among components."""
    common = _by_status(ALWAYS)
    told = _by_status({**ALWAYS, **operation.problems})
    return {
        str(status): {"$ref": f"#/components/responses/{_response_name(means)}"}
        if means == common.get(status)
        else _problem(status, means)
        for status, means in sorted(told.items())
    }


def _by_status(means: Mapping[ProblemCode, str]) -> dict[int, dict[ProblemCode, str]]:
    """Several codes may share a status."""
    found: dict[int, dict[ProblemCode, str]] = {}
    for code, meaning in means.items():
        found.setdefault(Problem(code, "").status, {})[code] = meaning
    return found


def _response_name(means: Mapping[ProblemCode, str]) -> str:
    (code,) = means
    return code.title().replace("_", "")


def _problem(status: int, means: Mapping[ProblemCode, str]) -> Json:
    narrowed = {"code": {"enum": [code.value for code in means]}, "status": {"const": status}}
    response: Json = {
        "description": " ".join(f"`{code}`: {meaning}" for code, meaning in means.items()),
        "content": {
            CONTENT_TYPE: {
                "schema": {"allOf": [ref("Problem"), {"properties": narrowed}]},
                "examples": {code.value: {"value": _example(code)} for code in means},
            }
        },
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}.get(status)
    if header:
        name = header.replace("-", "")
        response["headers"] = {header: {"$ref": f"#/components/headers/{name}"}}
    return response


def _example(code: ProblemCode) -> Json:
    detail, faults = _DETAILS.get(code, ("what is wrong with this very request", ()))
    return Problem(code, detail, faults).document()


_DETAILS: Mapping[ProblemCode, tuple[str, tuple[Fault, ...]]] = {
    ProblemCode.CREDENTIAL_INVALID: ("send a live credential, as Basic or as x-api-key", ()),
    ProblemCode.SCOPE_MISSING: ("the credential lacks the scope that this route asks for", ()),
    ProblemCode.NOT_FOUND: ("no push has come for member 1001", ()),
    ProblemCode.TOO_MANY_REQUESTS: ("send more slowly", ()),
    ProblemCode.UNAVAILABLE: ("the push could not be stored; please send it again", ()),
    ProblemCode.PARAMETER_INVALID: (
        "see errors for each parameter",
        (Fault("limit", "must be an integer from 1 to 1000"),),
    ),
    ProblemCode.PUSH_INVALID: (
        "errors lists 1 fault(s)",
        (Fault(f"/{INACTIVITY}/0/points_expiring", "is missing"),),
    ),
}
