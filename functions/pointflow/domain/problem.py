"""What is wrong with a request, in the shape of RFC 9457 (`application/problem+json`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 30
"""Told with every 503. Shorter than any sender's own pause, so it never slows one down."""


class ProblemCode(StrEnum):
    """The stable codes that senders program against. Never rename one; add instead."""

    BODY_NOT_JSON = "BODY_NOT_JSON"
    REQUEST_INVALID = "REQUEST_INVALID"
    PARAMETER_INVALID = "PARAMETER_INVALID"
    CREDENTIAL_INVALID = "CREDENTIAL_INVALID"
    SCOPE_MISSING = "SCOPE_MISSING"
    CLIENT_MISMATCH = "CLIENT_MISMATCH"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    CONTENT_TYPE_UNSUPPORTED = "CONTENT_TYPE_UNSUPPORTED"
    PUSH_INVALID = "PUSH_INVALID"
    UPLOAD_INVALID = "UPLOAD_INVALID"
    TOO_MANY_REQUESTS = "TOO_MANY_REQUESTS"
    UNAVAILABLE = "UNAVAILABLE"


_STATUS_AND_TITLE = {
    ProblemCode.BODY_NOT_JSON: (400, "The body is not JSON"),
    ProblemCode.REQUEST_INVALID: (400, "The request is invalid"),
    ProblemCode.PARAMETER_INVALID: (422, "A parameter is invalid"),
    ProblemCode.CREDENTIAL_INVALID: (401, "The credential is missing or wrong"),
    ProblemCode.SCOPE_MISSING: (403, "The credential may not do this"),
    ProblemCode.CLIENT_MISMATCH: (403, "The file is another client's"),
    ProblemCode.NOT_FOUND: (404, "There is no such thing"),
    ProblemCode.CONFLICT: (409, "Its state forbids this"),
    ProblemCode.BODY_TOO_LARGE: (413, "The body is too large"),
    ProblemCode.CONTENT_TYPE_UNSUPPORTED: (415, "The content type is not application/json"),
    ProblemCode.PUSH_INVALID: (422, "The push is invalid"),
    ProblemCode.UPLOAD_INVALID: (422, "The upload is invalid"),
    ProblemCode.TOO_MANY_REQUESTS: (429, "Too many requests"),
    ProblemCode.UNAVAILABLE: (503, "Try again later"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `path` is a JSON pointer (RFC 6901) or a parameter's name."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request was not done.

    `detail` and the faults' messages are for the sender alone: they may quote the request, so they
    are never logged. Code and paths may be.
    """

    code: ProblemCode
    detail: str
    faults: tuple[Fault, ...] = ()

    @property
    def status(self) -> int:
        """HTTP status."""
        return _STATUS_AND_TITLE[self.code][0]

    @property
    def title(self) -> str:
        """The same words for every problem of this code."""
        return _STATUS_AND_TITLE[self.code][1]

    def document(self) -> dict[str, Any]:
        """The JSON object of the answer."""
        return {
            "type": f"urn:pointflow:problem:{self.code.lower().replace('_', '-')}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code.value,
            "errors": [{"path": fault.path, "message": fault.message} for fault in self.faults],
        }
