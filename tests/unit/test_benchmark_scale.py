"""How long a file takes on paper: the arithmetic of `benchmarks.scale`."""

from __future__ import annotations

import pytest

from benchmarks.scale import DEFAULT, RAISED, Limits, Row, distributed_map, estimate, ramped

ROW = Row({"MembersTable": 2.0}, chunk_seconds=0.25, parse_seconds=1e-6, dollars=4e-6)


@pytest.mark.parametrize(
    ("work", "most", "seconds"),
    [
        (50, 5, 10),  # no ramp: five at once from the first second
        (2.5 * 10 + 100, 2, 62.5),  # fewer than a mapping starts with
        (5 * 60 + 150 * 60, 10_000, 60),  # 300 more after a minute, 155 on average
        (7.5 + 10 * 99, 10, 100),  # ten at once after a second
    ],
)
def test_functions_are_added_by_and_by(work: float, most: int, seconds: float) -> None:
    assert ramped(work, most) == pytest.approx(seconds, abs=0.5)


def test_the_narrowest_step_holds_a_file_up() -> None:
    tables = estimate(10_000_000, ROW, DEFAULT)
    assert tables.bottleneck.startswith("MembersTable")
    assert tables.seconds == pytest.approx(10_000_000 * 2 / 4_000, rel=0.01)

    few = Limits("few", 10**9, 2, 1_000)
    assert estimate(10_000_000, ROW, few).bottleneck == "CreditConcurrency 2"
    assert estimate(10_000_000, ROW, RAISED).seconds < tables.seconds / 5
    assert estimate(10_000_000, ROW, RAISED).dollars == pytest.approx(40)


def test_a_map_is_paid_by_its_children() -> None:
    standard, express = distributed_map(1_000_000, ROW, batch=500)

    assert standard == pytest.approx(2_000 * 3 * 25e-6)
    assert express < standard
