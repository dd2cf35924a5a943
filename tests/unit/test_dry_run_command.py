"""`pointflow submit --dry-run` and `batch list --dry-run`."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Status, SubmissionRef
from pointflow.services.report_submission import report_submission
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME, NOW, ref_of, reject, reporting

OTHER = "activities_acme_20251231000000.txt"
DRY = SubmissionRef("acme", NAME, "up1", dry_run=True)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(b"a@b.example||||7\n")
    return path


def rehearsed(desk: Desk, *, rejects: int = 0, twin: bool = False, content: str = "c1") -> None:
    """The stack takes the next upload up as a dry run, up to its report."""
    stage = desk.stage
    if twin:
        stage.completed(ref_of("v0", name=OTHER), content=content)

    def received(ref: SubmissionRef) -> None:
        stage.planned(ref, content=content)
        rows = [reject(line) for line in range(1, rejects + 1)]
        stage.closed(ref, 0, chunks=1, rows=rejects + 2, rejects=rows)
        stage.credited(ref, 0, (rejects + 1, rejects + 2), credited=2, points=150)
        stage.settled(ref)
        report_submission(ReportRequest(ref, 1), ports=reporting(stage))

    desk.uploader.received = received


def test_it_is_sent_to_the_folder_of_dry_runs(desk: Desk, file: Path) -> None:
    ran = desk.run("submit", file, "--dry-run")

    assert ran.code == 0
    assert list(desk.uploader.uploaded) == [DRY]
    assert "was sent for a dry run; look again: pointflow batch list --dry-run" in ran.notes


def test_its_report_is_waited_for_and_printed(desk: Desk, file: Path) -> None:
    rehearsed(desk, rejects=12)

    ran = desk.run("submit", file, "--dry-run", "--wait")

    assert ran.code == 1
    assert ran.out.startswith(f"{NAME} would be COMPLETED_WITH_REJECTS\n")
    assert "14 rows: 2 credited with 150 points, 12 rejected" in ran.out
    assert "line 10: COLUMN_COUNT" in ran.out
    assert "line 11" not in ran.out
    assert "and 2 more rejected rows" in ran.out


def test_json_prints_the_very_report(desk: Desk, file: Path) -> None:
    rehearsed(desk)

    ran = desk.run("submit", file, "--dry-run", "--wait", "--json")

    assert (ran.code, ran.document["would_be"], ran.document["points"]) == (0, "COMPLETED", 150)
    assert (ran.document["dry_run"], ran.document["submission"]) == (True, "up1")


def test_a_file_that_would_be_held_ends_as_the_file_would(desk: Desk, file: Path) -> None:
    rehearsed(desk, twin=True)

    ran = desk.run("submit", file, "--dry-run", "--wait")

    assert ran.code == 2
    assert f"{NAME} would be HELD" in ran.out
    assert f"the same content was sent as acme/{OTHER}; if it were released:" in ran.out


def test_what_is_refused_at_sight_is_not_sent(desk: Desk, tmp_path: Path) -> None:
    bad = tmp_path / "activities_acme_tomorrow.txt"
    bad.write_bytes(b"x")

    ran = desk.run("submit", bad, "--dry-run", "--json")

    assert (ran.code, ran.document["would_be"]) == (2, "REFUSED")
    assert ran.document["refusal"]["code"] == "FILE_NAME_INVALID"
    assert desk.uploader.uploaded == {}
    assert "not sent: FILE_NAME_INVALID" in desk.run("submit", bad, "--dry-run").notes


def test_a_dry_run_that_is_not_done_in_time_goes_on(desk: Desk, file: Path) -> None:
    ran = desk.run("submit", file, "--dry-run", "--wait", "--timeout", "0")

    assert ran.code == 3
    assert "is not finished; look again: pointflow batch list --dry-run" in ran.notes


def test_dry_runs_are_listed_apart_with_what_the_file_would_have_become(
    desk: Desk, file: Path
) -> None:
    rehearsed(desk, twin=True)
    desk.run("submit", file, "--dry-run", "--wait")

    dry = desk.run("batch", "list", "--dry-run", "--json").document
    assert [(each["file"], each["dry_run"], each["would_be"]) for each in dry] == [
        (NAME, True, "HELD")
    ]
    assert "HELD" in desk.run("batch", "list", "--dry-run").out
    batches = desk.run("batch", "list", "--json").document
    assert [each["file"] for each in batches] == [OTHER]
    assert desk.run("batch", "show", NAME).code == 2
    assert desk.stage.on_record(DRY).status is Status.COMPLETED
    assert desk.stage.on_record(DRY).plan.received_at == NOW


def test_without_any_the_list_says_how_to_make_one(desk: Desk) -> None:
    assert (
        "has no dry run; send one: pointflow submit --dry-run"
        in desk.run("batch", "list", "--dry-run").notes
    )
