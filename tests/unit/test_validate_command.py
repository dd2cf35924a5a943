import csv
import io
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from pointflow_cli.commands import validate as command
from pointflow_cli.commands.validate import validate
from pointflow_cli.errors import CommandError, one_line

NAME = "activities_acme_20240101000000.txt"
SAMPLES = sorted((Path(__file__).parents[2] / "samples" / "source").glob("*.txt"))
GOOD = "ann@example.com|||ann|7"


@pytest.fixture(autouse=True)
def _no_client_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTFLOW_CLIENT", raising=False)


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return tmp_path / NAME


def run(*arguments: object) -> Result:
    app = typer.Typer()

    @app.callback()
    def _options(client: str | None = None) -> None:
        """Stands for the options before the command."""

    app.command()(validate)
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def document(result: Result) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def error_of(result: Result) -> str:
    assert isinstance(result.exception, CommandError), result.exception
    assert result.exception.code == 2
    line = one_line(result.exception)
    assert "\n" not in line
    assert result.exception.next_step
    return line


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_the_source_documents_examples_are_valid(sample: Path) -> None:
    result = run(sample, "--client", "acme", "--json")
    assert result.exit_code == 0
    assert document(result)["status"] == "VALID"
    assert document(result)["accepted"] == len(sample.read_bytes().splitlines())


def test_there_is_a_sample_for_each_example_of_the_source_document() -> None:
    assert len(SAMPLES) == 5


def test_json_prints_one_object_of_the_documented_shape(batch: Path) -> None:
    batch.write_text(f"{GOOD}\n\nnull|8|||9\n{GOOD}|x\n")
    result = run(batch, "--json")
    assert result.exit_code == 1
    assert result.stderr == ""
    assert document(result) == {
        "file": NAME,
        "status": "REJECTS",
        "rows": 3,
        "accepted": 2,
        "rejected": 1,
        "blank": 1,
        "warnings": {"NULL_LITERAL": 1},
        "counts": {"POINTS_INVALID": 1},
        "errors": [
            {
                "line": 4,
                "code": "POINTS_INVALID",
                "field": "POINTS",
                "message": "POINTS is 'x'; it must be a whole number from 0 to 1000000000 in digits"
                " 0-9 and nothing else, or empty for the activity's default",
            }
        ],
        "errors_truncated": False,
        "refusal": None,
    }


def test_json_of_a_refused_file_tells_why_and_exits_2(tmp_path: Path) -> None:
    batch = tmp_path / "points.csv"
    batch.write_text(GOOD)
    result = run(batch, "--json")
    assert result.exit_code == 2
    parsed = document(result)
    assert (parsed["status"], parsed["rows"], parsed["errors"]) == ("REFUSED", 0, [])
    assert parsed["refusal"]["code"] == "FILE_NAME_INVALID"
    assert "'points.csv'" in parsed["refusal"]["message"]


def test_people_get_a_summary_and_a_table(batch: Path) -> None:
    batch.write_text(f"{GOOD}\n[red]bad[/red]\n{GOOD}\n")
    result = run(batch)
    assert result.exit_code == 1
    words = re.sub(r"\s+", " ", result.stdout)
    assert f"{NAME}: REJECTS" in words
    assert "3 rows: 2 accepted, 1 rejected (0 blank lines skipped)" in words
    assert "warning DUPLICATE_ROW: 1 rows repeat" in words
    assert "rejected COLUMN_COUNT: 1" in words


def test_people_see_the_first_errors_and_where_the_rest_is(batch: Path, tmp_path: Path) -> None:
    batch.write_text("bad\n" * 25)
    assert "20 of 25 rejected rows shown; --errors-to FILE writes them all" in run(batch).stdout
    written = run(batch, "--max-errors", 3, "--errors-to", tmp_path / "e.csv").stdout
    assert "3 of 25 rejected rows shown; all of them are in" in written


def test_people_are_told_why_a_file_is_refused(batch: Path) -> None:
    batch.write_bytes(b"\x1f\x8b")
    result = run(batch)
    assert result.exit_code == 2
    assert "FILE_NOT_TEXT: the file is gzip-compressed; unpack it" in result.stdout


def test_max_errors_bounds_the_errors_not_the_counts(batch: Path) -> None:
    batch.write_text("bad\n" * 5)
    parsed = document(run(batch, "--json", "--max-errors", 2))
    assert [error["line"] for error in parsed["errors"]] == [1, 2]
    assert (parsed["counts"], parsed["errors_truncated"]) == ({"COLUMN_COUNT": 5}, True)
    assert document(run(batch, "--json", "--max-errors", 0))["errors"] == []


def test_json_holds_a_thousand_errors_by_default(batch: Path) -> None:
    batch.write_text("bad\n" * 1_001)
    parsed = document(run(batch, "--json"))
    assert (len(parsed["errors"]), parsed["errors_truncated"]) == (1_000, True)


def test_received_at_is_what_activity_dates_are_checked_against(batch: Path) -> None:
    batch.write_text("|8|||9||1551456336\n")
    assert run(batch, "--received-at", 1551456336 - 300).exit_code == 0
    assert run(batch, "--received-at", 1551456336 - 301).exit_code == 1


