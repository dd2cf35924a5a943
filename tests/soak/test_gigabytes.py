"""A file of many gigabytes that nobody stores: every row of it once, on its own line.

`SOAK_GIGABYTES` says how many; 8 when it is not set.
"""

from __future__ import annotations

import os

import pytest

from benchmarks.stubs import SyntheticFile
from tests.soak.range_file import reconcile, run_file

GIGABYTES = float(os.environ.get("SOAK_GIGABYTES", "8"))
CELL_BYTES = 64 << 20


@pytest.mark.timeout(3600)
def test_every_row_of_a_file_of_many_gigabytes_is_sent_once_and_counted() -> None:
    page = len(SyntheticFile(1, blank_share=0.01).page)
    file = SyntheticFile(pages=int(GIGABYTES * 1e9 / page), blank_share=0.01)

    run = run_file(file, CELL_BYTES)

    assert len(run.cells) == -(-file.size // CELL_BYTES)
    reconcile(file, run)
