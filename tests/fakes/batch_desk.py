"""The commands around batches, run against a `BatchStage` instead of a stack."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer.testing import CliRunner

from pointflow.domain.submission import SubmissionRef
from pointflow_cli import batches as desk
from pointflow_cli.commands import batch
from pointflow_cli.commands.submit import submit
from pointflow_cli.errors import CommandError, one_line
from pointflow_cli.upload import Uploader
from tests.fakes.audit import FakeAuditLog, auditor
from tests.fakes.batch_stage import BatchStage
from tests.fakes.undo_store import FakeUndoStore


class FakeUploader:
    """Remembers what was uploaded, as versions `up1`, `up2`, …; tells `received` of each."""

    def __init__(self) -> None:
        self.uploaded: dict[SubmissionRef, bytes] = {}
        self.received: Callable[[SubmissionRef], object] = lambda _: None

    def upload(
        self, path: Path, client_id: str, sent: Callable[[int], None], *, dry_run: bool = False
    ) -> SubmissionRef:
        ref = SubmissionRef(client_id, path.name, f"up{len(self.uploaded) + 1}", dry_run)
        self.uploaded[ref] = path.read_bytes()
        sent(path.stat().st_size)
        self.received(ref)
        return ref


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


class Desk:
    """A stage, an uploader, and the commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage = BatchStage()
        self.uploader = FakeUploader()
        self.audit = FakeAuditLog()
        batches = desk.Batches(
            client_id="acme",
            store=self.stage.store,
            objects=self.stage.objects,
            parts=self.stage.parts,
            chunks=self.stage.chunks,
            reports=self.stage.reports,
            undo=FakeUndoStore(self.stage.store),
            undos=self.stage.undos,
            uploader=cast("Uploader", self.uploader),
            auditor=auditor(self.audit),
        )
        monkeypatch.setattr(desk, "open_batches", lambda _stack, _client: batches)

    def run(self, *arguments: object, answer: str | None = None) -> Ran:
        app = typer.Typer()
        app.command()(submit)
        app.add_typer(batch.app, name="batch")
        result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=answer)
        error = result.exception
        if isinstance(error, CommandError):
            return Ran(error.code, result.stdout, result.stderr, one_line(error))
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Ran(result.exit_code, result.stdout, result.stderr, "")
