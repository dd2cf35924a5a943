"""The short form of the soak test: tens of megabytes that nobody stores, in many small cells."""

from __future__ import annotations

from benchmarks.stubs import SyntheticFile
from tests.soak.range_file import reconcile, run_file


def test_every_row_of_a_file_of_many_cells_is_sent_once_and_counted() -> None:
    file = SyntheticFile(pages=16, bad_share=0.05, blank_share=0.01)

    run = run_file(file, cell_bytes=150_001)

    assert len(run.cells) > 70
    reconcile(file, run)
