"""Which AWS errors are worth another try, and how long to wait for it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from pointflow.domain.errors import ContentionError

CONTENTION_CODES = frozenset(
    {
        "InternalServerError",
        "InternalError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


FAILURES = frozenset({500, 502, 503, 504})
"""Statuses that botocore, too, tries again by."""


def error_code(error: ClientError) -> str:
    """The service's own name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_contention(error: Exception) -> bool:
    """Whether the same request may well succeed a little later.

    A connection that broke counts: the write may or may not have happened, which is why every
    write here may be repeated.
    """
    if isinstance(error, ClientError):
        # A failure of the service's own passes, whatever name it gives it.
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return error_code(error) in CONTENTION_CODES or status in FAILURES
    return isinstance(error, ConnectionError | HTTPClientError)


class Backoff:
    """Full-jitter waiting until a deadline.

    Parameters
    ----------
    deadline : float
        `time.monotonic()` value after which no wait starts.
    base, cap : float
        Seconds: the first wait is at most `base`, each next one doubles, none is over `cap`.
    """

    def __init__(
        self,
        deadline: float,
        *,
        base: float = 0.05,
        cap: float = 2.0,
        uniform: Callable[[float, float], float] = random.uniform,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deadline = deadline
        self._limit = base
        self._cap = cap
        self._uniform = uniform
        self._sleep = sleep
        self._monotonic = monotonic

    def wait(self, why: str) -> None:
        """Wait before the next try. Raises `ContentionError` when the deadline has come."""
        delay = self._uniform(0, self._limit)
        if self._monotonic() + delay >= self._deadline:
            raise ContentionError(f"gave up before the deadline: {why}")
        self._sleep(delay)
        self._limit = min(self._cap, self._limit * 2)


def persist(backoff: Backoff, what: str, operation: Callable[..., Any], **request: Any) -> Any:
    """Send a request that may be repeated until it is answered.

    Parameters
    ----------
    backoff : Backoff
        The waiting between the tries; what is left of it may be used for the next request.
    what : str
        What is asked, for the message: a table, for instance.
    operation : callable
        A method of a boto3 client.

    Raises
    ------
    ContentionError
        Nothing but throttling, conflicts and lost connections until the deadline.
    ClientError, BotoCoreError
        Another try would change nothing.
    """
    while True:
        try:
            return operation(**request)
        except (BotoCoreError, ClientError) as error:
            if not is_contention(error):
                raise
            why = error_code(error) if isinstance(error, ClientError) else "no answer"
            backoff.wait(f"{what}: {why}")
