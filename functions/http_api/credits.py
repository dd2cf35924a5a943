"""What members were credited."""

from __future__ import annotations

from http_api import answer
from http_api.answer import Answer
from http_api.request import Parameters, Request, cursor_faults
from pointflow.bootstrap.reading import Reading
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.services.read_credits import MAX_CREDITS_PAGE, credit_item, read_credits

PAGE = 100


def of_member(request: Request, reading: Reading) -> Answer:
    """GET /v1/members/{user_id}/credits: newest activity date first, by pages."""
    parameters = Parameters(request)
    user_id = parameters.user_id()
    limit = parameters.number("limit", default=PAGE, least=1, most=MAX_CREDITS_PAGE)
    cursor = parameters.text("cursor")
    parameters.check()
    with cursor_faults(parameters, cursor):
        page = read_credits(
            request.client_id, user_id, cursor=cursor, limit=limit, history=reading.history
        )
    if not page.items and reading.members.member(request.client_id, user_id) is None:
        detail = f"there is no member {user_id}"
        return answer.problem(Problem(ProblemCode.NOT_FOUND, detail))
    items = [credit_item(entry) for entry in page.items]
    return answer.document({"items": items, "next_cursor": page.next_cursor})
