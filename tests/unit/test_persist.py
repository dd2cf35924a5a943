"""A request that may be repeated is repeated while that may help, and no longer."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pointflow.adapters.retrying import Backoff, persist
from pointflow.domain.errors import ContentionError

LOST = EndpointConnectionError(endpoint_url="https://dynamodb")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetItem")


class Operation:
    """Fails in the ways given, then answers what it was asked."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return request


def backoff(seconds: float = 60) -> Backoff:
    return Backoff(seconds, sleep=lambda _: None, uniform=lambda _, most: most, monotonic=lambda: 0)


def test_an_answer_comes_at_once() -> None:
    operation = Operation()

    assert persist(backoff(), "a table", operation, Key="k") == {"Key": "k"}
    assert operation.calls == 1


@pytest.mark.parametrize("error", [refused("ThrottlingException"), LOST])
def test_throttling_and_lost_connections_are_waited_out(error: Exception) -> None:
    operation = Operation(error, error)

    assert persist(backoff(), "a table", operation, Key="k") == {"Key": "k"}
    assert operation.calls == 3


def test_what_another_try_cannot_cure_is_raised_at_once() -> None:
    operation = Operation(refused("ValidationException"))

    with pytest.raises(ClientError, match="ValidationException"):
        persist(backoff(), "a table", operation)
    assert operation.calls == 1


@pytest.mark.parametrize(
    ("error", "why"), [(refused("ThrottlingException"), "ThrottlingException"), (LOST, "no answer")]
)
def test_it_gives_up_at_the_deadline_and_says_what_it_asked(error: Exception, why: str) -> None:
    operation = Operation(*[error] * 99)

    with pytest.raises(ContentionError, match=f"a table: {why}"):
        persist(backoff(0.04), "a table", operation)
    assert operation.calls == 1
