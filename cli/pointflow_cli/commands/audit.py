"""`pointflow audit`: who did what to the stack by hand, when and why."""

from __future__ import annotations

import time
from itertools import islice
from typing import Annotated, Any

import typer
from rich.table import Table

from pointflow.domain.audit import Action, AuditQuery, AuditRecord
from pointflow.domain.iso_time import parse_moment, utc_text
from pointflow.domain.text import shown
from pointflow_cli.audit_desk import open_auditor
from pointflow_cli.output import console, fail, note, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption, named_client, open_stack

GROUPS = sorted({action.value.partition(".")[0] for action in Action})


def audit(
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Not before: ISO-8601, or a span such as 90m, 24h, 7d."),
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(metavar="ACTION", help="Such as batch.release; or a group of them: batch."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="A part of what was acted on: file, id, queue."),
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="The newest so many.")] = 50,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """List what people did by hand, newest first: who, when, what, to what, and why.

    A record is written before its action; one without effect tells of an attempt that was refused
    or cut off. Of all clients, unless one is named.

    Examples
    --------
        pointflow audit --since 7d --action credential

        pointflow audit --subject activities_acme_20260131120000.txt --json
    """
    if action is not None and action not in {*Action, *GROUPS}:
        fail(f"{shown(action)} is no action", f"use one of {', '.join([*GROUPS, *Action])}")
    query = AuditQuery(_instant(since), action, named_client(client), subject)
    records = list(islice(open_auditor(open_stack(stack)).log.records(query), limit))
    if as_json:
        print_json([_document(record) for record in records])
    elif records:
        _show(records)
    else:
        note("nothing of that kind was done by hand")


def _instant(since: str | None) -> int:
    if since is None:
        return 0
    seconds = {"m": 60, "h": 3_600, "d": 86_400}.get(since[-1:])
    if seconds and since[:-1].isascii() and since[:-1].isdigit() and len(since) < 10:
        return max(0, int(time.time() - int(since[:-1]) * seconds) * 1000)
    try:
        return max(0, parse_moment(since).instant)
    except ValueError as error:
        fail(f"--since {shown(since)} {error}", "or give a span: 90m, 24h, 7d")


def _document(record: AuditRecord) -> dict[str, Any]:
    return {
        "at": utc_text(record.at),
        "id": record.record_id,
        "actor": record.actor,
        "action": record.action.value,
        "client_id": record.client_id,
        "subject": record.subject,
        "reason": record.reason,
        "details": dict(record.details),
    }


def _show(records: list[AuditRecord]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("TIME", "ACTION"):
        table.add_column(heading, no_wrap=True)
    for heading in ("CLIENT", "SUBJECT", "WHO", "WHY"):
        table.add_column(heading, overflow="fold")
    for record in records:
        told = [f"{name}: {value}" for name, value in record.details.items()]
        table.add_row(
            utc_text(record.at),
            record.action.value,
            record.client_id or "",
            record.subject,
            record.actor,
            "; ".join([*([record.reason] if record.reason else []), *told]),
        )
    if not console.is_terminal:
        # A pipe is read by tools that want whole lines.
        table.width = console.measure(table, options=console.options.update(width=1_000)).maximum
    console.print(table, crop=False)
