"""`pointflow members` and `pointflow member`: the accounts that points go to."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.table import Table

from pointflow.domain.audit import Action
from pointflow.domain.ledger import Entry
from pointflow.domain.member import Member
from pointflow.services.export_members import ExportReport, export_members
from pointflow.services.import_members import MembersReport, import_members
from pointflow.services.read_credits import MAX_CREDITS_PAGE, credit_item, read_credits
from pointflow.services.read_expirations import Page
from pointflow_cli.audit_desk import ReasonOption, checked_reason
from pointflow_cli.commands.forget import forget, user_id_of
from pointflow_cli.output import console, counted, fail, note, print_json
from pointflow_cli.programme import (
    check_importable,
    client_for,
    end_import,
    open_programme,
    open_tombstones,
    report_document,
    run_import,
    show_report,
)
from pointflow_cli.stack import ClientOption, JsonOption, StackOption, default_client, known_client

LINES_NAMED = 10

members_app = typer.Typer(no_args_is_help=True, help="Import and export members.")
member_app = typer.Typer(no_args_is_help=True, help="See one member.")


@member_app.callback()
def _group() -> None:
    """Keep `show` a command of its own while it is the only one."""


@members_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="The file to import.")],
    *,
    readmit: Annotated[
        bool, typer.Option("--readmit", help="Let members in again that were forgotten.")
    ] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Import members from a CSV file in UTF-8; importing it again changes nothing.

    The header row names the columns, in any order: client_id, user_id, email, username,
    third_party_id, status (`active` or `inactive`), opening_balance. A line describes its member
    wholly: an empty email takes the email away, an empty status is `active`. Points are only
    touched by the opening balance, which counts once. Members may take each other's email or
    username. Without a client_id, `--client` counts.

    Lines of members that were forgotten (`member forget`) are skipped and counted, unless
    `--readmit` lets them in again; their points are as they were.

    Exit code 0: all imported. 1: some lines refused. 2: the file cannot be used.

    Examples
    --------
        pointflow members import members.csv

        pointflow members import members.csv --json
    """
    check_importable(file)
    checked_reason(reason)
    programme = open_programme(stack)
    tombstones = open_tombstones(programme.stack, ask_once=True)

    def let_in(member: Member) -> None:
        programme.auditor.record(
            Action.MEMBER_READMIT,
            str(member.user_id),
            client_id=member.client_id,
            reason=reason,
        )

    report = run_import(
        file,
        lambda told: import_members(
            file,
            members=programme.members,
            catalog=programme.catalog,
            at=int(time.time()),
            tombstones=tombstones,
            readmit=let_in if readmit else None,
            default_client=client_for(programme, client),
            progress=told,
        ),
    )
    if as_json:
        print_json(_document_of_report(file, report))
    else:
        show_report(file, report)
        _show_details(report)
        if not programme.stack.has_ledger:
            note("this stack credits no points: opening balances were left out")
    end_import(report)


@members_app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="The file to write; - for stdout.")],
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Export members as the very CSV that `members import` reads.

    Importing it where it was exported changes nothing. Elsewhere it makes the same members with
    the same opening balances; points they were credited later stay with the ledger. Without
    `--client`, members of all clients are exported. Values stand as they are: a spreadsheet may
    take some of them for formulas.

    Examples
    --------
        pointflow members export members.csv

        pointflow members export - --client acme | gzip > members.csv.gz
    """
    to_stdout = str(file) == "-"
    if to_stdout and as_json:
        fail("--json and a CSV cannot both go to stdout", "name a file")
    programme = open_programme(stack)
    if client is not None:
        client = known_client(programme.stack, client)

    def export(out: TextIO) -> ExportReport:
        return export_members(client, out, members=programme.member_list)

    if to_stdout:
        if isinstance(sys.stdout, TextIOWrapper):
            # UTF-8 whatever the terminal's encoding is: a member's name may be in any script.
            sys.stdout.reconfigure(encoding="utf-8", newline="")
        report = export(sys.stdout)
    else:
        report = _write_whole(file, export)
    if as_json:
        document = {"file": file.name, "members": report.members, "opened": report.opened}
        print_json(document)
    else:
        note(
            f"{counted(report.members, 'member')} exported,"
            f" {counted(report.opened, 'opening balance')} among them"
        )


@member_app.command()
def show(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The CT user id.")],
    *,
    history: Annotated[
        bool, typer.Option("--history", help="What changed the balance, newest activity first.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=MAX_CREDITS_PAGE, help="Entries of the history.")
    ] = 100,
    cursor: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on where the page before ended.")
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Show a member: balance and lifetime points, status and identifiers, and its history.

    Examples
    --------
        pointflow member show 1001

        pointflow member show 1001 --history

        pointflow member show 1001 --client acme --json
    """
    wanted = user_id_of(user_id)
    programme = open_programme(stack)
    client_id = default_client(programme.stack, client)
    member = programme.members.member(client_id, wanted)
    if member is None:
        fail(f"client {client_id} has no member {wanted}", "check --client and --stack")
    page = None
    if history:
        try:
            page = read_credits(
                client_id, member.user_id, cursor=cursor, limit=limit, history=programme.history
            )
        except ValueError as error:
            fail(str(error), "leave out --cursor to begin at the newest")
    if as_json:
        print_json(_document(member) | (_history_document(page) if page else {}))
        return
    _show(member)
    if page:
        _show_history(page)


