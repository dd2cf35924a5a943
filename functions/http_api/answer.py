"""Answers in the form that API Gateway wants of a proxy integration."""

from __future__ import annotations

import json
from typing import Any

from pointflow.domain.problem import CONTENT_TYPE, RETRY_AFTER_SECONDS, Problem, ProblemCode

Answer = dict[str, Any]


def document(body: dict[str, Any]) -> Answer:
    """200 with a JSON object."""
    return _answer(200, "application/json", body)


def problem(found: Problem) -> Answer:
    """What was wrong, as `application/problem+json`."""
    answer = _answer(found.status, CONTENT_TYPE, found.document())
    if found.code is ProblemCode.UNAVAILABLE:
        answer["headers"]["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _answer(status: int, content_type: str, body: dict[str, Any]) -> Answer:
    return {
        "statusCode": status,
        # What is answered is about people: no proxy is to keep it.
        "headers": {"Content-Type": content_type, "Cache-Control": "no-store"},
        # As UTF-8: escaped, a text might take six times the room, and answers are bounded.
        "body": json.dumps(body, separators=(",", ":"), ensure_ascii=False),
        "isBase64Encoded": False,
    }
