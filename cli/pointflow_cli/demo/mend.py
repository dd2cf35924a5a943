"""Rejected rows that are mended, sent again, and credited on the day they happened."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.domain.submission import Status, Submission, Tally
from pointflow.services.read_progress import rejected_rows
from pointflow_cli.batches import Batches, open_batches, show_table
from pointflow_cli.demo.checks import Checks, heading
from pointflow_cli.follow import follow
from pointflow_cli.mend import check_mendable, write_mendable
from pointflow_cli.output import console, fail
from pointflow_cli.stack import Stack
from pointflow_local.state import LOCAL_STACK

CLIENT = "acme"
MEMBER = 1009
SENT = "activities_acme_20260911120000.txt"
MENDED = "activities_acme_20260912120000.txt"
SLIP, MEANT = b"hana@exmaple.com", b"hana@example.com"
BODY = b"hana@example.com||||126456789|40\nhana@exmaple.com||||126456789|2\n"
PATIENCE = 60.0  # seconds for each file


class MendShow:
    """Sends a file with a slip of the pen in it, mends the rejected row, and sends that."""

    def __init__(self, stack: Stack, checks: Checks) -> None:
        self._members = DynamoDBMembers(stack.client("dynamodb"), stack.members_table)
        self._checks = checks

    def run(self) -> None:
        """Show the whole of it."""
        heading("A rejected row, mended and sent again: pointflow batch rejects --mend")
        batches = open_batches(LOCAL_STACK, CLIENT)
        before = self._balance()
        with TemporaryDirectory() as folder:
            path, mended = Path(folder) / SENT, Path(folder) / MENDED
            path.write_bytes(BODY)
            sent, tally = _send(batches, path)
            self._checks.expect("the file with a slip", Status.COMPLETED_WITH_REJECTS, sent.status)
            check_mendable(mended, batches)
            rows = rejected_rows(sent, batches.store, batches.objects)
            write_mendable(rows, sent.plan.received_at, mended)
            written = mended.read_bytes()
            mended.write_bytes(written.replace(SLIP, MEANT))
            again, tally_again = _send(batches, mended)
        console.print(f"rejected: {written.decode().strip()}")
        console.print(f"mended:   {written.replace(SLIP, MEANT).decode().strip()}")
        show_table([(sent, tally), (again, tally_again)])
        self._checks.expect("the mended file", Status.COMPLETED, again.status)
        self._checks.expect("points with the mended row", before + 42, self._balance())

    def _balance(self) -> int:
        member = self._members.member(CLIENT, MEMBER)
        return member.balance if member else 0


def _send(batches: Batches, path: Path) -> tuple[Submission, Tally]:
    ref = batches.uploader.upload(path, CLIENT, lambda _: None)
    seen = follow([ref], batches.store, PATIENCE, lambda *_: None)
    if ref not in seen:
        fail(f"{path.name} was not taken up", "see the log of the local AWS")
    return seen[ref]
