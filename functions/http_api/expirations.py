"""What will expire: a member's view and history, and everybody's next days."""

from __future__ import annotations

from datetime import date, timedelta

from http_api import answer
from http_api.answer import Answer
from http_api.request import Parameters, Request, cursor_faults
from pointflow.bootstrap.reading import Reading
from pointflow.domain.iso_time import utc_date
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.services.read_expirations import (
    MAX_HISTORY_PAGE,
    MAX_PAGE,
    MAX_RANGE_DAYS,
    history_item,
    read_current,
    read_history,
    read_upcoming,
    upcoming_item,
)

PAGE = 100
HISTORY_PAGE = 20
UPCOMING_DAYS = 183
"""Half a year: as far as a push with the current month and five more looks ahead."""

MOST_POINTS = 10**18 - 1


def current(request: Request, reading: Reading) -> Answer:
    """GET /v1/members/{user_id}/points-expiration: the shape of the push."""
    parameters = Parameters(request)
    user_id = parameters.user_id()
    parameters.check()
    view = read_current(request.client_id, user_id, views=reading.views, members=reading.members)
    if view is None:
        detail = f"no push has come for member {user_id}"
        return answer.problem(Problem(ProblemCode.NOT_FOUND, detail))
    return answer.document(view.document())


def history(request: Request, reading: Reading) -> Answer:
    """GET /v1/members/{user_id}/points-expiration/history: newest first, by pages."""
    parameters = Parameters(request)
    user_id = parameters.user_id()
    limit = parameters.number("limit", default=HISTORY_PAGE, least=1, most=MAX_HISTORY_PAGE)
    cursor = parameters.text("cursor")
    parameters.check()
    with cursor_faults(parameters, cursor):
        page = read_history(
            request.client_id,
            user_id,
            cursor=cursor,
            limit=limit,
            views=reading.views,
            members=reading.members,
        )
    items = [history_item(push) for push in page.items]
    return answer.document({"items": items, "next_cursor": page.next_cursor})


def upcoming(request: Request, reading: Reading) -> Answer:
    """GET /v1/points-expirations: who has points expiring on which day, soonest first."""
    parameters = Parameters(request)
    now = reading.now()
    first = parameters.day("from", default=utc_date(now))
    last = parameters.day("to", default=_days_after(first, UPCOMING_DAYS))
    if not 0 <= (last - first).days <= MAX_RANGE_DAYS:
        parameters.fault("to", f"must lie from 0 to {MAX_RANGE_DAYS} days after from")
    min_points = parameters.number("min_points", default=1, least=1, most=MOST_POINTS)
    limit = parameters.number("limit", default=PAGE, least=1, most=MAX_PAGE)
    cursor = parameters.text("cursor")
    parameters.check()
    with cursor_faults(parameters, cursor):
        page = read_upcoming(
            request.client_id,
            first,
            last,
            min_points=min_points,
            cursor=cursor,
            limit=limit,
            now=now,
            index=reading.index,
            views=reading.views,
        )
    items = [upcoming_item(entry) for entry in page.items]
    return answer.document({"items": items, "next_cursor": page.next_cursor})


def _days_after(day: date, days: int) -> date:
    return day + min(timedelta(days), date.max - day)
