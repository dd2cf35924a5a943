"""The route that answers what a member was credited."""

from __future__ import annotations

from http_api.credits import PAGE
from openapi.operation import Example, Json, Operation, listed, page, record, user_id
from pointflow.domain.member import Identifier
from pointflow.domain.problem import ProblemCode
from pointflow.services.read_credits import MAX_CREDITS_PAGE

_TIME: Json = {"type": "string", "format": "date-time"}

_CREDIT: Json = record(
    {
        "kind": {
            "type": "string",
            "description": "`opening_balance`, `credit`, or what takes a credit back.",
        },
        "batch": {"type": ["string", "null"], "description": "The file; null without one."},
        "line": {"type": ["integer", "null"], "description": "The row's line in it, from 1."},
        "activity_id": {"type": ["integer", "null"]},
        "activity_date": {"type": ["string", "null"], "format": "date-time"},
        "points": {"type": "integer", "description": "What it changed in the balance."},
        "matched_by": {
            "type": ["string", "null"],
            "enum": [*(kind.value for kind in Identifier), None],
            "description": "The identifier of the row that named the member.",
        },
        "recorded_at": _TIME,
    }
)

OF_MEMBER = Operation(
    operation_id="listCredits",
    subject="Credits",
    summary="A member's credits, newest activity date first",
    description=(
        "Everything that changed the balance, the opening balance included. What was recorded "
        "within the last seconds may be missing; what is recorded while the pages are turned may "
        "be on none of them. A cursor goes with the member it was given out for."
    ),
    parameters=(user_id(), *page(PAGE, MAX_CREDITS_PAGE)),
    answer=listed(_CREDIT),
    answers={
        "a page": Example(
            "The last page",
            {
                "items": [
                    {
                        "kind": "credit",
                        "batch": "activities_acme_20260901120000.txt",
                        "line": 7,
                        "activity_id": 126456789,
                        "activity_date": "2026-08-31T10:00:00.000Z",
                        "points": 400,
                        "matched_by": "EMAIL",
                        "recorded_at": "2026-09-01T12:00:03.000Z",
                    },
                    {
                        "kind": "opening_balance",
                        "batch": None,
                        "line": None,
                        "activity_id": None,
                        "activity_date": "2026-01-01T00:00:00.000Z",
                        "points": 500,
                        "matched_by": None,
                        "recorded_at": "2026-01-01T00:00:00.000Z",
                    },
                ],
                "next_cursor": None,
            },
        )
    },
    problems={
        ProblemCode.PARAMETER_INVALID: "`errors` names every parameter that is wrong, and why.",
        ProblemCode.NOT_FOUND: "There is no such member.",
    },
)
