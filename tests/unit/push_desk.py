"""The commands around credentials, pushes and expirations, on fakes instead of a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pointflow.domain.errors import NotFoundError
from pointflow.domain.problem import Problem
from pointflow.domain.push_body import read_push
from pointflow.ports.pushes import Delivery, Refused
from pointflow.services.accept_push import accept_push
from pointflow.services.project_expirations import project_expirations
from pointflow_cli import push_desk
from pointflow_cli.commands import credentials, expirations, push, quarantine
from pointflow_cli.errors import CommandError, explain, one_line
from tests.fakes.audit import FakeAuditLog, auditor
from tests.fakes.credential_store import FakeCredentialStore
from tests.fakes.member_directory import FakeMembers
from tests.fakes.push_store import FakeExpirations
from tests.unit import pushes

QUARANTINE = "quarantine/acme/2022-05-25"


class KeyedQuarantine:
    """`QuarantineAdmin` whose keys are those of the bucket."""

    def __init__(self) -> None:
        self.kept: dict[str, Refused] = {}

    def keep(self, refused: Refused) -> None:
        client = refused.delivery.client_id
        number = len(self.kept)
        self.kept[f"quarantine/{client}/2022-05-25/{number}.json"] = refused

    def keys(self, client_id: str) -> Iterator[str]:
        yield from sorted(key for key in self.kept if key.startswith(f"quarantine/{client_id}/"))

    def read(self, key: str) -> Refused:
        if key not in self.kept:
            raise NotFoundError(f"there is no {key}")
        return self.kept[key]

    def remove(self, key: str) -> None:
        del self.kept[key]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind; `error` is its one line, empty where it had none."""

    code: int
    out: str
    notes: str
    error: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class World:
    """What stands behind the commands; client acme unless told."""

    credentials: FakeCredentialStore = field(default_factory=FakeCredentialStore)
    expirations: FakeExpirations = field(default_factory=FakeExpirations)
    members: FakeMembers = field(default_factory=FakeMembers)
    quarantine: KeyedQuarantine = field(default_factory=KeyedQuarantine)
    audit: FakeAuditLog = field(default_factory=FakeAuditLog)

    def receive(self, raw: bytes, received_at: int = pushes.NOW) -> None:
        """Take a push in, and project it."""
        accept_push(pushes.push(raw), received_at=received_at, store=self.expirations)
        for change in self.expirations.changes:
            project_expirations(change, at=received_at, index=self.expirations)
        self.expirations.changes.clear()

    def refuse(self, raw: bytes, received_at: int = pushes.NOW, client_id: str = "acme") -> None:
        """Put a push that is not valid into quarantine."""
        problem = read_push(raw, client_id=client_id, received_at=received_at)
        assert isinstance(problem, Problem)
        self.quarantine.keep(
            Refused(Delivery(client_id, raw, "application/json", None, received_at), problem)
        )

    def run(self, *arguments: object, stdin: bytes = b"") -> Ran:
        """Run a command line, without `pointflow`."""
        app = typer.Typer()
        for module in (credentials, push, expirations, quarantine):
            app.add_typer(module.app, name=module.__name__.rpartition(".")[2])
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
        error = result.exception
        if error is None or isinstance(error, SystemExit):
            return Ran(result.exit_code, result.stdout, result.stderr, "")
        explained = explain(error)
        if not isinstance(explained, CommandError):
            raise error
        return Ran(explained.code, result.stdout, result.stderr, one_line(explained))


def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty stack that the commands talk to."""
    made = World()

    def open_push_desk(_: str | None, client: str | None) -> push_desk.PushDesk:
        return push_desk.PushDesk(
            client or "acme",
            made.expirations,
            made.members,
            made.quarantine,
            auditor(made.audit),
        )

    def open_credentials(_: str | None, client: str | None) -> credentials.CredentialDesk:
        return credentials.CredentialDesk(client or "acme", made.credentials, auditor(made.audit))

    monkeypatch.setattr(push_desk, "open_push_desk", open_push_desk)
    monkeypatch.setattr(credentials, "open_credentials", open_credentials)
    return made
