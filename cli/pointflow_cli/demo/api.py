"""The stack's API, called as the loyalty platform calls it."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from pointflow_cli.output import fail
from pointflow_local.state import LocalStack

PATIENCE = 30  # seconds for one answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said: an HTTP status, and the JSON document that came with it."""

    status: int
    document: Any

    @property
    def told(self) -> str:
        """Status, and what became of a push or the code of a problem."""
        word = self.document.get("code") or self.document.get("status") or ""
        return f"{self.status} {word}".rstrip()


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API answers, and the two ways to prove who calls."""

    url: str
    basic: Mapping[str, str]
    api_key: Mapping[str, str]

    @classmethod
    def of(cls, stack: LocalStack) -> Self:
        """The local stack's, for the sample client."""
        if stack.credentials is None:
            fail("the sample client has no credentials", "see: pointflow credentials list")
        mine = stack.credentials
        pair = b64encode(f"{mine['username']}:{mine['password']}".encode()).decode()
        return cls(
            url=stack.outputs["ApiUrl"],
            basic={"Authorization": f"Basic {pair}"},
            api_key={"x-api-key": mine["api_key"]},
        )

    def post(self, path: str, body: bytes, credential: Mapping[str, str]) -> Answer:
        """Send a body as it is."""
        return self._call("POST", path, {"Content-Type": "application/json", **credential}, body)

    def get(self, path: str) -> Answer:
        """Read, with the API key."""
        return self._call("GET", path, self.api_key, None)

    def _call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        # Straight to this machine: no proxy has any business in between.
        base = urlsplit(self.url)
        connection = http.client.HTTPConnection(base.netloc, timeout=PATIENCE)
        try:
            connection.request(method, base.path + path, body=body, headers=dict(headers))
            reply = connection.getresponse()
            return Answer(reply.status, json.loads(reply.read()))
        except (OSError, http.client.HTTPException, ValueError) as error:
            fail(f"no answer to {method} {path}: {error}", "see the log of the local AWS")
        finally:
            connection.close()
