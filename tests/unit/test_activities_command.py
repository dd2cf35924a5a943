"""`pointflow activities`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client
from pointflow_cli.commands.activities import app
from tests.unit.programme_desk import Desk, answer, desk, failure, run

HEADER = "client_id,activity_id,name,default_points,starts_at,ends_at\n"


@pytest.fixture(name="behind")
def _behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk(monkeypatch) as behind:
        behind.catalog.put_client(Client("acme"))
        yield behind


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "activities.csv"


def test_activities_are_imported_and_counted(behind: Desk, path: Path) -> None:
    path.write_text(HEADER + "acme,7,Visit,50,,\n,8,Call,5,,\n")
    assert answer(app, "import", path, "--client", "acme") == {
        "file": "activities.csv",
        "lines": 2,
        "imported": 2,
        "unchanged": 0,
        "refused": 0,
        "errors": [],
        "errors_truncated": False,
    }
    assert Activity("acme", 8, 5, "Call") in behind.catalog


@pytest.mark.usefixtures("behind")
def test_refused_lines_are_told_with_exit_code_1(path: Path) -> None:
    path.write_text(HEADER + "acme,7,Visit,50,,\nacme,8,Call,five,,\n")
    told = run(app, "import", path)
    assert told.exit_code == 1
    assert "1 imported, 0 unchanged, 1 refused" in told.stdout
    assert "line 3: default_points is 'five'" in told.stderr


@pytest.mark.usefixtures("behind")
def test_a_file_that_cannot_be_used_imports_nothing(path: Path) -> None:
    path.write_text("")
    assert "line 1: the header row is missing" in failure(app, "import", path)
