"""The points on the sample members' accounts."""

from __future__ import annotations

from rich.table import Table

from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow_cli.output import console
from pointflow_cli.stack import Stack
from pointflow_local.samples import sample_members

Balances = dict[tuple[str, int], int]
"""Points by client and CT user id."""


def balances(stack: Stack) -> Balances:
    """The balance of every sample member."""
    members = DynamoDBMembers(stack.client("dynamodb"), stack.members_table)
    found = ((key, members.member(*key)) for key in sample_members())
    return {key: member.balance for key, member in found if member}


def show_balances(before: Balances, after: Balances) -> None:
    """Print what each member had, gained and has."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CLIENT")
    for name in ("MEMBER", "BEFORE", "CREDITED", "AFTER"):
        table.add_column(name, justify="right")
    for (client_id, user_id), points in before.items():
        now = after[client_id, user_id]
        table.add_row(client_id, str(user_id), f"{points:,}", f"{now - points:+,}", f"{now:,}")
    console.print(table)
