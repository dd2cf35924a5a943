"""`pointflow members` and `pointflow member`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointflow.domain.client import Client
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Member
from pointflow.services import import_members
from pointflow_cli.commands.members import member_app, members_app
from tests.unit.programme_desk import Desk, answer, desk, failure, run

HEADER = "client_id,user_id,email,username,third_party_id,status,opening_balance\n"


@pytest.fixture(name="behind")
def _behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk(monkeypatch) as behind:
        behind.catalog.put_client(Client("acme"))
        yield behind


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


def test_members_are_imported_and_counted(behind: Desk, path: Path) -> None:
    path.write_text(HEADER + "acme,1,a@example.com,,,,500\nacme,2,,,,,\n")
    assert answer(members_app, "import", path) == {
        "file": "members.csv",
        "lines": 2,
        "imported": 2,
        "unchanged": 0,
        "refused": 0,
        "errors": [],
        "errors_truncated": False,
        "opened": 1,
        "forgotten": 0,
        "forgotten_lines": [],
        "shared_third_party_ids": [],
    }
    assert behind.members.balance_of("acme", 1) == 500
    assert answer(members_app, "import", path)["unchanged"] == 2


@pytest.mark.usefixtures("behind")
def test_refused_lines_are_listed_with_exit_code_1(path: Path) -> None:
    path.write_text(HEADER + "acme,1,,,,,\nacme,x,,,,,\n")
    report = answer(members_app, "import", path, code=1)
    assert report["imported"] == 1
    assert [(error["line"], error["field"]) for error in report["errors"]] == [(3, "user_id")]
    told = run(members_app, "import", path)
    assert told.exit_code == 1
    assert "0 imported, 1 unchanged, 1 refused" in told.stdout
    assert "line 3: user_id is 'x'" in told.stderr


@pytest.mark.usefixtures("behind")
def test_people_see_the_first_errors_and_how_many_more_there_are(path: Path) -> None:
    path.write_text(HEADER + "acme,x,,,,,\n" * 25)
    told = run(members_app, "import", path)
    assert told.stderr.count("user_id is 'x'") == 20
    assert "and 5 more" in told.stderr


@pytest.mark.usefixtures("behind")
def test_opening_balances_and_busy_third_party_ids_are_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_members, "MANY_SHARERS", 1)
    path.write_text(HEADER + "acme,1,,,secret,,5\nacme,2,,,secret,,\n")
    told = run(members_app, "import", path)
    assert "1 opening balances credited" in told.stdout
    assert "2 members of acme share the third party id of member 1" in " ".join(told.stderr.split())
    assert "secret" not in told.output
    path.write_text(HEADER + "acme,1,,,other,,\nacme,2,,,other,,\n")
    assert answer(members_app, "import", path)["shared_third_party_ids"] == [
        {"client_id": "acme", "user_id": 1, "members": 2}
    ]


def test_lines_without_a_client_belong_to_the_one_named(behind: Desk, path: Path) -> None:
    path.write_text("user_id,email,username,third_party_id\n1,,ann,\n")
    assert answer(members_app, "import", path, "--client", "acme")["imported"] == 1
    assert Member("acme", 1, username="ann") in behind.members
    assert "which client?" in failure(members_app, "import", path)


@pytest.mark.usefixtures("behind")
def test_a_file_that_cannot_be_used_imports_nothing(path: Path, tmp_path: Path) -> None:
    path.write_text("client_id,user_id,mail,username,third_party_id\n")
    said = failure(members_app, "import", path)
    assert "members.csv, line 1: unknown column 'mail'; did you mean email?" in said
    assert "is a folder" in failure(members_app, "import", tmp_path)
    missing = run(members_app, "import", tmp_path / "missing.csv")
    assert isinstance(missing.exception, FileNotFoundError)


@pytest.mark.usefixtures("behind")
def test_a_pipe_is_refused_since_it_can_be_read_only_once() -> None:
    assert "read only once" in failure(members_app, "import", os.devnull)


def test_a_member_is_shown_with_points_status_and_identifiers(behind: Desk) -> None:
    behind.members.save_profile(Member("acme", 7, "ann@example.com", "ann", "T-1"), at=1)
    behind.members.add_points("acme", 7, 1_500)
    assert answer(member_app, "show", "007", "--client", "acme") == {
        "client_id": "acme",
        "user_id": 7,
        "email": "ann@example.com",
        "username": "ann",
        "third_party_id": "T-1",
        "status": "active",
        "balance": 1_500,
        "lifetime": 1_500,
    }
    shown = run(member_app, "show", 7, "--client", "acme").stdout
    assert "1,500 points" in shown
    assert "ann@example.com" in shown


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize(
    ("user_id", "said"),
    [("8", "acme has no member 8"), ("x7", "'x7'"), ("1" * 19, "no CT user id")],
)
def test_a_member_that_is_not_there_is_told_in_one_line(user_id: str, said: str) -> None:
    assert said in failure(member_app, "show", user_id, "--client", "acme")


# --- Export -------------------------------------------------------------------------------------


def test_an_export_is_a_file_for_its_owner_that_imports_without_a_change(
    behind: Desk, path: Path, tmp_path: Path
) -> None:
    path.write_text(HEADER + "acme,1,a@example.com,=x,,,500\nacme,2,,,,inactive,\n")
    answer(members_app, "import", path)
    out = tmp_path / "out.csv"

    assert answer(members_app, "export", out) == {"file": "out.csv", "members": 2, "opened": 1}

    assert out.read_text() == (
        HEADER + "acme,1,a@example.com,=x,,active,500\nacme,2,,,,inactive,0\n"
    )
    assert out.stat().st_mode & 0o077 == 0
    assert answer(members_app, "import", out)["unchanged"] == 2
    assert len(behind.members) == 2


def test_an_export_to_standard_output_is_the_file_and_nothing_else(behind: Desk) -> None:
    behind.members.save_profile(Member("acme", 1, username="\u7530\u4e2d"), 1)
    behind.members.save_profile(Member("globex", 1), 1)
    result = run(members_app, "export", "-", "--client", "acme")
    assert result.stdout == HEADER + "acme,1,,\u7530\u4e2d,,active,0\n"
    assert "1 member exported, 0 opening balances among them" in result.stderr


def test_an_export_of_a_client_that_there_is_not_is_no_empty_file(
    behind: Desk, tmp_path: Path
) -> None:
    assert "there is no client 'acne'" in failure(
        members_app, "export", tmp_path / "out.csv", "--client", "acne"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_breaks_off_leaves_no_file(
    behind: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behind.members, "members", lambda _client: 1 // 0)

    result = run(members_app, "export", tmp_path / "out.csv")

    assert isinstance(result.exception, ZeroDivisionError)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("behind")
def test_a_document_and_a_file_do_not_share_standard_output() -> None:
    assert "cannot both go to stdout" in failure(members_app, "export", "-", "--json")


# --- History ------------------------------------------------------------------------------------


def entry(line: int, activity_at: int | None) -> Entry:
    return Entry(
        f"acme/activities_acme_20260101000000.txt/{line}",
        "c1",
        Decision.CREDITED,
        recorded_at=1_767_225_600,
        user_id=1,
        activity_id=70,
        activity_at=activity_at,
        points=1_000 * line,
    )


def test_a_members_history_is_shown_page_by_page(behind: Desk) -> None:
    behind.members.save_profile(Member("acme", 1), 1)
    behind.entries.extend([entry(1, 1_700_000_000), entry(2, 1_600_000_000)])

    show = ("show", "1", "--client", "acme", "--history", "--limit", "1")
    first = answer(member_app, *show)
    second = answer(member_app, *show, "--cursor", first["next_cursor"])

    assert [item["line"] for item in first["history"] + second["history"]] == [1, 2]
    assert second["next_cursor"] is None
    shown = run(member_app, *show)
    assert "2023-11-14T22:13:20Z" in shown.stdout
    assert "+1,000" in shown.stdout
    assert f"--cursor {first['next_cursor']}" in shown.stderr.replace("\n", "")


def test_a_history_without_credits_and_a_wrong_cursor_are_told(behind: Desk) -> None:
    behind.members.save_profile(Member("acme", 1), 1)
    show = ("show", "1", "--client", "acme", "--history")
    assert "no credits" in run(member_app, *show).stdout
    assert "leave out --cursor" in failure(member_app, *show, "--cursor", "x")
