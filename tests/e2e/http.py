"""One HTTP request to the deployed API, its answer as it comes."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """Status, headers by lower-case name, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def told(self) -> tuple[int, str]:
        """Status, and the code of a problem or the status of a push."""
        return self.status, self.json.get("code") or self.json.get("status")


def send(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Reply:
    """Send a request. Every answer that is no success must have the one shape of a problem."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, target, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        reply = Reply(answer.status, names, answer.read())
    finally:
        connection.close()
    if reply.status >= 400:
        assert reply.headers["content-type"] == "application/problem+json", reply
        assert set(reply.json) == {"type", "title", "status", "detail", "code", "errors"}
        assert reply.json["status"] == reply.status
    return reply


def basic(username: str, password: str, scheme: str = "Basic") -> dict[str, str]:
    """An Authorization header."""
    return {"Authorization": f"{scheme} {b64encode(f'{username}:{password}'.encode()).decode()}"}


def api_key(key: str) -> dict[str, str]:
    """An x-api-key header."""
    return {"x-api-key": key}
