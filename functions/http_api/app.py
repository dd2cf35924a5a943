"""Answers every route of the API but the push.

The routing is a dictionary: API Gateway has matched the path already. Powertools' resolver would
match it again, with regular expressions, and make every cold start longer by 30 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from http_api import answer, batches, credits, expirations, uploads
from http_api.answer import Answer
from http_api.request import ParametersInvalidError, Request, read_request
from pointflow.bootstrap import reading as wiring
from pointflow.bootstrap.reading import Reading
from pointflow.config import config
from pointflow.described_error import described
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.observability import logger, metrics

Handler = Callable[[Request, Reading], Answer]

EXPIRATION_ROUTES: Mapping[tuple[str, str], Handler] = {
    ("GET", "/v1/points-expirations"): expirations.upcoming,
    ("GET", "/v1/members/{user_id}/points-expiration"): expirations.current,
    ("GET", "/v1/members/{user_id}/points-expiration/history"): expirations.history,
}
BATCH_ROUTES: Mapping[tuple[str, str], Handler] = {
    ("GET", "/v1/members/{user_id}/credits"): credits.of_member,
    ("GET", "/v1/batches"): batches.listing,
    ("GET", "/v1/batches/{file_name}"): batches.one,
    ("GET", "/v1/batches/{file_name}/rejects"): batches.rejects,
    ("POST", "/v1/uploads"): uploads.grant,
}
ROUTES = {**EXPIRATION_ROUTES, **BATCH_ROUTES}
"""By method and path as the template writes them."""

DEPLOYED = {"both": ROUTES, "batch": BATCH_ROUTES, "expirations": EXPIRATION_ROUTES}
"""By the stack's jobs. API Gateway knows all of them in every stack: they are one function's."""


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,  # noqa: ARG001
    reading: Reading | None = None,
) -> Answer:
    """Handle a request.

    Raises
    ------
    MessageInvalidError
        The event is no request that passed the authorizer.
    """
    request = read_request(event)
    answered = _answered(request, reading)
    logger.info(
        "answered",
        client_id=request.client_id,
        method=request.method,
        route=request.route,
        status=answered["statusCode"],
    )
    return answered


def _answered(request: Request, reading: Reading | None) -> Answer:
    handler = DEPLOYED[config().jobs].get((request.method, request.route))
    if handler is None:
        return answer.problem(Problem(ProblemCode.NOT_FOUND, "there is no such route"))
    try:
        return handler(request, reading or wiring.reading())
    except ParametersInvalidError as error:
        detail = "see errors for each parameter"
        return answer.problem(Problem(ProblemCode.PARAMETER_INVALID, detail, error.faults))
    except Exception as error:  # noqa: BLE001 - API Gateway's own answer has another shape
        logger.error("not answered", **described(error))
        metrics.add_metric("RequestsFailed", MetricUnit.Count, 1)
        metrics.flush_metrics()
        detail = "the data cannot be read at the moment"
        return answer.problem(Problem(ProblemCode.UNAVAILABLE, detail))
