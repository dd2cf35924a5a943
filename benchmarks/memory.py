"""Peak memory of the parser over a stream of many gigabytes, which is made as it is read.

A process of its own: it is given one page of rows, and repeats it.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator

from pointflow.domain.batch_row import RULINGS, RejectedRow
from pointflow.domain.packing import PackedRows, scan_cell, scan_span
from pointflow.domain.submission import Plan

BLOCK_BYTES = 1 << 20
CELL_BYTES = 16 << 20


def main() -> None:
    """Scan as many bytes as asked for of the page on stdin; print peak memory in KiB."""
    size, received_at = map(int, sys.argv[1:])
    page = sys.stdin.buffer.read()
    size -= size % len(page)
    plan = Plan(size, received_at, CELL_BYTES, 500, 100_000, RULINGS)
    valid = rejected = 0
    for cell in range(plan.cells):
        start, end = scan_span(plan, cell)
        for found in scan_cell(
            _blocks(page, start, end),
            plan=plan,
            cell=cell,
            first_line=_first_line(page, plan.span(cell)[0]),
            first_row_line=1,
        ):
            if isinstance(found, PackedRows):
                valid += found.row_count
            elif isinstance(found, RejectedRow):
                rejected += 1
    if valid + rejected != size // len(page) * page.count(b"\n"):
        raise RuntimeError(f"{valid} + {rejected} rows in {size} bytes")
    sys.stdout.write(f"{peak_kib()}\n")


def peak_kib() -> int:
    """Peak memory of this process, in KiB."""
    # From procfs if there is one: `ru_maxrss` begins with what the parent had.
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _first_line(page: bytes, offset: int) -> int:
    pages, within = divmod(offset, len(page))
    return 1 + pages * page.count(b"\n") + page.count(b"\n", 0, within)


def _blocks(page: bytes, start: int, end: int) -> Iterator[bytes]:
    """Bytes [start, end) of the page repeated for ever."""
    pages = page * (1 + BLOCK_BYTES // len(page) + 1)
    while start < end:
        within = start % len(page)
        size = min(BLOCK_BYTES, end - start)
        yield pages[within : within + size]
        start += size


if __name__ == "__main__":
    main()
