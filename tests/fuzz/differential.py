"""Scans hostile files the fast and the plain way, and stops where they differ.

    python -m tests.fuzz.differential --seconds 600 [--seed N]

Says how much it went through. A difference ends it with the seed that shows it again.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator

from pointflow.domain.batch_row import RULINGS
from pointflow.domain.content import first_line_numbers, first_row_line, measure_cell, measure_span
from pointflow.domain.packing import PackedRows, Scanned, scan_cell, scan_span
from pointflow.domain.submission import Plan
from tests.fuzz.hostile_rows import RECEIVED_AT, hostile_file
from tests.unit.parsing import blocks_of
from tests.unit.reference_scan import reference_scan


def compare(seed: int) -> tuple[int, int]:
    """Scan the seed's file both ways, and answer its bytes and its rows that are valid.

    Raises
    ------
    AssertionError
        They found different things.
    """
    chance = random.Random(seed)  # noqa: S311 - rows, not secrets
    data = hostile_file(chance, chance.choice((1, 3, 20, 200, 1_500)))
    plan = Plan(
        size=len(data),
        received_at=chance.choice((RECEIVED_AT, RECEIVED_AT, 0, 999_999_699, 10**11)),
        cell_bytes=max(3, len(data) // chance.choice((1, 1, 2, 7))),
        chunk_rows=chance.choice((1, 3, 499, 500)),
        chunk_bytes=chance.choice((50, 4_000, 100_000)),
        rulings=RULINGS,
    )
    block = chance.choice((1, 7, 100, 4_096, 1 << 20)) if len(data) < 50_000 else 1 << 16
    valid = 0
    for fast, plain in zip(_cells(data, plan, block), _cells(data, plan), strict=True):
        assert fast == plain, f"seed {seed}: {_first_difference(fast, plain)}"
        valid += sum(found.row_count for found in fast if isinstance(found, PackedRows))
    return len(data), valid


def _cells(data: bytes, plan: Plan, block: int | None = None) -> Iterator[list[Scanned]]:
    """What is found cell by cell; the plain way where no size of block is given."""
    spans = [measure_span(plan, cell) for cell in range(plan.cells)]
    measures = [
        measure_cell([data[start:end]], plan=plan, cell=cell)
        for cell, (start, end) in enumerate(spans)
    ]
    first_row = first_row_line(measures)
    scan = scan_cell if block else reference_scan
    for cell, first_line in enumerate(first_line_numbers(measures)):
        start, end = scan_span(plan, cell)
        yield list(
            scan(
                blocks_of(data[start:end], block or 1 << 16),
                plan=plan,
                cell=cell,
                first_line=first_line,
                first_row_line=first_row,
            )
        )


def _first_difference(fast: list[Scanned], plain: list[Scanned]) -> str:
    for one, other in zip(fast, plain, strict=False):
        if one != other:
            return f"{one!r:.2000} instead of {other!r:.2000}"
    return f"{len(fast)} instead of {len(plain)} finds"


def main() -> None:
    """Compare until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    end = time.monotonic() + asked.seconds
    seed, size, valid = asked.seed, 0, 0
    while time.monotonic() < end:
        more_bytes, more_valid = compare(seed)
        seed, size, valid = seed + 1, size + more_bytes, valid + more_valid
    sys.stdout.write(
        f"{seed - asked.seed:,} files, {size:,} bytes, {valid:,} valid rows: no difference;"
        f" go on with --seed {seed}\n"
    )


if __name__ == "__main__":
    main()
