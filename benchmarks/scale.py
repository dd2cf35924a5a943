"""How long a file takes and what it costs, from one row's figures and AWS's published limits.

    PYTHONPATH=functions:. .venv-bench/bin/python -m benchmarks.scale

What a row needs (write units, processor time, calls) is counted by `benchmarks.cost` on real
requests; how much of it AWS gives at once is written down here, by the default and by what a
support case raises it to. Nothing of this was run on AWS: it says which number to turn first. An
on-demand table grows while a file is credited, so that the times as deployed are the longest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.cost import CELL_BYTES, CHUNK_ROWS, SQS_REQUEST, Cost, cost

SIZES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
COUNTED = 200_000
"""Rows of the file that is counted."""

ROW_BYTES = 48.0
"""Of the source document's forms, on average."""

COLD_CONCURRENCY, RAMP_A_MINUTE = 5, 300
"""An SQS mapping starts with five functions at once and adds so many each minute."""

LEAD_SECONDS = 10.0
"""Event, plan, report: what a file of one row takes."""

TRANSITION = 25e-6
"""Dollars of a state transition of Step Functions' standard workflows."""
EXPRESS_REQUEST, EXPRESS_GB_SECOND = 1e-6, 16.67e-6
CHILD_CONCURRENCY = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """What a row needs. Units and seconds, per row; `chunk_seconds` a whole chunk's."""

    table_units: Mapping[str, float]
    chunk_seconds: float
    parse_seconds: float
    dollars: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What AWS gives at once: write units a second of one table, functions that run at once."""

    name: str
    table_units: int
    credit_concurrency: int
    intake_concurrency: int


DEFAULT = Limits("as deployed", 4_000, 10, 1_000)
RAISED = Limits("raised", 40_000, 200, 1_000)
FURTHER = Limits("quota case", 400_000, 1_000, 3_000)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a file takes, what holds it up, and what it costs."""

    rows: int
    limits: Limits
    seconds: float
    bottleneck: str
    dollars: float


def measured(found: Cost, rows: int) -> Row:
    """A row's needs out of the counted bill of a file of so many rows."""
    units = {
        f"{table.capitalize()}Table": count / found.rows
        for table, count in found.bill.write_units.items()
    }
    # An index is throttled apart from its table. An entry is one unit of it, and counted so.
    for table in found.bill.indexes:
        units[f"{table.capitalize()}Table"] -= 1
        units[f"{table.capitalize()}Table's index"] = 1
    return Row(units, found.chunk_seconds, found.parse_seconds / rows, found.total / rows)


def estimate(rows: int, row: Row, limits: Limits) -> Estimate:
    """The slowest of the steps, which all run at once; the first rows wait for the plan."""
    cells = max(1.0, rows * ROW_BYTES / CELL_BYTES)
    # Each cell is measured, then parsed; reading is a small part of parsing.
    cell_seconds = 1.5 * row.parse_seconds * CELL_BYTES / ROW_BYTES
    chunks = rows / CHUNK_ROWS
    steps = {
        f"{table}, {limits.table_units:,} write units a second": rows * units / limits.table_units
        for table, units in row.table_units.items()
    }
    steps[f"CreditConcurrency {limits.credit_concurrency}"] = ramped(
        chunks * row.chunk_seconds, limits.credit_concurrency
    )
    steps["cells in PartQueue"] = max(
        cell_seconds, ramped(cells * cell_seconds, limits.intake_concurrency)
    )
    bottleneck, seconds = max(steps.items(), key=lambda step: step[1])
    return Estimate(rows, limits, LEAD_SECONDS + seconds, bottleneck, rows * row.dollars)


def ramped(work: float, most: int) -> float:
    """Seconds until so many seconds of work are done by functions that are added by and by.

    `most` at once in the end; `COLD_CONCURRENCY` at once in the beginning.
    """
    start = min(COLD_CONCURRENCY, most)
    pace = RAMP_A_MINUTE / 60
    ramp_seconds = (most - start) / pace
    ramp_work = ramp_seconds * (start + most) / 2
    if work > ramp_work:
        return ramp_seconds + (work - ramp_work) / most
    # start * t + pace / 2 * t^2 = work
    return float((-start + (start * start + 2 * pace * work) ** 0.5) / pace)


def distributed_map(rows: int, row: Row, batch: int) -> tuple[float, float]:
    """What Step Functions' Distributed Map adds, in dollars, by standard and by express children.

    A child takes `batch` rows. The tables are written to alike; the queues fall away.
    """
    children = rows / batch
    standard = children * 3 * TRANSITION
    seconds = row.chunk_seconds * batch / CHUNK_ROWS
    # Express is billed by memory in chunks of 64 MB, and duration.
    express = children * (EXPRESS_REQUEST + seconds * 0.0625 * EXPRESS_GB_SECOND)
    return standard, express


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def report(row: Row) -> Iterator[str]:
    """Everything as Markdown."""
    units = ", ".join(f"{table} {count:.2f}" for table, count in row.table_units.items())
    yield f"A row needs write units: {units}; a chunk of {CHUNK_ROWS} {row.chunk_seconds:.2f} s."
    yield ""
    yield "| rows | limits | time | what holds it up | dollars |"
    yield "|---|---|---|---|---|"
    for rows in SIZES:
        for limits in (DEFAULT, RAISED, FURTHER):
            found = estimate(rows, row, limits)
            yield (
                f"| {rows:,} | {limits.name} | {duration(found.seconds)} | {found.bottleneck} | "
                f"{found.dollars:,.2f} |"
            )
    yield ""
    yield "| orchestrated by, for 100,000,000 rows | adds, in dollars |"
    yield "|---|---|"
    rows = 100_000_000
    chunks = rows / CHUNK_ROWS
    queues = chunks * (3 * SQS_REQUEST) * 2  # sent, received, deleted; two units of 64 KB each
    yield f"| queues, as here, {CHUNK_ROWS} rows a message | {queues:,.2f} |"
    for batch in (CHUNK_ROWS, 1):
        standard, express = distributed_map(rows, row, batch)
        yield f"| Distributed Map, standard children of {batch} rows | {standard:,.2f} |"
        yield f"| Distributed Map, express children of {batch} rows | {express:,.2f} |"


def main() -> None:
    """Count, estimate, print."""
    for line in report(measured(cost(COUNTED), COUNTED)):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
