"""`pointflow members` and `pointflow member`: the accounts that points go to."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pointflow.domain.batch_row import MAX_ID_DIGITS
from pointflow.domain.member import Member
from pointflow.domain.text import shown
from pointflow.services.import_members import MembersReport, import_members
from pointflow_cli.output import console, fail, note, print_json
from pointflow_cli.programme import (
    check_importable,
    client_for,
    end_import,
    open_programme,
    report_document,
    run_import,
    show_report,
)
from pointflow_cli.stack import ClientOption, JsonOption, StackOption, default_client

members_app = typer.Typer(no_args_is_help=True, help="Import members.")
member_app = typer.Typer(no_args_is_help=True, help="See one member.")


@members_app.callback()
@member_app.callback()
def _group() -> None:
    """Keep the command of each group a command of its own while it is the only one."""


@members_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="The file to import.")],
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

    Exit code 0: all imported. 1: some lines refused. 2: the file cannot be used.

    Examples
    --------
        pointflow members import members.csv

        pointflow members import members.csv --json
    """
    check_importable(file)
    programme = open_programme(stack)
    report = run_import(
        file,
        lambda told: import_members(
            file,
            members=programme.members,
            catalog=programme.catalog,
            at=int(time.time()),
            default_client=client_for(programme, client),
            progress=told,
        ),
    )
    if as_json:
        print_json(_document_of_report(file, report))
    else:
        show_report(file, report)
        _show_details(report)
    end_import(report)


@member_app.command()
def show(
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The CT user id.")],
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Show a member: balance and lifetime points, status and identifiers.

    Examples
    --------
        pointflow member show 1001

        pointflow member show 1001 --client acme --json
    """
    if not re.fullmatch(f"[0-9]{{1,{MAX_ID_DIGITS}}}", user_id):
        fail(f"{shown(user_id)} is no CT user id", f"use at most {MAX_ID_DIGITS} digits")
    programme = open_programme(stack)
    client_id = default_client(programme.stack, client)
    member = programme.members.member(client_id, int(user_id))
    if member is None:
        fail(f"client {client_id} has no member {int(user_id)}", "check --client and --stack")
    if as_json:
        print_json(_document(member))
    else:
        _show(member)


def _document_of_report(path: Path, report: MembersReport) -> dict[str, Any]:
    return {
        **report_document(path, report),
        "opened": report.opened,
        "shared_third_party_ids": [
            {"client_id": each.client_id, "user_id": each.user_id, "members": each.members}
            for each in report.shared
        ],
    }


def _show_details(report: MembersReport) -> None:
    if report.opened:
        console.print(f"{report.opened:,} opening balances credited")
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
