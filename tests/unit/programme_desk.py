"""The commands around clients, members and activities, on fakes instead of a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pointflow.domain.ledger import Entry
from pointflow_cli.commands import activities, clients, members
from pointflow_cli.errors import CommandError, fail, one_line
from pointflow_cli.programme import Programme
from pointflow_cli.stack import Stack
from tests.fakes.audit import FakeAuditLog, auditor
from tests.fakes.catalog import FakeCatalog
from tests.fakes.erasure import FakeTombstones
from tests.fakes.history import FakeHistory
from tests.fakes.member_directory import FakeMembers


@dataclass(frozen=True, slots=True)
class Desk:
    """What stands behind the commands."""

    catalog: FakeCatalog
    members: FakeMembers
    audit: FakeAuditLog
    entries: list[Entry]
    tombstones: FakeTombstones


@contextmanager
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Commands that work on an empty catalog without members."""
    behind = Desk(FakeCatalog(), FakeMembers(), FakeAuditLog(), [], FakeTombstones())

    def open_programme(_name: str | None) -> Programme:
        return Programme(
            Stack("test", "eu-west-1", {"LedgerTableName": "ledger"}),
            behind.catalog,
            behind.members,
            behind.members,
            FakeHistory(behind.entries),
            auditor(behind.audit),
        )

    def open_tombstones(_stack: Stack, *, ask_once: bool) -> FakeTombstones:
        assert ask_once
        return behind.tombstones

    monkeypatch.setattr(members, "open_tombstones", open_tombstones)

    def default_client(_stack: Stack, client: str | None = None) -> str:
        return client or fail("which client?", "add --client ID")

    def known_client(_stack: Stack, client: str) -> str:
        if behind.catalog.client(client) is None:
            fail(f"there is no client {client!r}", "see: pointflow clients list")
        return client

    for module in (activities, clients, members):
        monkeypatch.setattr(module, "open_programme", open_programme)
    for name in ("clients", "members", "programme"):
        where = (
            "pointflow_cli.programme" if name == "programme" else f"pointflow_cli.commands.{name}"
        )
        monkeypatch.setattr(f"{where}.default_client", default_client)
    monkeypatch.setattr(members, "known_client", known_client)
    yield behind


def run(app: typer.Typer, *arguments: object) -> Result:
    """Run a command of a group."""
    return CliRunner().invoke(app, list(map(str, arguments)))


def answer(app: typer.Typer, *arguments: object, code: int = 0) -> Any:
    """The one JSON document that a command answers."""
    result = run(app, *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def failure(app: typer.Typer, *arguments: object) -> str:
    """The one line with which a command that cannot go on ends: exit code 2."""
    result = run(app, *arguments)
    assert result.stdout == ""
    assert isinstance(result.exception, CommandError), result.exception
    assert result.exception.code == 2
    assert result.exception.next_step
    return one_line(result.exception)
