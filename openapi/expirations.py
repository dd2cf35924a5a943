"""The routes that answer what will expire."""

from __future__ import annotations

import json
from pathlib import Path

from http_api.expirations import HISTORY_PAGE, MOST_POINTS, PAGE, UPCOMING_DAYS
from openapi.operation import Example, Json, Operation, listed, page, query, record, ref, user_id
from pointflow.domain.problem import ProblemCode
from pointflow.services.read_expirations import MAX_HISTORY_PAGE, MAX_PAGE, MAX_RANGE_DAYS

_SUBJECT = "Points expirations"
_PUSH = json.loads(
    (Path(__file__).parents[1] / "samples" / "pushes" / "member_1001.json").read_text()
)
_INVALID = {ProblemCode.PARAMETER_INVALID: "`errors` names every parameter that is wrong, and why."}
_DAY: Json = {"type": "string", "format": "date"}
_POINTS: Json = {"type": "integer", "minimum": 0}

_UPCOMING_ITEM: Json = record(
    {
        "user_id": {"type": ["integer", "null"]},
        "email_address": {"type": ["string", "null"]},
        "third_party_id": {"type": ["string", "null"]},
        "expiration_date": _DAY,
        "points_expiring": _POINTS | {"description": "By both rules."},
        "redemption_points": _POINTS,
        "inactivity_points": _POINTS,
    }
) | {"description": "One member's points of one day, by the identifier they were pushed under."}

_HISTORY_ITEM: Json = record(
    {
        "message_date": {"type": ["string", "null"], "description": "As sent."},
        "received_at": {"type": "string", "format": "date-time", "description": "At first."},
        "push": ref("View"),
    }
)

UPCOMING = Operation(
    operation_id="listUpcomingExpirations",
    subject=_SUBJECT,
    summary="Who has points expiring on which day, soonest first",
    description=(
        "A page may hold fewer items than asked for, or none, and still not be the last: only a "
        "`next_cursor` of null ends the list. What moves to another day while the pages are turned "
        "may be listed twice, and is never missed."
    ),
    parameters=(
        query("from", "First day; today in UTC where it is left out.", _DAY, example="2026-05-01"),
        query(
            "to",
            f"Last day, at most {MAX_RANGE_DAYS} days after `from`; {UPCOMING_DAYS} days after it "
            "where it is left out.",
            _DAY,
            example="2026-10-31",
        ),
        query(
            "min_points",
            "Least points on one day.",
            {"type": "integer", "minimum": 1, "maximum": MOST_POINTS, "default": 1},
        ),
        *page(PAGE, MAX_PAGE),
    ),
    answer=listed(_UPCOMING_ITEM),
    answers={
        "a page": Example(
            "The last page",
            {
                "items": [
                    {
                        "user_id": 1001,
                        "email_address": None,
                        "third_party_id": None,
                        "expiration_date": "2026-05-31",
                        "points_expiring": 1200,
                        "redemption_points": 1000,
                        "inactivity_points": 200,
                    }
                ],
                "next_cursor": None,
            },
        )
    },
    problems=_INVALID,
)

CURRENT = Operation(
    operation_id="getPointsExpiration",
    subject=_SUBJECT,
    summary="What will expire of a member's points",
    description=(
        "The member's newest push, in the shape of the push. What was pushed under the member's "
        "email or third party id counts too."
    ),
    parameters=(user_id(),),
    answer=ref("View"),
    answers={"a view": Example("A member's view", _PUSH)},
    problems=_INVALID | {ProblemCode.NOT_FOUND: "No push has come for the member."},
)

HISTORY = Operation(
    operation_id="listPushes",
    subject=_SUBJECT,
    summary="A member's pushes, newest message date first",
    description="Kept for 400 days, unless set otherwise. A member without any has an empty list.",
    parameters=(user_id(), *page(HISTORY_PAGE, MAX_HISTORY_PAGE)),
    answer=listed(_HISTORY_ITEM),
    answers={
        "a page": Example(
            "One push",
            {
                "items": [
                    {
                        "message_date": _PUSH["message_date"],
                        "received_at": "2022-05-25T22:25:44.020Z",
                        "push": _PUSH,
                    }
                ],
                "next_cursor": None,
            },
        )
    },
    problems=_INVALID,
)
