"""Reads what Lambda's emulator and the function in it say of one invocation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

TIMED_OUT = "Sandbox.Timedout"
"""What Lambda calls the error of a function that ran out of time."""

_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)")
_DONE = re.compile(r"INVOKE RTDONE\(.*duration: ([0-9.]+)ms\)")
_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: .*")
_EMULATOR = re.compile(r"[0-9]{2} \w{3} [0-9]{4} [0-9:,]+ \[\w+\] \(rapid\) ")


@dataclass(frozen=True, slots=True)
class Invocation:
    """What came of an event.

    Attributes
    ----------
    answer : JSON value
        What the function returned, or Lambda's account of its error.
    error_type : str or None
        Lambda's `errorType`; None when the function returned.
    init : float or None
        Milliseconds the function took to start; None when it was warm already.
    duration : float
        Milliseconds the function took for the event, its start not included.
    output : str
        What the function wrote to stdout and stderr: its log.
    """

    answer: Any
    error_type: str | None
    init: float | None
    duration: float
    output: str


def reports_its_end(log: str, status: int, body: bytes) -> bool:
    """Whether the emulator's log holds all it will say of an invocation that was answered so."""
    # It says nothing of the end of what crashed or ran out of time.
    return status != HTTPStatus.OK or _json(body) is None or bool(_DONE.search(log))


def read_invocation(
    status: int, body: bytes, *, log: str, output: str, waited: float
) -> Invocation:
    """Read an answer and the logs that belong to it.

    Parameters
    ----------
    status : int
        HTTP status of the emulator's answer. An exception in the handler is a 200 as well.
    body : bytes
        Of the emulator's answer.
    log : str
        The emulator's log since the event was sent; the function's stderr lies in there.
    output : str
        The function's stdout since then, among the emulator's own lines.
    waited : float
        Milliseconds from sending to answer, for what the emulator does not time.
    """
    answer = _json(body)
    if answer is None:
        text = body.decode(errors="replace")
        answer = ({"errorType": TIMED_OUT, "errorMessage": text},)
    init = _INIT.search(log)
    start = float(init[1]) if init else 0.0
    done = _DONE.search(log)
    return Invocation(
        answer=answer[0],
        error_type=_error_type(status, answer[0]),
        init=start if init else None,
        duration=float(done[1]) if done else max(0.0, waited - start),
        output=_own_lines(output, _PLATFORM) + _own_lines(log, _EMULATOR),
    )


def _json(body: bytes) -> tuple[Any] | None:
    # In a tuple, because null is an answer as good as any.
    try:
        return (json.loads(body),)
    except ValueError:
        return None


def _error_type(status: int, answer: Any) -> str | None:
    if isinstance(answer, dict) and {"errorType", "errorMessage"} <= set(answer):
        return str(answer["errorType"])
    return None if status == HTTPStatus.OK else f"HTTP {status}"


def _own_lines(text: str, foreign: re.Pattern[str]) -> str:
    # The runtime's client keeps a traceback together with carriage returns.
    lines = text.replace("\r", "\n").splitlines()
    return "".join(f"{line}\n" for line in lines if line.strip() and not foreign.match(line))
