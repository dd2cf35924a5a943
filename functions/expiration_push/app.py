"""Takes a member's expirations from the loyalty platform and answers what became of them."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointflow.bootstrap import pushes
from pointflow.described_error import described
from pointflow.domain.problem import CONTENT_TYPE, RETRY_AFTER_SECONDS, Problem, ProblemCode
from pointflow.observability import logger, metrics
from pointflow.ports.pushes import Delivery
from pointflow.services.accept_push import Receipt

SCOPE = "push"
_METRICS = {
    Receipt.STORED: "PushesStored",
    Receipt.DUPLICATE: "PushesDuplicate",
    Receipt.STALE: "PushesStale",
}


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def lambda_handler(
    event: dict[str, Any],
    context: LambdaContext,  # noqa: ARG001
    take_in: pushes.TakeIn | None = None,
) -> dict[str, Any]:
    """Handle POST /v1/points-expirations, a proxy event of the REST API."""
    began = time.monotonic()
    try:
        outcome = _outcome(event, take_in or pushes.intake())
    except Exception as error:  # noqa: BLE001 - whatever it is, the sender must try again
        logger.error("push not stored", **described(error))
        outcome = Problem(
            ProblemCode.UNAVAILABLE, "the push could not be stored; please send it again"
        )
    _count(outcome, duration_ms=round((time.monotonic() - began) * 1000, 1))
    return _answer(outcome)


def _outcome(event: dict[str, Any], take_in: pushes.TakeIn) -> Receipt | Problem:
    credential = event["requestContext"]["authorizer"]
    logger.append_keys(client_id=credential["client_id"])
    if SCOPE not in credential["scopes"].split():
        return Problem(ProblemCode.SCOPE_MISSING, f"the credential lacks the scope {SCOPE}")
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return take_in(
        Delivery(
            client_id=credential["client_id"],
            body=_body(event),
            content_type=headers.get("content-type"),
            content_encoding=headers.get("content-encoding"),
            received_at=pushes.now(),
        )
    )


def _body(event: dict[str, Any]) -> bytes:
    """The bytes that were sent."""
    body: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            return body.encode("utf-8", "surrogatepass")  # then it is no JSON, and so answered
    return body.encode("utf-8", "surrogatepass")


def _count(outcome: Receipt | Problem, *, duration_ms: float) -> None:
    if isinstance(outcome, Receipt):
        metrics.add_metric(_METRICS[outcome], MetricUnit.Count, 1)
        logger.info("push", status=outcome, duration_ms=duration_ms)
        return
    failed = outcome.code is ProblemCode.UNAVAILABLE
    metrics.add_metric("PushesFailed" if failed else "PushesRefused", MetricUnit.Count, 1)
    # Paths are of our own making; details and messages may quote the body.
    logger.warning(
        "push",
        status=outcome.code,
        paths=[fault.path for fault in outcome.faults],
        duration_ms=duration_ms,
    )


def _answer(outcome: Receipt | Problem) -> dict[str, Any]:
    if isinstance(outcome, Receipt):
        return _response(200, "application/json", {"status": outcome})
    answer = _response(outcome.status, CONTENT_TYPE, outcome.document())
    if outcome.code is ProblemCode.UNAVAILABLE:
        answer["headers"]["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _response(status: int, content_type: str, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store"},
        "body": json.dumps(document),
        "isBase64Encoded": False,
    }
