"""`pointflow validate`: what the stack would say about a file, without a stack."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pointflow.config import Config
from pointflow.domain.batch_row import RULINGS, RejectedRow
from pointflow.domain.errors import TransientError
from pointflow.domain.errors_csv import HEADER, error_csv_line
from pointflow.domain.submission import Plan
from pointflow.domain.text import shown
from pointflow.services.validate_file import ValidationReport, Verdict
from pointflow.services.validate_file import validate as validate_file
from pointflow_cli.output import console, counted, fail, notes, print_json

BLOCK_BYTES = 1024 * 1024
PROGRESS_FROM_BYTES = 8 * 1024 * 1024
JSON_ERRORS = 1_000
TABLE_ERRORS = 20
LATEST_EPOCH = 99_999_999_999
"""Eleven digits; more of them are milliseconds."""

EXIT_CODES = {Verdict.VALID: 0, Verdict.REJECTS: 1, Verdict.REFUSED: 2}


def validate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The batch file to check.")],
    *,
    received_at: Annotated[
        int | None,
        typer.Option(
            "--received-at",
            metavar="EPOCH",
            min=0,
            max=LATEST_EPOCH,
            help="Receipt time in UNIX seconds that activity dates are checked against; by default"
            " now.",
        ),
    ] = None,
    max_errors: Annotated[
        int | None,
        typer.Option(
            "--max-errors",
            metavar="N",
            min=0,
            help=f"How many rejected rows to show; by default {JSON_ERRORS:,} under `--json`,"
            f" {TABLE_ERRORS} otherwise.",
        ),
    ] = None,
    errors_to: Annotated[
        Path | None,
        typer.Option(
            "--errors-to",
            metavar="FILE",
            help="Write every rejected row's reason to this CSV file.",
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="ID",
            help="Client whose folder the file is meant for; without it that is not checked."
            " Also POINTFLOW_CLIENT.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print exactly one JSON document on stdout.")
    ] = False,
) -> None:
    """Check a batch file with the very parser that the stack runs; nothing is sent anywhere.

    Exit code 0: every row is valid. 1: some rows would be rejected. 2: the file would be refused,
    or cannot be read.

    For example:

    `pointflow validate activities_acme_20240101000000.txt`

    `pointflow validate activities_acme_20240101000000.txt --client acme --errors-to errors.csv`
    """
    with ExitStack() as stack:
        source = stack.enter_context(_open(file))
        errors = stack.enter_context(_errors_file(errors_to, file)) if errors_to else None
        on_progress = stack.enter_context(_progress(source.size))
        if max_errors is None:
            max_errors = JSON_ERRORS if as_json else TABLE_ERRORS
        try:
            report = validate_file(
                source.read,
                name=file.name,
                plan=_plan(source.size, int(time.time()) if received_at is None else received_at),
                client_id=client or _client_before_the_command(context),
                max_errors=max_errors,
                on_reject=errors.add if errors else lambda _: None,
                on_progress=on_progress,
            )
        except TransientError:
            fail(f"{_named(file)} became shorter while it was read", "try again once it is whole")
    if as_json:
        print_json(_document(report))
    else:
        _print_report(report, errors_to)
    raise typer.Exit(EXIT_CODES[report.status])


@dataclass(frozen=True, slots=True)
class _Source:
    """An open file and its size in bytes."""

    path: Path
    file: BinaryIO
    size: int

    def read(self, start: int, end: int) -> Iterator[bytes]:
        end = min(end, self.size)
        while start < end:
            with _telling("read", self.path):
                self.file.seek(start)
                block = self.file.read(min(BLOCK_BYTES, end - start))
            if not block:
                return
            yield block
            start += len(block)


@contextmanager
def _open(path: Path) -> Iterator[_Source]:
    with _telling("read", path):
        # Looked at before it is opened: opening a pipe would wait for its writer.
        if not stat.S_ISREG(path.stat().st_mode):
            fail(f"{_named(path)} is not a regular file", "give the path of one batch file")
        file = path.open("rb")
    with file:
        yield _Source(path, file, os.fstat(file.fileno()).st_size)


@dataclass(frozen=True, slots=True)
class _ErrorsFile:
    """Where every rejected row's reason goes, as CSV."""

    path: Path
    file: BinaryIO

    def add(self, reject: RejectedRow) -> None:
        with _telling("write", self.path):
            self.file.write(error_csv_line(reject))


