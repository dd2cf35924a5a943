"""`make bench`: everything that is promised about speed, measured here and now, as Markdown.

    python -m benchmarks.run [--rows N] [--rounds N] [--stream-bytes N] [MEASURE ...]

A MEASURE is parser, memory, import, intake, push or ledger; without one everything is measured.
Progress goes to stderr, the tables to stdout.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import cost, end_to_end, ledger, ledger_conflicts, parser, push, write_units
from benchmarks.generate import RECEIVED_AT, rows

FIVE_GB = 5_000_000_000
PAGE_ROWS = 2_000
IMPORT_ROUNDS = 9

_IMPORT = """
import time, boto3
start = time.process_time()
import batch_intake.app
print((time.process_time() - start) * 1000)
"""


def main() -> None:
    """Measure what is asked for."""
    measures: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
        "parser": _parser,
        "memory": _memory,
        "import": _import,
        "intake": _intake,
        "push": _push,
        "ledger": _ledger,
    }
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--rows", type=int, default=parser.ROWS)
    arguments.add_argument("--rounds", type=int, default=parser.ROUNDS)
    arguments.add_argument("--stream-bytes", type=int, default=FIVE_GB)
    arguments.add_argument("measures", nargs="*", default=list(measures), metavar="MEASURE")
    asked = arguments.parse_args()
    _say(_machine())
    _say("")
    for name in asked.measures:
        if name not in measures:
            arguments.error(f"no measure {name!r}; there are {', '.join(measures)}")
        sys.stderr.write(f"measuring {name} ...\n")
        for line in measures[name](asked):
            _say(line)
        _say("")


def _parser(asked: argparse.Namespace) -> Iterator[str]:
    yield "| bad rows | ours | peer | ns a row | times ours |"
    yield "|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for found in parser.compare(Path(folder), asked.rows, asked.rounds):
            for name, nanoseconds in found.peers.items():
                yield (
                    f"| {found.bad:.0%} | {found.ours:.0f} ns | {name} | {nanoseconds:.0f}"
                    f" | {found.ratios[name]:.2f}x |"
                )


def _memory(asked: argparse.Namespace) -> Iterator[str]:
    page = b"".join(rows(PAGE_ROWS, bad=0.02))
    peaks = {
        size: int(_python(["-m", "benchmarks.memory", str(size), str(RECEIVED_AT)], page))
        for size in (len(page), asked.stream_bytes)
    }
    yield "| stream | peak memory of the process |"
    yield "|---|---|"
    for size, peak in peaks.items():
        yield f"| {size / 1e6:,.1f} MB | {peak / 1024:.1f} MiB |"


def _import(_: argparse.Namespace) -> Iterator[str]:
    times = []
    with tempfile.TemporaryDirectory() as compiled:
        env = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env["PYTHONPYCACHEPREFIX"] = compiled
        _python(["-c", _IMPORT], env=env)
        times = [float(_python(["-c", _IMPORT], env=env)) for _ in range(IMPORT_ROUNDS)]
    yield "| import, compiled before | processor time, median |"
    yield "|---|---|"
    yield f"| `batch_intake` beyond boto3 | {statistics.median(times):.0f} ms |"


def _intake(asked: argparse.Namespace) -> Iterator[str]:
    yield "| measure | found | must | aim |"
    yield "|---|---|---|---|"
    yield end_to_end.table(end_to_end.run(asked.rounds))


def _push(_: argparse.Namespace) -> Iterator[str]:
    yield "| a push | processor time | times ours |"
    yield "|---|---|---|"
    for name, (microseconds, ratio) in push.cpu().items():
        yield f"| {name} | {microseconds:,.0f} us | {ratio:.2f}x |"
    yield ""
    yield "| cold start | INIT REPORT | times the empty handler |"
    yield "|---|---|---|"
    for name, (milliseconds, ratio) in push.cold().items():
        yield f"| {name} | {milliseconds:,.0f} ms | {ratio:.2f}x |"
    yield ""
    yield "| write units of a push | history | current view | month index | together |"
    yield "|---|---|---|---|---|"
    for what, units in write_units.measured():
        told = " | ".join(str(each) for each in units.values())
        yield f"| {what} | {told} | {sum(units.values())} |"


def _ledger(asked: argparse.Namespace) -> Iterator[str]:
    for part in (
        ledger.table(asked.rounds),
        ledger.units_table(),
        cost.table(cost.cost()),
        ledger_conflicts.table(),
    ):
        yield from part
        yield ""


def _python(
    arguments: list[str], given: bytes | None = None, env: dict[str, str] | None = None
) -> str:
    ran = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, *arguments], input=given, env=env, check=True, stdout=subprocess.PIPE
    )
    return ran.stdout.decode()


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{platform.machine()}, {_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory,"
        f" {platform.system()}, {platform.python_implementation()} {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "unknown processor")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
