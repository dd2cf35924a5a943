"""Faults at any call position of any fake, so that tests can try all of them in turn.

    faults = Faults(fail_at=3, when="after")
    service(store=faults.wrap(store), ledger=faults.wrap(ledger))

counts the calls to everything it wrapped together, and kills the worker after the fourth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from threading import Lock
from typing import Any, Literal, cast

type Instead = Callable[[str, Mapping[str, Any], Callable[[], Any]], Any]
When = Literal["before", "after"]


class WorkerKilled(BaseException):
    """The process died here. Not an `Exception`: nothing may catch it and carry on."""


class Faults:
    """Counts the calls of wrapped fakes and kills the worker at one of them.

    Parameters
    ----------
    fail_at : int or None
        Position of the call to fail, from 0 over all wrapped fakes; None fails none.
    when : "before" or "after"
        Whether the call takes effect first.
    error : exception
        What to raise instead of dying, for instance a timeout.
    instead : callable
        What happens instead of the call; given its name, its arguments by name, and the call.

    Attributes
    ----------
    calls : list of str
        Names of the methods called, in order.
    between : callable or None
        Runs before each call, as another worker would in between.
    """

    def __init__(
        self,
        fail_at: int | None = None,
        when: When = "before",
        error: BaseException | None = None,
        instead: Instead | None = None,
    ) -> None:
        self.calls: list[str] = []
        self.between: Callable[[int, str], None] | None = None
        self._fail_at = fail_at
        self._when = when
        self._error = error or WorkerKilled()
        self._instead = instead
        self._lock = Lock()
        self._dead = False

    def wrap[Fake](self, fake: Fake) -> Fake:
        """Stand in for a fake."""
        return cast("Fake", _Wrapped(fake, self))

    def around(
        self, name: str, call: Callable[[], Any], request: Mapping[str, Any] | None = None
    ) -> Any:
        """Run a call, or die at it. A dead worker makes no further call."""
        if self._dead:
            raise WorkerKilled
        with self._lock:
            position = len(self.calls)
            self.calls.append(name)
        if self.between is not None:
            self.between(position, name)
        if position != self._fail_at:
            return call()
        if self._instead is not None:
            return self._instead(name, request or {}, call)
        self._dead = isinstance(self._error, WorkerKilled)
        if self._when == "after":
            with suppress(Exception):
                call()
        raise self._error


def every_fault(calls: int) -> Iterator[tuple[int, When]]:
    """Each position of so many calls, before and after."""
    for position in range(calls):
        yield position, "before"
        yield position, "after"


class _Wrapped:
    def __init__(self, fake: object, faults: Faults) -> None:
        self._fake = fake
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._fake, name)
        if not callable(attribute):
            return attribute

        @wraps(attribute)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._faults.around(name, lambda: attribute(*args, **kwargs), kwargs)

        return call
