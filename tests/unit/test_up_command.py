"""`pointflow up`: whose credentials it tells, and when."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from pointflow_cli.commands import up as command
from pointflow_local.processes import ProcessId
from pointflow_local.samples import load_samples
from pointflow_local.stack import BroughtUp
from pointflow_local.state import LocalStack

KNOWN = {"username": "acme", "password": "pw", "api_key": "acme.key"}
STACK = LocalStack(
    endpoint_url="http://127.0.0.1:4567",
    region="us-east-1",
    access_key="test",
    secret_key="test",
    process=ProcessId(1, "now", "token"),
    outputs={"ApiUrl": "http://127.0.0.1:4567/api", "BucketName": "b"},
)

Up = Callable[..., str]


@pytest.fixture(name="up")
def _up(monkeypatch: pytest.MonkeyPatch) -> Up:
    """The command, on a stack that is up already and has credentials."""

    def bring_up(*, prepare: Any, **_: Any) -> BroughtUp:
        assert prepare in {None, load_samples}
        return BroughtUp(replace(STACK, credentials=KNOWN), started=False)

    monkeypatch.setattr(command, "bring_up", bring_up)
    monkeypatch.setattr(command, "with_sample_credentials", lambda stack: stack)
    app = typer.Typer()
    app.command()(command.up)

    def run(*options: str) -> str:
        result = CliRunner().invoke(app, options)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_up_tells_the_sample_clients_credentials_also_when_it_was_up(up: Up) -> None:
    told = json.loads(up("--json"))
    assert told["credentials"] == KNOWN
    assert told["api_url"] == "http://127.0.0.1:4567/api"


def test_an_empty_stack_has_no_sample_client_and_so_no_credentials(up: Up) -> None:
    assert json.loads(up("--empty", "--json"))["credentials"] is None


def test_secrets_are_printed_only_when_they_are_asked_for(up: Up) -> None:
    told = up()
    assert "API: http://127.0.0.1:4567/api" in told
    assert "pointflow up --json" in told
    assert KNOWN["password"] not in told
    assert KNOWN["api_key"] not in told
