"""What a push costs to write, counted from its requests."""

from __future__ import annotations

from benchmarks.write_units import measured


def test_a_push_of_the_documented_size_costs_at_most_ten_units() -> None:
    found = dict(measured())

    assert found == {
        "first push of a member": {"history": 1, "current view": 1, "month index": 5},
        "the same months again": {"history": 1, "current view": 1, "month index": 5},
        "one month gone, one new, inactivity moved": {
            "history": 1,
            "current view": 1,
            "month index": 7,
        },
        "every month moved": {"history": 1, "current view": 1, "month index": 9},
    }
    usual = [sum(units.values()) for what, units in found.items() if what != "every month moved"]
    assert max(usual) <= 10
