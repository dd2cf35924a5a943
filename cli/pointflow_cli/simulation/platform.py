"""How the platform delivers: many at once, and what failed again, with its published cadence."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from itertools import count

from pointflow_cli.simulation.plan import Delivery, SimulatedPush

TRIES_AN_HOUR = 5
HOURS = 8
RETRIES = TRIES_AN_HOUR * HOURS
RETRY_SECONDS = 3600 / TRIES_AN_HOUR
"""Between a try that failed and the next, on the platform's clock."""

STORED = 200
_LONGEST_WAIT = 0.25  # seconds, so that what is shown goes on moving


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try.

    `status` is None where nobody answered; `told` is what is counted; `seconds` the latency.
    """

    status: int | None
    told: str
    seconds: float


@dataclass(slots=True)
class Outcome:
    """What became of all pushes.

    Attributes
    ----------
    sent : int
        Tries, repeats and retries included.
    answers : Counter of str
        How often each answer was given.
    latencies : list of float
        Seconds, of the tries that were answered.
    retries : int
        Tries after a failed one.
    given_up : list of (SimulatedPush, str)
        Deliveries that were tried to the last, and their last answer: the platform's error log.
    taken : set of int
        Numbers of the pushes that were answered with 200.
    """

    sent: int = 0
    done: int = 0
    waiting: int = 0
    retries: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    given_up: list[tuple[SimulatedPush, str]] = field(default_factory=list)
    taken: set[int] = field(default_factory=set)

    @property
    def lost(self) -> list[SimulatedPush]:
        """Pushes of which no delivery was ever answered with 200."""
        lost = {push.number: push for push, _ in self.given_up if push.number not in self.taken}
        return [*lost.values()]


@dataclass(order=True, slots=True)
class _Attempt:
    due: float
    order: int
    push: SimulatedPush = field(compare=False)
    retries: int = field(default=0, compare=False)


class Platform:
    """Delivers what is planned.

    Parameters
    ----------
    send : callable
        Sends a body; called by several threads at once, never raises.
    executor : Executor
    at_once : int
        Most requests on their way at a time.
    speed : float
        Seconds of the platform's clock that go by in one of ours.
    show : callable
        Told about the outcome again and again as it grows.
    """

    def __init__(
        self,
        send: Callable[[bytes], Answer],
        executor: Executor,
        *,
        at_once: int,
        speed: float,
        show: Callable[[Outcome], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._send = send
        self._executor = executor
        self._at_once = at_once
        self._pause = RETRY_SECONDS / speed
        self._show = show
        self._monotonic = monotonic
        self._sleep = sleep
        self._waiting: list[_Attempt] = []
        self._on_their_way: dict[Future[Answer], _Attempt] = {}
        self._order = count()
        self._outcome = Outcome()

    def run(self, planned: Iterable[list[Delivery]], made_at: Callable[[int], float]) -> Outcome:
        """Deliver everything; ends when each delivery is answered with 200 or given up.

        Parameters
        ----------
        planned : iterable of list of Delivery
            Push by push.
        made_at : callable
            When the push of a number is made, in seconds from the start.
        """
        started = self._monotonic()
        coming = enumerate(planned)
        upcoming = next(coming, None)
        while upcoming or self._waiting or self._on_their_way:
            now = self._monotonic() - started
            while upcoming and made_at(upcoming[0]) <= now:
                for delivery in upcoming[1]:
                    self._wait_until(delivery.due, delivery.push, 0)
                upcoming = next(coming, None)
            self._send_what_is_due(now)
            due = [self._waiting[0].due] if self._waiting else []
            due += [made_at(upcoming[0])] if upcoming else []
            self._take_answers(min(_LONGEST_WAIT, max(0.0, min(due, default=now) - now)))
            now = self._monotonic() - started
            for attempt, answer in self._answered():
                self._settle(attempt, answer, now)
            self._outcome.waiting = len(self._waiting)
            self._show(self._outcome)
        return self._outcome

    def _wait_until(self, due: float, push: SimulatedPush, retries: int) -> None:
        heapq.heappush(self._waiting, _Attempt(due, next(self._order), push, retries))

    def _send_what_is_due(self, now: float) -> None:
        while (
            self._waiting
            and self._waiting[0].due <= now
            and len(self._on_their_way) < self._at_once
        ):
            attempt = heapq.heappop(self._waiting)
            self._outcome.sent += 1
            self._on_their_way[self._executor.submit(self._send, attempt.push.body)] = attempt

    def _take_answers(self, seconds: float) -> None:
        if not self._on_their_way:
            self._sleep(seconds)
        elif len(self._on_their_way) < self._at_once:
            wait(self._on_their_way, timeout=seconds, return_when=FIRST_COMPLETED)
        else:
            wait(self._on_their_way, timeout=_LONGEST_WAIT, return_when=FIRST_COMPLETED)

    def _answered(self) -> Iterator[tuple[_Attempt, Answer]]:
        for future in [each for each in self._on_their_way if each.done()]:
            yield self._on_their_way.pop(future), future.result()

    def _settle(self, attempt: _Attempt, answer: Answer, now: float) -> None:
        outcome = self._outcome
        outcome.answers[answer.told] += 1
        if answer.status is not None:
            outcome.latencies.append(answer.seconds)
        if answer.status == STORED:
            outcome.taken.add(attempt.push.number)
            outcome.done += 1
        elif attempt.retries < RETRIES:
            outcome.retries += 1
            self._wait_until(now + self._pause, attempt.push, attempt.retries + 1)
        else:
            outcome.given_up.append((attempt.push, answer.told))
            outcome.done += 1
