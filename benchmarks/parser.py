"""The parser against its peers, in one process, turn by turn, by CPU time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.generate import RECEIVED_AT, rows
from benchmarks.peers import bare_split, lax_model, polars_line_regex, strict_model
from pointflow.domain.batch_row import RULINGS, RejectedRow
from pointflow.domain.content import first_line_numbers, first_row_line, measure_cell, measure_span
from pointflow.domain.packing import PackedRows, scan_cell, scan_span
from pointflow.domain.submission import Plan

ROWS = 1_000_000
ROUNDS = 5
SHARES_BAD = (0.0, 0.02, 0.2)
BLOCK_BYTES = 1 << 20
CELL_BYTES = 16 << 20


@dataclass(frozen=True)
class Peer:
    """Somebody else's way; it answers (valid, rejected) and is given a share of the rows."""

    name: str
    scan: Callable[[str], tuple[int, int]]
    share: float


PEERS = (
    Peer("csv.DictReader + a pydantic model a row, lax", lax_model, 0.1),
    Peer("csv.DictReader + a pydantic model a row, same rulings", strict_model, 0.1),
    Peer('bare line.split("|") that validates nothing', bare_split, 1.0),
    Peer("polars, one thread, a regular expression a line", polars_line_regex, 1.0),
)


@dataclass(frozen=True)
class Comparison:
    """Of one file: CPU ns a row of ours and of each peer, and how many times theirs ours is."""

    bad: float
    ours: float
    peers: Mapping[str, float]
    ratios: Mapping[str, float]


def compare(folder: Path, count: int = ROWS, rounds: int = ROUNDS) -> Iterator[Comparison]:
    """Make a file for each share of bad rows, and let everybody scan it in turn.

    Parameters
    ----------
    folder : Path
        Where the files may lie meanwhile.
    count : int
        Rows to a file.
    rounds : int
        How often everybody runs; medians are told, of the ratios within a round.
    """
    for bad in SHARES_BAD:
        files = _files(folder, count, bad)
        ours: list[float] = []
        theirs: dict[str, list[float]] = {peer.name: [] for peer in PEERS}
        for _ in range(rounds):
            ours.append(_cpu(ours_scan, files[1.0]) / count)
            for peer in PEERS:
                theirs[peer.name].append(_cpu(peer.scan, files[peer.share]) / (count * peer.share))
        yield Comparison(
            bad=bad,
            ours=statistics.median(ours) * 1e9,
            peers={name: statistics.median(times) * 1e9 for name, times in theirs.items()},
            ratios={
                name: statistics.median(t / o for t, o in zip(times, ours, strict=True))
                for name, times in theirs.items()
            },
        )


def ours_scan(path: str) -> tuple[int, int]:
    """Validate and pack a file cell by cell, as intake's second pass does."""
    plan = Plan(Path(path).stat().st_size, RECEIVED_AT, CELL_BYTES, 500, 100_000, RULINGS)
    with open(path, "rb") as file:  # noqa: PTH123

        def blocks(start: int, end: int) -> Iterator[bytes]:
            file.seek(start)
            while start < end and (block := file.read(min(BLOCK_BYTES, end - start))):
                yield block
                start += len(block)

        return scan_file(blocks, plan, *_pass_1(path, plan))


def scan_file(
    blocks: Callable[[int, int], Iterator[bytes]],
    plan: Plan,
    first_lines: list[int],
    first_row: int | None,
) -> tuple[int, int]:
    """Scan every cell of a file; answers (valid, rejected)."""
    valid = rejected = 0
    for cell, first_line in enumerate(first_lines):
        for found in scan_cell(
            blocks(*scan_span(plan, cell)),
            plan=plan,
            cell=cell,
            first_line=first_line,
            first_row_line=first_row,
        ):
            if isinstance(found, PackedRows):
                valid += found.row_count
            elif isinstance(found, RejectedRow):
                rejected += 1
    return valid, rejected


_PASS_1: dict[str, tuple[list[int], int | None]] = {}


def _pass_1(path: str, plan: Plan) -> tuple[list[int], int | None]:
    """Line numbers of the cells: found once, before anything is timed."""
    if path not in _PASS_1:
        data = Path(path).read_bytes()
        measures = [
            measure_cell([data[slice(*measure_span(plan, cell))]], plan=plan, cell=cell)
            for cell in range(plan.cells)
        ]
        _PASS_1[path] = first_line_numbers(measures), first_row_line(measures)
    return _PASS_1[path]


def _files(folder: Path, count: int, bad: float) -> dict[float, str]:
    """A file for each share of the rows that somebody is given."""
    files = {}
    for share in {1.0, *(peer.share for peer in PEERS)}:
        path = folder / f"{bad}-{share}.txt"
        with path.open("wb") as file:
            file.writelines(islice(rows(count, bad), int(count * share)))
        files[share] = str(path)
    ours_scan(files[1.0])
    return files


def _cpu(scan: Callable[[str], tuple[int, int]], path: str) -> float:
    start = time.process_time()
    valid, rejected = scan(path)
    seconds = time.process_time() - start
    if not valid or valid + rejected <= 0:
        raise RuntimeError(f"{scan.__name__} found no row in {path}")
    return seconds
