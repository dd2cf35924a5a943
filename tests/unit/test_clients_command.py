"""`pointflow clients`: settings are added, shown and changed one at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pointflow.domain.client import Client, DuplicateContent, Matching
from pointflow_cli.commands import clients
from pointflow_cli.commands.clients import app
from pointflow_cli.programme import Programme
from pointflow_cli.stack import Stack
from pointflow_local.processes import ProcessId
from pointflow_local.state import LocalStack
from tests.fakes.audit import auditor
from tests.fakes.history import FakeHistory
from tests.unit.programme_desk import Desk, answer, desk, failure, run

LOCAL = LocalStack(
    endpoint_url="http://127.0.0.1:4567",
    region="us-east-1",
    access_key="test",
    secret_key="test",
    process=ProcessId(1, "now", "token"),
)


@pytest.fixture(name="behind")
def _behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with desk(monkeypatch) as behind:
        yield behind


def test_a_client_is_added_with_its_settings(behind: Desk) -> None:
    options = ("--name", "Globex Club", "--matching", "strict", "--duplicate-content", "credit")
    expected = {
        "client_id": "globex",
        "name": "Globex Club",
        "matching": "strict",
        "duplicate_content": "credit",
        "expects": None,
        "sftp_keys": None,
    }
    assert answer(app, "add", "globex", *options) == expected
    assert (
        Client("globex", "Globex Club", Matching.STRICT, DuplicateContent.CREDIT) in behind.catalog
    )


def test_adding_again_changes_nothing_and_never_overwrites(behind: Desk) -> None:
    answer(app, "add", "acme", "--matching", "strict")
    answer(app, "add", "acme", "--matching", "strict")
    assert "clients set acme" in failure(app, "add", "acme")
    assert Client("acme", matching=Matching.STRICT) in behind.catalog


def test_a_client_of_the_local_stack_gets_its_sftp_user_at_once(
    behind: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    users_of: list[list[str]] = []
    monkeypatch.setattr(
        "pointflow_local.sftp_users.provide_users",
        lambda _: users_of.append([client.client_id for client in behind.catalog.clients()]),
    )
    monkeypatch.setattr(clients, "running", lambda: LOCAL)
    monkeypatch.setattr(clients, "open_sftp", lambda _: None)
    answer(app, "add", "acme")  # on another stack
    assert users_of == []

    local = Programme(
        Stack("local", "us-east-1", {}),
        behind.catalog,
        behind.members,
        behind.members,
        FakeHistory(behind.entries),
        auditor(behind.audit),
    )
    monkeypatch.setattr(clients, "open_programme", lambda _: local)
    answer(app, "add", "globex")
    assert users_of == [["acme", "globex"]]
    answer(app, "add", "globex")  # one that could not be made is made now
    assert users_of == [["acme", "globex"]] * 2


def test_clients_are_listed_in_an_array(behind: Desk) -> None:
    assert answer(app, "list") == []
    behind.catalog.put_client(Client("globex"))
    behind.catalog.put_client(Client("acme"))
    assert [client["client_id"] for client in answer(app, "list")] == ["acme", "globex"]
    assert "globex" in run(app, "list").stdout


def test_a_client_is_shown_by_name_or_as_the_one_chosen(behind: Desk) -> None:
    behind.catalog.put_client(Client("acme", "Acme Rewards"))
    assert answer(app, "show", "acme")["name"] == "Acme Rewards"
    assert answer(app, "show", "--client", "acme")["name"] == "Acme Rewards"
    assert "Acme Rewards" in run(app, "show", "acme").stdout
    assert "no client 'nobody'" in failure(app, "show", "nobody")


def test_a_setting_is_changed_and_the_others_stay(behind: Desk) -> None:
    behind.catalog.put_client(Client("acme", "Acme", duplicate_content=DuplicateContent.CREDIT))
    assert answer(app, "set", "acme", "--matching", "strict")["name"] == "Acme"
    answer(app, "set", "acme", "--name", "")
    assert Client("acme", "", Matching.STRICT, DuplicateContent.CREDIT) in behind.catalog


def test_when_a_file_is_due_is_set_and_let_go(behind: Desk) -> None:
    due = "06:30 mon,tue,wed,thu,fri"
    assert answer(app, "add", "acme", "--expects", "06:30 mon-fri")["expects"] == due
    assert answer(app, "set", "acme", "--matching", "strict")["expects"] == due
    assert "06:30" in run(app, "show", "acme").stdout
    assert answer(app, "set", "acme", "--expects", "none")["expects"] is None
    assert Client("acme", matching=Matching.STRICT) in behind.catalog


@pytest.mark.usefixtures("behind")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "a/b"), "'a/b' is no client id"),
        (("add", "x" * 33), "is no client id"),
        (("add", "acme", "--name", "a\x1bb"), "is no name"),
        (("add", "acme", "--name", "n" * 101), "is no name"),
        (("set", "acme"), "nothing to change"),
        (("add", "acme", "--expects", "at dawn"), "such as 06:30"),
        (("set", "acme", "--matching", "strict"), "there is no client 'acme'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(arguments: tuple[str, ...], said: str) -> None:
    assert said in failure(app, *arguments)


@pytest.mark.usefixtures("behind")
def test_a_setting_that_does_not_exist_is_a_usage_error() -> None:
    assert run(app, "add", "acme", "--matching", "vague").exit_code == 2
