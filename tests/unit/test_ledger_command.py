"""`pointflow ledger verify`: what it prints, and how it exits."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pointflow.adapters.dynamodb_books import DynamoDBBooks
from pointflow.domain.activity import Activity
from pointflow.domain.member import Member
from pointflow.services import confirm_drifts
from pointflow_cli.commands import ledger
from tests.fakes.programme import CLIENT, IN_MEMORY, Programme, name_of


@pytest.fixture
def programme(monkeypatch: pytest.MonkeyPatch) -> Programme:
    programme = Programme()
    programme.fill([Member(CLIENT, 1, email="a@x", balance=1_000)], [Activity(CLIENT, 7, 50)])
    programme.upload(["a@x||||7", "nobody@x||||7"])
    programme.run()
    tables = (IN_MEMORY[name] for name in ("MembersTable", "LedgerTable", "BatchesTable"))
    books = DynamoDBBooks(programme.dynamodb, *tables)
    monkeypatch.setattr(ledger, "open_books", lambda _stack: (books, programme.store))
    monkeypatch.setattr(confirm_drifts, "WAITS", (0.0, 0.0))
    return programme


def run(*arguments: str) -> Any:
    app = typer.Typer()
    app.add_typer(ledger.app, name="ledger")
    return CliRunner().invoke(app, ["ledger", "verify", *arguments])


def spoil(programme: Programme) -> None:
    tables = programme.dynamodb.tables
    tables["MembersTable"][f"{CLIENT}#M#1"]["balance"] = {"N": "2000"}
    (upload,) = (item for (_, sk), item in tables["BatchesTable"].items() if sk == "UPLOAD#v1")
    upload["points"] = {"N": "51"}


def test_a_clean_ledger_is_told_with_what_was_compared(programme: Programme) -> None:
    result = run()

    assert result.exit_code == 0
    assert result.stdout == "1 member and 1 batch compared: everything adds up\n"
    document = json.loads(run("--json").stdout)
    assert document == {
        "clean": True,
        "members": 1,
        "batches": 1,
        "drifts": 0,
        "moving": 0,
        "drift": [],
        "drift_truncated": False,
    }


def test_what_drifts_is_listed_and_the_exit_code_says_so(programme: Programme) -> None:
    spoil(programme)

    result = run()

    assert result.exit_code == 1
    assert sorted(result.stdout.splitlines()) == [
        "1 member and 1 batch compared: 2 figures do not add up",
        f"batch acme/{name_of()}: points 51, found 50",
        "member 1 of acme: balance 2,000, found 1,050",
    ]


def test_json_names_members_and_batches_by_fields(programme: Programme) -> None:
    spoil(programme)

    result = run("--json")

    assert result.exit_code == 1
    drift = sorted(json.loads(result.stdout)["drift"], key=lambda each: each["counter"])
    assert drift == [
        {
            "client_id": "acme",
            "member": 1,
            "counter": "balance",
            "recorded": 2_000,
            "found": 1_050,
        },
        {
            "client_id": "acme",
            "batch": name_of(),
            "version": "v1",
            "place": "",
            "counter": "points",
            "recorded": 51,
            "found": 50,
        },
    ]


def test_who_never_stands_still_is_told(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(programme)
    monkeypatch.setattr(confirm_drifts, "WAITS", (0.0,))  # one look is not enough to judge

    result = run()

    assert result.exit_code == 0
    assert "2 of them never stood still" in " ".join(result.stderr.split())


def test_what_cannot_be_read_is_no_verdict(programme: Programme) -> None:
    tables = programme.dynamodb.tables
    tables["MembersTable"][f"{CLIENT}#M#1"]["balance"] = {"N": "many"}

    result = run()

    assert isinstance(result.exception, ValueError)
    assert result.stdout == ""