@contextmanager
def _errors_file(path: Path, source: Path) -> Iterator[_ErrorsFile]:
    with _telling("write", path):
        if path.exists() and path.samefile(source):
            fail(f"--errors-to is the batch file itself: {_named(path)}", "name another file")
        file = path.open("wb")
    errors = _ErrorsFile(path, file)
    try:
        with _telling("write", path):
            file.write(HEADER)
        yield errors
    finally:
        with _telling("write", path):
            file.close()


@contextmanager
def _telling(verb: str, path: Path) -> Iterator[None]:
    """Put an error of the file system into one line."""
    try:
        yield
    except OSError as error:
        fail(
            f"cannot {verb} {_named(path)}: {error.strerror}", "check the path and its permissions"
        )


@contextmanager
def _progress(size: int) -> Iterator[Callable[[int], None]]:
    if size < PROGRESS_FROM_BYTES or not notes.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn("validating"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=size)
        yield lambda done: progress.update(task, completed=done)


def _plan(size: int, received_at: int) -> Plan:
    limits = Config.from_env({})
    return Plan(
        size=size,
        received_at=received_at,
        cell_bytes=limits.cell_bytes,
        chunk_rows=limits.chunk_rows,
        chunk_bytes=limits.chunk_bytes,
        rulings=RULINGS,
    )


def _client_before_the_command(context: typer.Context) -> str | None:
    named = context.parent.params.get("client") if context.parent else None
    return named or os.environ.get("POINTFLOW_CLIENT") or None


def _document(report: ValidationReport) -> dict[str, Any]:
    refusal = report.refusal
    return {
        "file": report.file,
        "status": report.status.value,
        "rows": report.rows,
        "accepted": report.accepted,
        "rejected": report.rejected,
        "blank": report.blank,
        "warnings": dict(sorted(report.warnings.items())),
        "counts": dict(sorted(report.counts.items())),
        "errors": [
            {
                "line": reject.line,
                "code": reject.code.value,
                "field": reject.field,
                "message": reject.message,
            }
            for reject in report.errors
        ],
        "errors_truncated": report.errors_truncated,
        "refusal": refusal and {"code": refusal.code.value, "message": refusal.message},
    }


_WARNINGS = {
    "NULL_LITERAL": "fields read null and were taken as empty",
    "DUPLICATE_ROW": "rows repeat an earlier one nearby; each of them is credited",
}


def _print_report(report: ValidationReport, errors_to: Path | None) -> None:
    console.print(f"{shown(report.file, 120)[1:-1]}: {report.status.value}", soft_wrap=True)
    if report.refusal:
        console.print(f"{report.refusal.code.value}: {report.refusal.message}", soft_wrap=True)
        return
    console.print(
        f"{counted(report.rows, 'row')}: {report.accepted:,} accepted, {report.rejected:,} rejected"
        f" ({counted(report.blank, 'blank line')} skipped)"
    )
    for code, count in sorted(report.warnings.items()):
        console.print(f"warning {code}: {count:,} {_WARNINGS[code]}", soft_wrap=True)
    for code, count in sorted(report.counts.items()):
        console.print(f"rejected {code}: {count:,}")
    if report.errors:
        console.print(_table(report))
    if report.errors_truncated:
        where = (
            f"all of them are in {_named(errors_to)}"
            if errors_to
            else "--errors-to FILE writes them all"
        )
        console.print(
            f"{len(report.errors):,} of {report.rejected:,} rejected rows shown; {where}",
            soft_wrap=True,
        )


def _table(report: ValidationReport) -> Table:
    table = Table("line", "code", "field", "message")
    table.columns[0].justify = "right"
    for column in table.columns[:3]:
        column.no_wrap = True
    for reject in report.errors:
        table.add_row(str(reject.line), reject.code.value, reject.field or "", reject.message)
    return table


def _named(path: Path) -> str:
    return shown(str(path), 200)
