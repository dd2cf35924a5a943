"""A batch that was sent by mistake: credited, then taken back."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.domain.submission import Status, Submission, SubmissionRef
from pointflow.services.undo_submission import undo_submission
from pointflow_cli.batches import Batches, explain_outcome, open_batches, show_table
from pointflow_cli.demo.checks import Checks, heading
from pointflow_cli.follow import follow
from pointflow_cli.output import console, fail
from pointflow_cli.stack import Stack
from pointflow_local.state import LOCAL_STACK

CLIENT = "acme"
MEMBER = 1009
NAME = "activities_acme_20260910120000.txt"
BODY = b"hana@example.com||||126456789|900\nhana@example.com||||126456789|90\n"
PATIENCE = 60.0  # seconds for each step


class UndoShow:
    """Credits a batch, takes it back, and compares the account."""

    def __init__(self, stack: Stack, checks: Checks) -> None:
        self._members = DynamoDBMembers(stack.client("dynamodb"), stack.members_table)
        self._checks = checks

    def run(self) -> None:
        """Show the whole of it."""
        heading("A batch sent by mistake, taken back: pointflow batch undo")
        batches = open_batches(LOCAL_STACK, CLIENT)
        before = self._balance()
        credited = _done(batches, _upload(batches))
        self._checks.expect("the batch sent by mistake", Status.COMPLETED, credited.status)
        self._checks.expect("points of the batch", before + 990, self._balance())
        undo_submission(credited.ref, int(time.time()), store=batches.undo, undos=batches.undos)
        undone = _done(batches, credited.ref)
        show_table([(undone, undone.tally)])
        for line in explain_outcome(undone, undone.tally):
            console.print(line, soft_wrap=True)
        self._checks.expect("the batch after its undo", Status.UNDONE, undone.status)
        self._checks.expect("the member's points after the undo", before, self._balance())

    def _balance(self) -> int:
        member = self._members.member(CLIENT, MEMBER)
        return member.balance if member else 0


def _upload(batches: Batches) -> SubmissionRef:
    with TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        path.write_bytes(BODY)
        return batches.uploader.upload(path, CLIENT, lambda _: None)


def _done(batches: Batches, ref: SubmissionRef) -> Submission:
    seen = follow([ref], batches.store, PATIENCE, lambda *_: None)
    if ref not in seen:
        fail(f"{ref.file_name} was not taken up", "see the log of the local AWS")
    return seen[ref][0]