def _write_whole(path: Path, write: Callable[[TextIO], ExportReport]) -> ExportReport:
    """Write a file that is there only when it is complete; others than its owner cannot read it."""
    part = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as out:
            report = write(out)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return report


member_app.command()(forget)


def _document_of_report(path: Path, report: MembersReport) -> dict[str, Any]:
    return {
        **report_document(path, report),
        "opened": report.opened,
        "forgotten": report.forgotten,
        "forgotten_lines": report.forgotten_lines,
        "shared_third_party_ids": [
            {"client_id": each.client_id, "user_id": each.user_id, "members": each.members}
            for each in report.shared
        ],
    }


def _show_details(report: MembersReport) -> None:
    if report.opened:
        console.print(f"{report.opened:,} opening balances credited")
    if report.forgotten:
        some = ", ".join(map(str, report.forgotten_lines[:LINES_NAMED]))
        more = "" if report.forgotten <= LINES_NAMED else " ..."
        note(
            f"FORGOTTEN: {report.forgotten:,} lines skipped (line {some}{more}); to let these"
            " members in again: --readmit"
        )
    for each in report.shared:
        note(
            f"{each.members:,} members of {each.client_id} share the third party id of member"
            f" {each.user_id}; rows with no other identifier all credit that one"
        )


def _document(member: Member) -> dict[str, Any]:
    return {
        "client_id": member.client_id,
        "user_id": member.user_id,
        "email": member.email,
        "username": member.username,
        "third_party_id": member.third_party_id,
        "status": member.status.value,
        "balance": member.balance,
        "lifetime": member.lifetime,
    }


def _show(member: Member) -> None:
    table = Table(show_header=False)
    table.add_row("client", member.client_id)
    table.add_row("CT user id", str(member.user_id))
    table.add_row("status", member.status)
    table.add_row("balance", f"{member.balance:,} points")
    table.add_row("lifetime", f"{member.lifetime:,} points")
    table.add_row("email", member.email or "-")
    table.add_row("username", member.username or "-")
    table.add_row("third party id", member.third_party_id or "-")
    console.print(table)


def _history_document(page: Page[Entry]) -> dict[str, Any]:
    return {
        "history": [credit_item(entry) for entry in page.items],
        "next_cursor": page.next_cursor,
    }


def _show_history(page: Page[Entry]) -> None:
    for item in map(credit_item, page.items):
        origin = "opening balance" if item["batch"] is None else f"{item['batch']}:{item['line']}"
        known = item["kind"] in {"credit", "opening_balance"}
        activity = "-" if item["activity_id"] is None else f"activity {item['activity_id']}"
        console.print(
            f"{_second(item['activity_date'])}  {item['points']:>+14,}  {activity}"
            f"  {origin if known else item['kind'] + ' ' + origin}"
            f"  recorded {_second(item['recorded_at'])}",
            soft_wrap=True,
        )
    if not page.items:
        console.print("no credits")
    if page.next_cursor:
        note(f"there is more: add --cursor {page.next_cursor}")


def _second(time_text: str | None) -> str:
    return "-" if time_text is None else f"{time_text[:19]}Z"
