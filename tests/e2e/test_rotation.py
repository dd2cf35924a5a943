"""A credential of the deployed stack is replaced while pushes come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from itertools import count

from pointflow.adapters.cached_credentials import REFRESH_SECONDS
from tests.e2e.conftest import DeployedStack
from tests.e2e.http import api_key, basic
from tests.e2e.test_push import body, push

SENDERS = 3


class Senders:
    """Threads that push without a pause and remember every answer."""

    def __init__(self, stack: DeployedStack, credential: Mapping[str, str]) -> None:
        self.credential = credential
        self.answers: list[int] = []
        self._stack = stack
        self._numbers = count(700_300_001)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]

    def __enter__(self) -> Senders:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def wait_for(self, more: int) -> None:
        """Until so many more answers have come."""
        wanted = len(self.answers) + more
        while len(self.answers) < wanted and any(each.is_alive() for each in self._threads):
            time.sleep(0.05)

    def _send(self) -> None:
        while not self._over.is_set():
            number, now = next(self._numbers), self.credential
            keys = (api_key(now["api_key"]), basic(now["username"], now["password"]))
            self.answers.append(push(self._stack, keys[number % 2], body(number)).status)


def test_a_rotation_loses_no_request(stack: DeployedStack) -> None:
    added = stack.pointflow("credentials", "add", "--scopes", "push", "--json")
    assert added.code == 0, added.err
    time.sleep(REFRESH_SECONDS)
    with Senders(stack, added.json) as senders:
        senders.wait_for(10)
        rotated = stack.pointflow("credentials", "rotate", added.json["id"], "--json")
        assert rotated.code == 0, rotated.err
        time.sleep(REFRESH_SECONDS)
        senders.credential = rotated.json
        senders.wait_for(SENDERS + 10)
        revoked = stack.pointflow("credentials", "revoke", added.json["id"], "--json")
        assert revoked.code == 0, revoked.err
        senders.wait_for(10)

    assert set(senders.answers) == {200}
    assert len(senders.answers) >= 30 + SENDERS
