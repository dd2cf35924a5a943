"""Export members as the very CSV that `import_members` reads.

Importing it where it was exported changes nothing. Importing it elsewhere makes the same members
with the same opening balances: points they were credited later are the ledger's, and stay there.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from itertools import batched
from typing import TextIO

from pointflow.domain.member import Member, MemberStatus
from pointflow.ports.members import MemberList
from pointflow.services.import_members import LAYOUT

_BATCH = 100


@dataclass(slots=True)
class ExportReport:
    """How much was written. `opened` counts the members with an opening balance."""

    members: int = 0
    opened: int = 0


def export_members(
    client_id: str | None,
    file: TextIO,
    *,
    members: MemberList,
    progress: Callable[[int], None] = lambda _done: None,
) -> ExportReport:
    """Write every member that was not forgotten, a hundred at a time, in constant memory.

    Parameters
    ----------
    client_id : str or None
        Whose members; None for those of all clients.
    file : text file
        UTF-8, opened with `newline=""`. Values stand as they are, formulas too: what a spreadsheet
        would have to be kept from could not be imported again.
    members : MemberList
    progress : callable
        Told now and then how many members are written.

    Raises
    ------
    ContentionError
        The tables were throttled for too long.
    """
    writer = csv.writer(file, lineterminator="\n")
    columns = (*LAYOUT.required, *LAYOUT.optional)
    writer.writerow(columns)
    report = ExportReport()
    known = members.members(client_id)
    # Of a forgotten one there is nothing to import.
    wanted = (member for member in known if member.status is not MemberStatus.FORGOTTEN)
    for batch in batched(wanted, _BATCH, strict=False):
        opened = members.opening_balances(batch)
        for member in batch:
            points = opened.get((member.client_id, member.user_id), 0)
            fields = _fields(member, points)
            writer.writerow([fields[column] for column in columns])
        report.members += len(batch)
        report.opened += len(opened)
        progress(report.members)
    return report


def _fields(member: Member, opening_balance: int) -> dict[str, str | int]:
    return {
        "client_id": member.client_id,
        "user_id": member.user_id,
        "email": member.email or "",
        "username": member.username or "",
        "third_party_id": member.third_party_id or "",
        "status": member.status.value,
        "opening_balance": opening_balance,
    }
