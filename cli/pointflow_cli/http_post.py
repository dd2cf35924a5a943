"""One POST over HTTP, its answer taken as it comes: no redirects, no errors for a status."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import (
    BaseHandler,
    HTTPRedirectHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from pointflow_cli.api_host import checked_host, is_this_machine
from pointflow_cli.output import fail

TIMEOUT_SECONDS = 35.0
"""A little more than API Gateway takes to give up."""

MOST_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered."""

    status: int
    body: bytes


def post(
    url: str, body: bytes, headers: Mapping[str, str], handlers: Sequence[BaseHandler] = ()
) -> Reply:
    """Send a body and wait for the answer.

    Parameters
    ----------
    url : str
    body : bytes
    headers : mapping of str to str
    handlers : sequence of BaseHandler
        In place of those that open real connections.

    Raises
    ------
    CommandError
        There is no answer: the URL is none, nobody listens, or the connection broke.
    """
    host = checked_host(url)
    refused: list[BaseHandler] = [_NoRedirects()]
    if is_this_machine(host):
        refused.append(ProxyHandler({}))  # a proxy has no business between a person and 127.0.0.1
    request = Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked above
    try:
        with build_opener(*refused, *handlers).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return Reply(answer.status, answer.read(MOST_ANSWER_BYTES))
    except HTTPError as error:
        with error:
            return Reply(error.code, error.read(MOST_ANSWER_BYTES))
    except (URLError, http.client.HTTPException, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        fail(f"no answer from {host}: {_text(reason)}", "check the URL; locally: pointflow up")


class _NoRedirects(HTTPRedirectHandler):
    """A push that is sent elsewhere would take its credentials along."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _text(reason: object) -> str:
    if isinstance(reason, socket.gaierror):
        return "no such host"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
