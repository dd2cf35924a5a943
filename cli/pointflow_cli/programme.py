"""What the commands around clients, members and activities share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pointflow.domain.errors import ImportRowError
from pointflow.ports.catalog import CatalogAdmin
from pointflow.ports.erasure import Tombstones
from pointflow.ports.history import CreditHistory
from pointflow.ports.members import MemberAdmin, MemberList
from pointflow.services.import_source import ImportReport
from pointflow.services.import_source import Progress as Told
from pointflow_cli.audit_desk import Auditor, open_auditor
from pointflow_cli.output import console, fail, notes
from pointflow_cli.stack import Stack, default_client, open_stack

ERRORS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Programme:
    """The catalog and the members of one stack."""

    stack: Stack
    catalog: CatalogAdmin
    members: MemberAdmin
    member_list: MemberList
    history: CreditHistory
    auditor: Auditor


def open_programme(stack_name: str | None) -> Programme:
    """Find the stack, and wire what the commands need."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog  # noqa: PLC0415
    from pointflow.adapters.dynamodb_history import DynamoDBHistory  # noqa: PLC0415
    from pointflow.adapters.dynamodb_member_list import DynamoDBMemberList  # noqa: PLC0415
    from pointflow.adapters.dynamodb_members import DynamoDBMembers  # noqa: PLC0415

    stack = open_stack(stack_name)
    dynamodb = stack.client("dynamodb")
    ledger = stack.ledger_table if stack.has_ledger else ""
    return Programme(
        stack,
        DynamoDBCatalog(dynamodb, stack.catalog_table),
        DynamoDBMembers(dynamodb, stack.members_table, ledger),
        DynamoDBMemberList(dynamodb, stack.members_table, ledger),
        DynamoDBHistory(dynamodb, ledger) if ledger else _NoHistory(stack),
        open_auditor(stack),
    )


@dataclass(frozen=True, slots=True)
class _NoHistory:
    """Fulfils `CreditHistory` for a stack that credits no points."""

    stack: Stack

    def credits(self, *_: object) -> NoReturn:
        fail(f"stack {self.stack.name} credits no points", "leave --history out")


def open_tombstones(stack: Stack, *, ask_once: bool = False) -> Tombstones:
    """Who was forgotten on a stack; its key is read only where somebody was."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_tombstones import DynamoDBTombstones  # noqa: PLC0415
    from pointflow.adapters.secret_key import SecretKey  # noqa: PLC0415

    key = SecretKey(lambda: stack.client("secretsmanager"), stack.output("ForgottenKeyArn"))
    return DynamoDBTombstones(
        stack.client("dynamodb"), stack.tombstones_table, key, ask_once=ask_once
    )


def client_for(programme: Programme, client: str | None) -> Callable[[], str]:
    """Find out once, and only when it matters, which client is meant."""
    return cache(lambda: default_client(programme.stack, client))


def check_importable(path: Path) -> None:
    """End the command when the path is no file that can be read more than once."""
    if path.is_dir():
        fail(f"{path} is a folder", "name the CSV file in it")
    with path.open("rb"):
        pass
    if not path.is_file():
        fail(f"{path} can be read only once", "write it to a file first")


def run_import[Report: ImportReport](path: Path, work: Callable[[Told], Report]) -> Report:
    """Run an import with its progress on stderr; a file that is unusable ends the command."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as view:
        task = view.add_task(f"checking {path.name}", total=None)

        def told(done: int, lines: int) -> None:
            view.update(task, description=path.name, completed=done, total=lines)

        try:
            return work(told)
        except ImportRowError as error:
            fail(f"{path.name}, line {error.line}: {error}", "nothing was imported")


def report_document(path: Path, report: ImportReport) -> dict[str, Any]:
    """A report as `--json` shows it."""
    return {
        "file": path.name,
        "lines": report.lines,
        "imported": report.imported,
        "unchanged": report.unchanged,
        "refused": report.refused,
        "errors": [
            {"line": error.line, "field": error.field, "message": str(error)}
            for error in report.errors
        ],
        "errors_truncated": len(report.errors) < report.refused,
    }


def show_report(path: Path, report: ImportReport) -> None:
    """A report for people: counts on stdout, refused lines on stderr."""
    console.print(
        f"{path.name}: {report.imported:,} imported, {report.unchanged:,} unchanged,"
        f" {report.refused:,} refused",
        soft_wrap=True,
    )
    for error in report.errors[:ERRORS_SHOWN]:
        notes.print(f"line {error.line:,}: {error}", soft_wrap=True)
    more = report.refused - ERRORS_SHOWN
    if more > 0:
        notes.print(f"and {more:,} more; --json lists up to 1,000", soft_wrap=True)


def end_import(report: ImportReport) -> None:
    """Exit code 1 when lines were refused."""
    if report.refused:
        raise typer.Exit(1)
