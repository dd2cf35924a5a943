"""batch_watch as its schedule calls it."""

import json
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch_watch import app
from pointflow.domain.errors import MessageInvalidError
from pointflow.observability import metrics
from pointflow.services.look_out import Sights
from pointflow.services.watch_submissions import WatchSummary

EVENTS = Path(__file__).parents[2] / "events" / "batch_watch"
CONTEXT: Any = SimpleNamespace(
    function_name="batch-watch",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:batch-watch",
    aws_request_id="f1",
    get_remaining_time_in_millis=lambda: 300_000,
)


@pytest.fixture(autouse=True)
def _namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


def metric(output: str, name: str) -> list[float]:
    lines = (json.loads(line) for line in output.splitlines() if name in line)
    return [value for line in lines for value in line[name]]


def test_the_schedule_starts_a_run_that_ends_well_before_the_invocation() -> None:
    deadlines: list[float] = []

    def watch(deadline: float) -> WatchSummary:
        deadlines.append(deadline - time.monotonic())
        return WatchSummary()

    app.lambda_handler(load("schedule.json"), CONTEXT, watch, Sights)

    (seconds,) = deadlines
    assert 260 < seconds <= 270


def test_any_other_event_is_refused_and_nothing_is_watched() -> None:
    watched: list[float] = []

    def watch(deadline: float) -> WatchSummary:
        watched.append(deadline)
        return WatchSummary()

    with pytest.raises(MessageInvalidError, match="by its schedule only"):
        app.lambda_handler(load("poison.json"), CONTEXT, watch)

    assert watched == []


def test_what_stands_still_and_what_failed_are_counted_as_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app.lambda_handler(
        load("schedule.json"),
        CONTEXT,
        lambda _: WatchSummary(seen=3, asked_again=1, failed=2),
        Sights,
    )

    output = capsys.readouterr().out
    assert metric(output, "SubmissionsStandingStill") == [3.0]
    assert metric(output, "SubmissionsFailedByWatch") == [2.0]


def test_a_run_with_errors_counts_as_failed_after_everything_was_seen() -> None:
    summary = WatchSummary(seen=2, errors=[ValueError("first"), TimeoutError("second")])

    with pytest.raises(ExceptionGroup) as raised:
        app.lambda_handler(load("schedule.json"), CONTEXT, lambda _: summary, Sights)

    assert list(raised.value.exceptions) == summary.errors


def test_missing_files_and_waiting_pushes_are_told_also_when_there_are_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for sights in ((("acme", "globex"), 7), ((), 0)):
        app.lambda_handler(
            load("schedule.json"), CONTEXT, lambda _: WatchSummary(), partial(Sights, *sights)
        )

    output = capsys.readouterr().out
    assert metric(output, "FilesMissing") == [2.0, 0.0]
    assert metric(output, "PushesInQuarantine") == [7.0, 0.0]
