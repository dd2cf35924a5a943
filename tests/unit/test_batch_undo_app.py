"""batch_undo as Lambda calls it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch_undo import app
from pointflow.domain.submission import SubmissionRef, Undone
from pointflow.domain.undo import UndoCells, UndoChunk, UndoMessage
from pointflow.observability import metrics
from pointflow.services.in_time import OutOfTime

EVENTS = Path(__file__).parents[2] / "events" / "batch_undo"
REF = SubmissionRef(
    "acme", "activities_acme_20251009085320.txt", "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
)


@pytest.fixture(autouse=True)
def _namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")


class Context:
    """An invocation with so many seconds left."""

    function_name = "batch-undo"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:batch-undo"
    aws_request_id = "f1"

    def __init__(self, seconds: float = 120) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


class Undos:
    """Remembers what was taken back, and whether there was time for it."""

    def __init__(self) -> None:
        self.messages: list[UndoMessage] = []
        self.out_of_time: list[bool] = []
        self.deadlines: list[float] = []

    def __call__(self, message: UndoMessage, *, deadline: float, out_of_time: OutOfTime) -> Undone:
        self.messages.append(message)
        self.out_of_time.append(out_of_time())
        self.deadlines.append(deadline)
        return Undone(2, 30)


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


def handle(event: dict[str, Any], undos: Undos, seconds: float = 120) -> dict[str, Any]:
    context: Any = Context(seconds)
    answer: dict[str, Any] = app.lambda_handler(event, context, undos)
    return answer


@pytest.mark.parametrize(
    ("name", "message"),
    [("cells.json", UndoCells(REF, 0, 1)), ("chunk.json", UndoChunk(REF, 0, 1, 1))],
)
def test_a_message_is_carried_out(name: str, message: UndoMessage) -> None:
    undos = Undos()

    assert handle(load(name), undos) == {"batchItemFailures": []}
    assert (undos.messages, undos.out_of_time) == ([message], [False])
    assert undos.deadlines[0] < time.monotonic() + 120 - app.SECONDS_TO_FINISH + 1


def test_an_invocation_that_is_nearly_over_hands_on() -> None:
    undos = Undos()
    handle(load("chunk.json"), undos, seconds=app.SECONDS_TO_FINISH + app.SECONDS_FOR_RETRIES)

    assert undos.out_of_time == [True]


@pytest.mark.parametrize(("name", "carried_out"), [("poison.json", 0), ("mixed.json", 1)])
def test_a_poison_message_fails_alone(
    name: str, carried_out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    sqs = SimpleNamespace(
        get_queue_url=lambda **_: {"QueueUrl": "https://sqs.example/queue"},
        change_message_visibility=lambda **asked: waits.append(asked["VisibilityTimeout"]),
    )
    monkeypatch.setattr(app, "client", lambda _: sqs)
    undos, event = Undos(), load(name)

    answer = handle(event, undos)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert (len(undos.messages), waits) == (carried_out, [0])


def test_what_was_taken_back_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    handle(load("chunk.json"), Undos())

    metrics = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if "RowsUndone" in line
    ]
    assert [(each["RowsUndone"], each["PointsUndone"]) for each in metrics] == [([2.0], [30.0])]
