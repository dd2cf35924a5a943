"""What became of batch files."""

from __future__ import annotations

from http_api import answer
from http_api.answer import Answer
from http_api.request import Parameters, Request, cursor_faults
from pointflow.bootstrap.reading import Reading
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.domain.submission import Status
from pointflow.services.read_batches import (
    MAX_BATCHES_PAGE,
    MAX_REJECTS_PAGE,
    list_batches,
    read_rejects,
    reject_fields,
    result_key,
    submission_fields,
    submissions_of,
)
from pointflow.services.read_progress import tally_so_far

PAGE = 50
REJECTS_PAGE = 100

# The name that was asked for stays out: somebody may have put anything into it.
NO_SUCH_BATCH = Problem(
    ProblemCode.NOT_FOUND,
    "the client has no batch of that name; GET /v1/batches lists those that it has",
)


def listing(request: Request, reading: Reading) -> Answer:
    """GET /v1/batches: every upload, newest first, by pages."""
    parameters = Parameters(request)
    status = parameters.choice("status", Status)
    day = parameters.day("day", default=None)
    limit = parameters.number("limit", default=PAGE, least=1, most=MAX_BATCHES_PAGE)
    cursor = parameters.text("cursor")
    parameters.check()
    with cursor_faults(parameters, cursor):
        page = list_batches(
            request.client_id,
            status=status,
            day=day,
            cursor=cursor,
            limit=limit,
            batches=reading.batches().listing,
        )
    items = [submission_fields(each, each.tally) for each in page.items]
    return answer.document({"items": items, "next_cursor": page.next_cursor})


def one(request: Request, reading: Reading) -> Answer:
    """GET /v1/batches/{file_name}: the upload that has the name, others of the name beside it."""
    store = reading.batches().store
    try:
        found = submissions_of(request.client_id, request.path.get("file_name", ""), store)
    except NotFoundError:
        return answer.problem(NO_SUCH_BATCH)
    batch, *others = (submission_fields(each, tally_so_far(each, store)) for each in found)
    key = result_key(found[0], store)
    return answer.document({**batch, "result_key": key, "others": others})


def rejects(request: Request, reading: Reading) -> Answer:
    """GET /v1/batches/{file_name}/rejects: the rejected rows in line order, by pages."""
    parameters = Parameters(request)
    limit = parameters.number("limit", default=REJECTS_PAGE, least=1, most=MAX_REJECTS_PAGE)
    cursor = parameters.text("cursor")
    parameters.check()
    desk = reading.batches()
    try:
        with cursor_faults(parameters, cursor):
            page = read_rejects(
                request.client_id,
                request.path.get("file_name", ""),
                cursor=cursor,
                limit=limit,
                store=desk.store,
                objects=desk.objects,
            )
    except NotFoundError:
        return answer.problem(NO_SUCH_BATCH)
    except ConflictError as error:
        detail = f"{error}; ask again when it is finished: GET /v1/batches/{{file_name}}"
        return answer.problem(Problem(ProblemCode.CONFLICT, detail))
    items = [reject_fields(row) for row in page.items]
    return answer.document({"items": items, "next_cursor": page.next_cursor})
