"""The way to the endpoint: how pushes are sent, lost on the way, and how views are read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from pointflow_cli.http_post import Reply
from pointflow_cli.http_session import HttpSession, NoAnswerError
from pointflow_cli.push_api import ROUTE
from pointflow_cli.simulation.plan import SimulatedPush
from pointflow_cli.simulation.platform import STORED, Answer

_JSON = {"Content-Type": "application/json"}
_READS = 5
"""Tries to read a view that the API cannot answer just now."""


@dataclass(frozen=True, slots=True)
class WrongView:
    """A member's view that is not its newest push. `found` says what there is."""

    user_id: int
    expected: str
    found: str


class Endpoint:
    """The API of a stack, as the platform and as a reader see it."""

    def __init__(self, session: HttpSession, monotonic: Callable[[], float] = time.monotonic):
        self._session = session
        self._monotonic = monotonic

    def push(self, body: bytes) -> Answer:
        """Send a push."""
        begun = self._monotonic()
        try:
            reply = self._session.request("POST", ROUTE, body, _JSON)
        except NoAnswerError:
            return Answer(None, "no answer", self._monotonic() - begun)
        return Answer(reply.status, told(reply), self._monotonic() - begun)

    def listed(self) -> Reply:
        """Ask for the first upcoming expiration: whether credentials and URL are right."""
        return self._session.request("GET", f"{ROUTE}?limit=1")

    def view(self, user_id: int) -> Reply:
        """Read a member's view. Raises `NoAnswerError`."""
        return self._session.request("GET", f"/v1/members/{user_id}/points-expiration")

    def compare(
        self, newest: SimulatedPush, sleep: Callable[[float], None] = time.sleep
    ) -> WrongView | None:
        """What is wrong with a member's view; None when it is the newest push."""
        expected = str(newest.document["message_date"])
        found = "no answer"
        for attempt in range(_READS):
            if attempt:
                sleep(attempt)
            try:
                reply = self.view(newest.user_id)
            except NoAnswerError:
                continue
            document = parsed(reply)
            if reply.status == STORED:
                if document == newest.document:
                    return None
                shown = document.get("message_date") if isinstance(document, dict) else None
                return WrongView(newest.user_id, expected, f"a view of {shown}")
            found = told(reply)
            if reply.status != 429 and reply.status < 500:
                break
        return WrongView(newest.user_id, expected, found)


class Outage:
    """Nothing gets through for a while.

    Every other request is cut off before it is sent, the answers to the others on their way back.

    Parameters
    ----------
    send : callable
        How it is sent otherwise.
    begins, seconds : float
        By `monotonic`.
    """

    CUT_OFF = "cut off by the outage"

    def __init__(
        self,
        send: Callable[[bytes], Answer],
        begins: float,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._begins = begins
        self._ends = begins + seconds
        self._monotonic = monotonic
        self._numbers = count()

    def push(self, body: bytes) -> Answer:
        """Send a push, if it gets through."""
        if not self._begins <= self._monotonic() < self._ends:
            return self._send(body)
        if next(self._numbers) % 2:
            self._send(body)
        return Answer(None, self.CUT_OFF, 0.0)


def parsed(reply: Reply) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def told(reply: Reply) -> str:
    """Status, and what became of a push or the code of a problem."""
    document = parsed(reply)
    word = ""
    if isinstance(document, Mapping):
        word = str(document.get("code") or document.get("status") or "")[:40]
    return f"{reply.status} {word}".rstrip()
