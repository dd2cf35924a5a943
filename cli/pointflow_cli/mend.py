"""`pointflow batch rejects --mend`: the rejected rows as a file that can be mended and sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.file_name import parse_file_name, refuse_other_client
from pointflow.domain.mend import dated
from pointflow.domain.submission import Refusal
from pointflow_cli.batches import Batches
from pointflow_cli.output import counted, fail


@dataclass(slots=True)
class Mending:
    """How many rows were written, and which could not be, or not whole."""

    rows: int = 0
    too_long: int = 0
    headers: int = 0
    undated: int = 0

    def remarks(self) -> list[str]:
        """What a person should know of it, in lines."""
        remarks = [
            (self.headers, "header row", "left out: files are sent without one"),
            (self.too_long, "row", "left out, too long to be kept: to be taken from the sent file"),
            (
                self.undated,
                "row",
                "written as sent, for a wrong number of columns: to be dated while they are mended",
            ),
        ]
        return [f"{counted(count, what)} {told}" for count, what, told in remarks if count]


def check_mendable(out: Path, batches: Batches) -> None:
    """Fail unless the client can send a file of that name, and has not yet."""
    name = parse_file_name(out.name)
    refusal = name if isinstance(name, Refusal) else refuse_other_client(name, batches.client_id)
    if refusal:
        fail(f"{refusal.code}: {refusal.message}", "name the file as it will be sent")
    if batches.store.owner(batches.client_id, out.name):
        fail(f"the name {out.name} has been sent", "take a new one, such as one of today")
    if out.exists():
        fail(f"{out} is there already", "name a new file")


def write_mendable(rows: Iterable[RejectedRow], received_at: int, out: Path) -> Mending:
    """Write the rejected rows as sent, each with its date; no file where there are none."""
    mending = Mending()
    lines = (line for row in rows if (line := _line(row, received_at, mending)) is not None)
    first = next(lines, None)
    if first is None:
        return mending
    with out.open("xb") as file:
        file.write(first)
        mending.rows = 1
        for line in lines:
            file.write(line)
            mending.rows += 1
    return mending


def _line(row: RejectedRow, received_at: int, mending: Mending) -> bytes | None:
    if row.raw is None:
        mending.too_long += 1
        return None
    if row.code is RowCode.HEADER_ROW:
        mending.headers += 1
        return None
    line = dated(row.raw, received_at)
    if line is None:
        mending.undated += 1
        line = row.raw
    return line + b"\n"