def test_without_received_at_the_file_is_received_now(batch: Path) -> None:
    batch.write_text("|8|||9||1551456336\n|8|||9||9999999999\n")
    assert [error["line"] for error in document(run(batch, "--json"))["errors"]] == [2]


@pytest.mark.parametrize("value", ["-1", "1551456336000", "x", "1.5"])
def test_a_received_at_that_is_no_unix_time_is_refused(batch: Path, value: str) -> None:
    batch.write_text(GOOD)
    assert run(batch, "--received-at", value).exit_code == 2


def test_the_client_is_compared_only_when_it_is_named(batch: Path) -> None:
    batch.write_text(GOOD)
    assert run(batch).exit_code == 0
    assert run(batch, "--client", "acme").exit_code == 0
    parsed = document(run(batch, "--client", "other", "--json"))
    assert parsed["refusal"]["code"] == "CLIENT_MISMATCH"


def test_the_client_may_come_from_the_environment(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.write_text(GOOD)
    monkeypatch.setenv("POINTFLOW_CLIENT", "other")
    assert run(batch).exit_code == 2
    assert run(batch, "--client", "acme").exit_code == 0


def test_errors_to_writes_every_error_as_csv(batch: Path, tmp_path: Path) -> None:
    batch.write_text("bad\n" * 3 + '"é"|8|||9\n')
    path = tmp_path / "errors.csv"
    run(batch, "--errors-to", path, "--max-errors", 1)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["code"], row["field"]) for row in rows] == [
        ("1", "COLUMN_COUNT", ""),
        ("2", "COLUMN_COUNT", ""),
        ("3", "COLUMN_COUNT", ""),
        ("4", "FIELD_ENCLOSED", "EMAIL"),
    ]
    assert rows[3]["message"].startswith("EMAIL is '\"é\"'")


def test_errors_to_never_overwrites_the_batch_file(batch: Path) -> None:
    batch.write_text(GOOD)
    assert "is the batch file itself" in error_of(run(batch, "--errors-to", batch))
    link = batch.with_name("link.csv")
    link.symlink_to(batch)
    assert "is the batch file itself" in error_of(run(batch, "--errors-to", link))
    assert batch.read_text() == GOOD


def test_errors_to_a_place_that_cannot_be_written_is_one_line(batch: Path, tmp_path: Path) -> None:
    batch.write_text(GOOD)
    assert "cannot write" in error_of(run(batch, "--errors-to", tmp_path / "no" / "e.csv"))
    assert "cannot write" in error_of(run(batch, "--errors-to", tmp_path))


def test_a_full_disk_is_one_line(
    batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    batch.write_text("bad\n")
    really_open = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, mode: FullDisk() if mode == "wb" else really_open(path, mode)
    )
    message = error_of(run(batch, "--errors-to", tmp_path / "e.csv"))
    assert "cannot write" in message
    assert "No space left" in message


def test_a_missing_file_is_one_line(batch: Path) -> None:
    assert "No such file" in error_of(run(batch))


def test_what_is_no_regular_file_is_one_line(tmp_path: Path) -> None:
    assert "not a regular file" in error_of(run(tmp_path))
    pipe = tmp_path / NAME
    os.mkfifo(pipe)
    assert "not a regular file" in error_of(run(pipe))


def test_a_file_that_cannot_be_opened_is_one_line(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.write_text(GOOD)

    def denied(self: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in error_of(run(batch))


def test_a_hostile_file_name_is_shown_safely(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[31mred\nx.txt"
    path.write_text(GOOD)
    result = run(path)
    assert result.exit_code == 2
    assert "\x1b" not in result.stdout
    assert document(run(path, "--json"))["file"] == path.name


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt"))
    shutil.copy(SAMPLES[0], path)
    assert run(path).exit_code == 2
    assert document(run(path, "--json"))["refusal"]["code"] == "FILE_NAME_INVALID"


def test_a_big_file_shows_its_progress_on_a_terminal(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(command, "notes", Console(file=terminal, force_terminal=True, width=80))
    monkeypatch.setattr(command, "PROGRESS_FROM_BYTES", len(GOOD))
    batch.write_text(GOOD)
    result = run(batch, "--json")
    assert document(result)["status"] == "VALID"
    assert "validating" in terminal.getvalue()


def test_a_small_file_or_a_pipe_shows_no_progress(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.write_text(GOOD)
    assert run(batch).stderr == ""
    monkeypatch.setattr(command, "PROGRESS_FROM_BYTES", 0)
    assert run(batch).stderr == ""


def test_a_file_that_shrinks_meanwhile_is_one_line(
    batch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.write_text(f"{GOOD}\n" * 9)
    really_clock = time.time

    def cut_then_tell() -> float:
        os.truncate(batch, len(GOOD))
        return really_clock()

    monkeypatch.setattr(time, "time", cut_then_tell)
    assert "became shorter" in error_of(run(batch))
