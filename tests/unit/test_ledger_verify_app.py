"""ledger_verify as its schedule calls it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ledger_verify import app
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.verification import Drift, Round, Subject
from pointflow.observability import metrics
from pointflow.services.verify_slice import Run

EVENTS = Path(__file__).parents[2] / "events" / "ledger_verify"
CONTEXT: Any = SimpleNamespace(
    function_name="ledger-verify",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:ledger-verify",
    aws_request_id="v1",
    get_remaining_time_in_millis=lambda: 300_000,
)
DRIFT = Drift(Subject.MEMBER, "acme", "1001", "balance", recorded=7, found=9)
CLEAN = Round(4, 1_000, {}, members=12, batches=3, finished_at=1_060)


@pytest.fixture(autouse=True)
def _namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


def kept() -> bool:
    return True


def returning(round_: Round, drifts: tuple[Drift, ...]) -> Callable[[float], Run]:
    return lambda _deadline: Run(round_, drifts, (), kept)


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_a_slice_ends_well_before_the_invocation() -> None:
    deadlines: list[float] = []

    def verify(deadline: float) -> Run:
        deadlines.append(deadline - time.monotonic())
        return Run(CLEAN, (), (), kept)

    app.lambda_handler(load("schedule.json"), CONTEXT, verify)

    (seconds,) = deadlines
    assert 190 < seconds <= 200


def test_any_other_event_is_refused() -> None:
    with pytest.raises(MessageInvalidError, match="by its schedule only"):
        app.lambda_handler(load("poison.json"), CONTEXT)


def test_drift_is_a_metric_also_when_there_is_none_and_each_figure_is_logged(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for round_, drifts in ((replace(CLEAN, drifts=1), (DRIFT,)), (CLEAN, ())):
        app.lambda_handler(load("schedule.json"), CONTEXT, returning(round_, drifts))

    written = lines(capsys.readouterr().out)
    assert [line["LedgerDrift"] for line in written if "LedgerDrift" in line] == [[1.0], [0.0]]
    (told,) = (vars(record) for record in caplog.records if record.message == "drift")
    assert (told["client_id"], told["member"], told["counter"]) == ("acme", "1001", "balance")
    assert (told["recorded"], told["found"]) == (7, 9)


def test_drift_is_told_before_the_round_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    def die() -> bool:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        app.lambda_handler(load("schedule.json"), CONTEXT, lambda _: Run(CLEAN, (DRIFT,), (), die))

    assert any("LedgerDrift" in line for line in lines(capsys.readouterr().out))


def test_what_cannot_be_read_fails_the_run_after_the_round_is_kept() -> None:
    noted: list[bool] = []

    def keep() -> bool:
        noted.append(True)
        return True

    run = Run(CLEAN, (), (ValueError("odd"),), keep)
    with pytest.raises(ExceptionGroup) as raised:
        app.lambda_handler(load("schedule.json"), CONTEXT, lambda _: run)

    assert [str(error) for error in raised.value.exceptions] == ["odd"]
    assert noted == [True]
