"""`pointflow quarantine`: pushes that were refused, and what becomes of them after a fix."""

from __future__ import annotations

import base64
from collections import deque
from typing import Annotated, Any

import typer
from rich.table import Table

from pointflow.domain.audit import Action
from pointflow.domain.iso_time import utc_text
from pointflow.domain.problem import Fault, Problem
from pointflow.domain.text import shown
from pointflow.ports.pushes import Refused
from pointflow.services.accept_push import Receipt
from pointflow.services.replay_push import replay_push
from pointflow_cli import push_desk
from pointflow_cli.audit_desk import ReasonOption
from pointflow_cli.output import console, fail, note, notes, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption

app = typer.Typer(
    no_args_is_help=True,
    help="See pushes that were refused as unreadable or invalid; take them in after a fix.",
)

KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="As `list` shows it: DAY/RECEIVED-DIGEST.json.")
]


@app.command("list")
def list_refused(
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000, help="The newest so many.")
    ] = 20,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """List the client's refused pushes, oldest first. They are kept for 30 days.

    Example:

        pointflow quarantine list --client acme
    """
    desk = push_desk.open_push_desk(stack, client)
    keys = deque(desk.quarantine.keys(desk.client_id), maxlen=limit)
    found = [(_short(desk, key), desk.quarantine.read(key)) for key in keys]
    if as_json:
        print_json([_document(key, refused) for key, refused in found])
    elif found:
        _show_list(found)
    else:
        note(f"client {desk.client_id} has no push in quarantine")


@app.command()
def show(
    key: KeyArgument,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Show why a push was refused, and its body.

    Example:

        pointflow quarantine show 2026-01-31/1769860800000-0123456789abcdef.json
    """
    desk = push_desk.open_push_desk(stack, client)
    full = _full(desk, key)
    refused = desk.quarantine.read(full)
    body = refused.delivery.body
    if as_json:
        encoded = base64.b64encode(body).decode("ascii")
        print_json({**_document(_short(desk, full), refused), "body_base64": encoded})
        return
    problem = refused.problem
    console.print(f"received {utc_text(refused.delivery.received_at)}", soft_wrap=True)
    console.print(f"{problem.status} {problem.code}: {problem.detail}", soft_wrap=True)
    for fault in problem.faults:
        console.print(_told(fault), soft_wrap=True)
    console.print()
    for line in body.decode("utf-8", "backslashreplace").split("\n"):
        console.print(_printable(line), soft_wrap=True)


@app.command()
def replay(
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="As `list` shows it.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All of the client's.")] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Take refused pushes in after all, as received when they came; what is stored leaves.

    Exit code 0: all taken in. 1: some are still refused, and stay.

    Examples
    --------
        pointflow quarantine replay 2026-01-31/1769860800000-0123456789abcdef.json

        pointflow quarantine replay --all --client acme
    """
    if (key is None) != every:
        fail("name one push, or all of them", "add a KEY, or --all")
    desk = push_desk.open_push_desk(stack, client)
    keys = [_full(desk, key)] if key else list(desk.quarantine.keys(desk.client_id))
    if keys:
        desk.auditor.record(
            Action.QUARANTINE_REPLAY,
            _short(desk, keys[0]) if key else "all",
            client_id=desk.client_id,
            reason=reason,
            details={"pushes": str(len(keys))},
        )
    outcomes = []
    for each in keys:
        outcome = replay_push(each, quarantine=desk.quarantine, store=desk.expirations)
        outcomes.append((_short(desk, each), outcome))
        if not as_json:
            _show_outcome(*outcomes[-1])
    if as_json:
        print_json([_outcome_document(*outcome) for outcome in outcomes])
    elif not outcomes:
        note(f"client {desk.client_id} has no push in quarantine")
    if any(isinstance(outcome, Problem) for _, outcome in outcomes):
        raise typer.Exit(1)


def _prefix(desk: push_desk.PushDesk) -> str:
    return f"quarantine/{desk.client_id}/"


def _short(desk: push_desk.PushDesk, key: str) -> str:
    return key.removeprefix(_prefix(desk))


def _full(desk: push_desk.PushDesk, key: str) -> str:
    if key.startswith("quarantine/") and not key.startswith(_prefix(desk)):
        fail(f"{shown(key, 100)} is not of client {desk.client_id}", "add --client ID")
    return _prefix(desk) + _short(desk, key)


def _document(key: str, refused: Refused) -> dict[str, Any]:
    problem = refused.problem
    return {
        "key": key,
        "received_at": utc_text(refused.delivery.received_at),
        "bytes": len(refused.delivery.body),
        **_reason(problem),
    }


def _reason(problem: Problem) -> dict[str, Any]:
    told = problem.document()
    return {name: told[name] for name in ("code", "detail", "errors")}


def _outcome_document(key: str, outcome: Receipt | Problem) -> dict[str, Any]:
    if isinstance(outcome, Problem):
        return {"key": key, "status": "refused", **_reason(outcome)}
    return {"key": key, "status": outcome.value}


def _show_outcome(key: str, outcome: Receipt | Problem) -> None:
    if isinstance(outcome, Receipt):
        console.print(f"{key}: {outcome.value}", soft_wrap=True)
        return
    console.print(f"{key}: refused", soft_wrap=True)
    for fault in outcome.faults:
        notes.print(_told(fault), soft_wrap=True)
    if not outcome.faults:
        notes.print(outcome.detail, soft_wrap=True)


def _show_list(found: list[tuple[str, Refused]]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("KEY", "CODE", "WHY"):
        table.add_column(heading, overflow="fold")
    for key, refused in found:
        problem = refused.problem
        first = next((_told(fault) for fault in problem.faults), "")
        table.add_row(key, problem.code.value, first or problem.detail)
    if not console.is_terminal:
        # A pipe is read by tools that want whole lines.
        table.width = console.measure(table, options=console.options.update(width=1_000)).maximum
    console.print(table, crop=False)


def _told(fault: Fault) -> str:
    """A fault in one line; one of the whole body has no path."""
    return f"{fault.path}: {fault.message}" if fault.path else fault.message


def _printable(line: str) -> str:
    """What a stranger sent, without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line.rstrip("\r"))
