"""The thousand pushes of `tests.contracts` against the store in memory, and every crash in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

from pointflow.domain.errors import ContentionError
from tests.contracts.pushes_under_fire import CrashedError, Store, Trouble, check_thousand_pushes
from tests.fakes.push_store import FakeExpirations

KINDS = ("given up before", "given up after", "crash before", "crash after")
WRITES = {"archive", "show", "record"}


class Troubled:
    """A store in memory, one call at a time, whose writes go wrong."""

    def __init__(self, store: FakeExpirations, trouble: Trouble) -> None:
        self._store = store
        self._trouble = trouble
        self._lock = threading.RLock()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._store, name)
        if name not in WRITES:
            return operation
        return lambda *arguments: self._write(operation, arguments)

    def _write(self, operation: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        kind = self._trouble.next()
        if kind in {"given up before", "crash before"}:
            raise _error(kind)
        with self._lock:
            answer = operation(*arguments)
        if kind is not None:
            raise _error(kind)
        return answer


def _error(kind: str) -> Exception:
    return CrashedError() if kind.startswith("crash") else ContentionError("gave up")


def test_a_thousand_pushes_in_any_order_with_every_trouble_end_in_the_newest_of_each_member() -> (
    None
):
    trouble = Trouble(KINDS, seed=12)
    fake = FakeExpirations()

    check_thousand_pushes(
        cast("Store", Troubled(fake, trouble)),
        trouble,
        lambda: [change.new for change in fake.changes if change.new is not None],
    )
