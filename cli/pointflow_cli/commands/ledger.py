"""`pointflow ledger`: proves that points and counters add up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from pointflow.domain.verification import Drift, Findings, Subject, first_round
from pointflow.services.verify_ledger import SEGMENTS, Slice, Verify
from pointflow_cli.output import console, counted, note, notes, print_json
from pointflow_cli.stack import JsonOption, StackOption, open_stack

if TYPE_CHECKING:
    from pointflow.ports.books import Books
    from pointflow.ports.submissions import SubmissionStore

DRIFT = 1

app = typer.Typer(no_args_is_help=True, help="Prove that points and counters add up.")


@app.callback()
def _group() -> None:
    """Keep the command of this group a command of its own while it is the only one."""


@app.command()
def verify(
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Prove that every balance equals its entries, and every batch's counters theirs.

    Reads only. It may run while files are credited: whatever seems wrong is read again until it
    stands still, for a quarter of a minute at most. Of all clients: each member's balance and
    lifetime points against the sum of the member's ledger entries; each batch's counters against
    its chunks' outcomes, and those against the entries of their lines.

    Exit code 0: everything adds up. 1: something does not; every figure is listed. 2: it could not
    be read.

    Examples
    --------
        pointflow ledger verify

        pointflow ledger verify --json
    """
    books, store = open_books(stack)
    columns = (TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal) as view:
        task = view.add_task("comparing")
        seen = Findings()

        def told(findings: Findings) -> None:
            nonlocal seen
            members, batches = seen.members + findings.members, seen.batches + findings.batches
            seen = Findings(members, batches)
            compared = f"{counted(members, 'member')}, {counted(batches, 'batch', 'batches')}"
            view.update(task, description=f"{compared} compared")

        found = Verify(books, store, told=told).run(first_round(SEGMENTS, _now()), _now())
    if found.errors:
        raise found.errors[0]
    if as_json:
        print_json(_document(found))
    else:
        _show(found)
    if found.drifts:
        raise typer.Exit(DRIFT)


def open_books(stack_name: str | None) -> tuple[Books, SubmissionStore]:
    """Find the stack, and wire what the command reads."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_books import DynamoDBBooks  # noqa: PLC0415
    from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions  # noqa: PLC0415

    stack = open_stack(stack_name)
    dynamodb = stack.client("dynamodb")
    books = DynamoDBBooks(dynamodb, stack.members_table, stack.ledger_table, stack.batches_table)
    return books, DynamoDBSubmissions(dynamodb, stack.batches_table)


def _now() -> int:
    return int(time.time())


def _document(found: Slice) -> dict[str, Any]:
    return {
        "clean": not found.round_.drifts,
        "members": found.round_.members,
        "batches": found.round_.batches,
        "drifts": found.round_.drifts,
        "moving": found.round_.moving,
        "drift": [_fields(drift) for drift in found.drifts],
        "drift_truncated": len(found.drifts) < found.round_.drifts,
    }


def _fields(drift: Drift) -> dict[str, Any]:
    if drift.subject is Subject.MEMBER:
        subject: dict[str, Any] = {"member": int(drift.name)}
    else:
        subject = {"batch": drift.name, "version": drift.version, "place": drift.place}
    return {
        "client_id": drift.client_id,
        **subject,
        "counter": drift.counter,
        "recorded": drift.recorded,
        "found": drift.found,
    }


def _show(found: Slice) -> None:
    for drift in found.drifts:
        console.print(_line(drift), soft_wrap=True)
    more = found.round_.drifts - len(found.drifts)
    if more > 0:
        console.print(f"and {more:,} more", soft_wrap=True)
    members = counted(found.round_.members, "member")
    compared = f"{members} and {counted(found.round_.batches, 'batch', 'batches')}"
    verdict = (
        f"{found.round_.drifts:,} figures do not add up"
        if found.round_.drifts
        else "everything adds up"
    )
    console.print(f"{compared} compared: {verdict}", soft_wrap=True)
    if found.round_.moving:
        note(
            f"{found.round_.moving:,} of them never stood still for long enough to be judged; run"
            " it again when they are not being credited"
        )


def _line(drift: Drift) -> str:
    difference = f"{drift.recorded:,}, found {drift.found:,}"
    if drift.subject is Subject.MEMBER:
        return f"member {drift.name} of {drift.client_id}: {drift.counter} {difference}"
    place = f", {drift.place}" if drift.place else ""
    return f"batch {drift.client_id}/{drift.name}{place}: {drift.counter} {difference}"
