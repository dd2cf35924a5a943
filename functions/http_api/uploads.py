"""Lets a client upload batch files straight to the bucket."""

from __future__ import annotations

from http_api import answer
from http_api.answer import Answer
from http_api.request import Request
from pointflow.bootstrap.reading import Reading
from pointflow.domain.iso_time import utc_text
from pointflow.domain.problem import Problem
from pointflow.services.grant_upload import VALID_SECONDS, grant_upload


def grant(request: Request, reading: Reading) -> Answer:
    """POST /v1/uploads: a signed PUT for one file of an exact size."""
    # The signature counts from its own clock, which this one is never behind.
    expires_at = reading.now() + VALID_SECONDS * 1000
    granted = grant_upload(request.client_id, request.body, grants=reading.batches().uploads)
    if isinstance(granted, Problem):
        return answer.problem(granted)
    wanted, upload = granted
    return answer.document(
        {
            "file_name": wanted.file_name,
            "size": wanted.size,
            "method": "PUT",
            "url": upload.url,
            "headers": dict(upload.headers),
            "expires_at": utc_text(expires_at),
        }
    )
