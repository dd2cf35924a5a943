"""The batch job against its model of ten lines, for much longer and never the same twice."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.test_breaking_model import BreakingMachine


@pytest.mark.timeout(3_600)
def test_a_thousand_histories_of_fifty_steps_end_as_the_model_says() -> None:
    run_state_machine_as_test(
        BreakingMachine,
        settings=settings(
            max_examples=1_000,
            stateful_step_count=50,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
