"""The fuzz of the push endpoint, for as long as `SOAK_SECONDS` says and never the same.

A request that breaks something is printed by hypothesis, with what it takes to send it again.
"""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from pointflow.observability import metrics
from tests.fuzz.hostile_pushes import Sent, requests
from tests.unit.test_any_push import ANSWERS, check

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))


@pytest.mark.timeout(3600)
def test_requests_of_every_kind_for_a_long_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    deadline = time.monotonic() + SECONDS
    answers: Counter[int] = Counter()

    @settings(
        max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(requests())
    def send(sent: Sent) -> None:
        answers[check(sent)] += 1

    while time.monotonic() < deadline:
        send()

    assert set(answers) >= ANSWERS - {413}
