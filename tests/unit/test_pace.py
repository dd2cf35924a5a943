"""How fast a batch goes."""

from dataclasses import replace

import pytest
from rich.console import Console

from pointflow.domain.submission import Submission, Tally
from pointflow_cli.follow import ProgressView
from pointflow_cli.pace import pace
from tests.fakes.batch_stage import BatchStage, ref_of


@pytest.fixture
def batch() -> Submission:
    return BatchStage().received(ref_of(), cells=4)


def test_nothing_is_told_before_a_row_is_decided(batch: Submission) -> None:
    assert pace(batch, Tally(rows=10), 5.0) is None
    assert pace(batch, Tally(rows=10, credited=1), 0.0) is None


def test_rows_still_to_be_parsed_are_reckoned_from_the_parsed_cells(batch: Submission) -> None:
    tally = Tally(rows=1_000, credited=400, rejected=100)

    assert str(pace(replace(batch, cells_closed=1), tally, 0.5)) == "1,000 rows/s  ETA 0:04"
    assert str(pace(replace(batch, cells_closed=2), tally, 5.0)) == "100 rows/s  ETA 0:15"
    assert str(pace(replace(batch, cells_closed=4), tally, 5_000.0)) == "0 rows/s  ETA 1:23:20"
    assert str(pace(batch, tally, 5.0)) == "100 rows/s"


def test_a_live_line_tells_the_pace_while_work_goes_on_and_no_longer() -> None:
    stage, ref, clock = BatchStage(), ref_of(), iter((0.0, 2.0, 4.0))
    stage.planned(ref)
    stage.closed(ref, 0, chunks=2, rows=30)
    stage.credited(ref, 0, (1, 10), credited=10)
    view = ProgressView(Console(quiet=True), monotonic=lambda: next(clock))
    view.uploading(ref.file_name, 1)
    view.waiting(ref)

    view.show(stage.on_record(ref), Tally(rows=30, credited=10))
    under_way = view.progress.tasks[0].fields["counts"]
    stage.credited(ref, 0, (11, 30), credited=20)
    stage.settled(ref)
    stage.store.reported(ref, 1)
    view.show(stage.on_record(ref), Tally(rows=30, credited=30))

    assert under_way == "CREDITING  parsed 30  credited 10  rejected 0  5 rows/s  ETA 0:04"
    assert view.progress.tasks[0].fields["counts"].endswith("rejected 0  8 rows/s")
