"""Give up in good order while there is still time to say so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pointflow.domain.errors import OutOfTimeError

type OutOfTime = Callable[[], bool]
"""Tells whether what is left of the invocation is needed to end it."""


def never() -> bool:
    """There is always time: for whoever is no Lambda function."""
    return False


def in_time[Item](items: Iterable[Item], out_of_time: OutOfTime) -> Iterator[Item]:
    """Pass items on; raise `OutOfTimeError` before the first for which there is no time left.

    A function that is killed leaves its message hidden for the queue's whole visibility timeout.
    One that fails shows the message again after seconds.
    """
    for item in items:
        if out_of_time():
            raise OutOfTimeError("the invocation is nearly over; the work starts afresh in another")
        yield item
