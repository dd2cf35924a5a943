"""The push, and the shape in which a member's expirations are pushed and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from openapi.operation import Example, Json, Operation, record, ref
from pointflow.domain.problem import ProblemCode
from pointflow.domain.push_body import (
    INACTIVITY,
    MAX_BODY_BYTES,
    MAX_DAYS,
    MAX_FAULTS,
    MAX_ID_DIGITS,
    MAX_IDENTIFIER_BYTES,
    MAX_POINTS,
    REDEMPTION,
    REDEMPTION_ALIAS,
)
from pointflow.services.accept_push import Receipt

_SAMPLES = Path(__file__).parents[1] / "samples" / "pushes"
_TIME = (
    "An ISO-8601 time in the extended form. No offset means UTC; no time of day means midnight; a "
    "space may stand for the `T`."
)
_MEANS = {
    Receipt.STORED: "It is the member's current view.",
    Receipt.STALE: "It is in the history; a newer push is the current view.",
    Receipt.DUPLICATE: "This body was received before, and is stored.",
}


def _sample(name: str) -> Any:
    return json.loads((_SAMPLES / name).read_text())


def _whole(most: int, least: int = 0) -> Json:
    """An integer of a push: a JSON integer, or a text of ASCII digits."""
    return {
        "oneOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": f"^[0-9]{{1,{MAX_ID_DIGITS}}}$"},
        ]
    }


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of_present(*names: str) -> Json:
    """At least one of the properties is there, and is not null."""
    return {"anyOf": [{"required": [name], "properties": {name: {"not": _NULL}}} for name in names]}


_NULL: Json = {"type": "null"}
_POINTS = _whole(MAX_POINTS)
_IDENTIFIER: Json = {"type": "string", "maxLength": MAX_IDENTIFIER_BYTES}
_WHEN: Json = {"type": "string", "description": _TIME}

REDEMPTION_ENTRY: Json = {
    "type": "object",
    "required": ["expiration_date", "points_expiring"],
    "properties": {
        "expiration_date": _WHEN | {"description": f"{_TIME} The date as written counts."},
        "points_expiring": _POINTS,
        "points_expired": _or_null(_POINTS),
        "points_redeemed": _or_null(_POINTS),
    },
}
INACTIVITY_ENTRY: Json = {
    "type": "object",
    "required": ["expiration_date", "points_expiring"],
    "properties": {
        "expiration_date": _WHEN | {"description": f"{_TIME} The date in UTC counts."},
        "points_expiring": _POINTS,
        "last_qualified_date": _or_null(_WHEN),
        "days_until_expiry": _or_null(_whole(MAX_DAYS)),
    },
}
PUSH: Json = {
    "type": "object",
    "description": (
        "One member's expirations. Each push replaces the whole view. null is the same as absent, "
        "and so is an identifier that is empty or reads `null`. Properties that are not named here "
        "are kept and read back."
    ),
    "properties": {
        "user_id": _or_null(_whole(10**MAX_ID_DIGITS - 1, 1)),
        "email_address": _or_null(_IDENTIFIER),
        "third_party_id": _or_null({"oneOf": [_IDENTIFIER, {"type": "integer", "minimum": 0}]}),
        "message_date": _or_null(
            _WHEN | {"description": f"{_TIME} From 1970 to one hour after its receipt."}
        ),
        REDEMPTION: _or_null({"type": "array", "items": ref("RedemptionEntry")}),
        REDEMPTION_ALIAS: _or_null(
            {
                "type": "array",
                "items": ref("RedemptionEntry"),
                "description": f"Another name of `{REDEMPTION}`: give one of the two.",
            }
        ),
        INACTIVITY: _or_null({"type": "array", "items": ref("InactivityEntry")}),
    },
    "allOf": [
        _one_of_present("user_id", "email_address", "third_party_id"),
        _one_of_present(REDEMPTION, REDEMPTION_ALIAS, INACTIVITY),
    ],
}

_READ_POINTS: Json = {"type": "integer", "minimum": 0, "maximum": MAX_POINTS}
VIEW: Json = {
    "type": "object",
    "description": (
        "A push as it is read back: the documented names, integers as integers, a third party id "
        "as text, nulls left out, everything that is not named here as it was sent."
    ),
    "properties": {
        "user_id": {"type": "integer", "minimum": 1},
        "email_address": {"type": "string"},
        "third_party_id": {"type": "string"},
        "message_date": _WHEN,
        REDEMPTION: {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["expiration_date", "points_expiring"],
                "properties": {
                    "expiration_date": _WHEN,
                    "points_expiring": _READ_POINTS,
                    "points_expired": _READ_POINTS,
                    "points_redeemed": _READ_POINTS,
                },
            },
        },
        INACTIVITY: {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["expiration_date", "points_expiring"],
                "properties": {
                    "expiration_date": _WHEN,
                    "points_expiring": _READ_POINTS,
                    "last_qualified_date": _WHEN,
                    "days_until_expiry": {"type": "integer", "minimum": 0},
                },
            },
        },
    },
}

SCHEMAS: dict[str, Json] = {
    "RedemptionEntry": REDEMPTION_ENTRY,
    "InactivityEntry": INACTIVITY_ENTRY,
    "Push": PUSH,
    "View": VIEW,
}
"""What other schemas refer to by name."""

PUSH_OPERATION = Operation(
    operation_id="pushPointsExpirations",
    subject="Points expirations",
    summary="Take a member's upcoming expirations in",
    description=(
        "Stored durably before it is answered with 200. The push with the newest `message_date` is "
        "the current view, in whatever order they come. Send a push again until it is answered "
        "with 200: the same body counts once. A body that is answered with 400 or 422 is kept for "
        "30 days."
    ),
    body=ref("Push"),
    bodies={"a member's push": Example("A push", _sample("member_1001.json"))},
    answer=record(
        {
            "status": {
                "enum": [receipt.value for receipt in Receipt],
                "description": " ".join(f"{each}: {means}" for each, means in _MEANS.items()),
            }
        }
    ),
    answers={
        receipt.value: Example(means, {"status": receipt.value})
        for receipt, means in _MEANS.items()
    },
    problems={
        ProblemCode.BODY_NOT_JSON: "The body is no JSON in UTF-8 that all readers read the same.",
        ProblemCode.BODY_TOO_LARGE: f"More than {MAX_BODY_BYTES:,} bytes.",
        ProblemCode.CONTENT_TYPE_UNSUPPORTED: "Not `application/json` in UTF-8, or compressed.",
        ProblemCode.PUSH_INVALID: (
            f"JSON, but no push: `errors` lists every fault with its JSON pointer, up to the first "
            f"{MAX_FAULTS}."
        ),
    },
)
