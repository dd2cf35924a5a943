"""What `make run` shows: sample files on the local AWS, from upload to balances and result files.

Everything goes through the deployed stack and the code behind the commands. The demonstration
ends with an error when the points on the accounts are not those that the results report.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.rule import Rule
from rich.table import Table

from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.domain.submission import COMPLETE, Status, Submission, SubmissionRef, Tally
from pointflow.services.release_submission import discard_submission
from pointflow_cli.batches import (
    Batches,
    open_batches,
    result_key,
    show_table,
)
from pointflow_cli.follow import Followed, ProgressView, follow
from pointflow_cli.output import console, fail, note, notes
from pointflow_cli.stack import Stack, open_stack
from pointflow_local.errors import LocalStackError
from pointflow_local.samples import load_samples
from pointflow_local.stack import bring_down, bring_up
from pointflow_local.state import HOME_VARIABLE, project_root

PATIENCE = 60.0  # seconds for all samples together
SHOWN_LINES = 12

Balances = dict[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Sample:
    """A file to upload: whose folder, under which name, with which bytes, and why."""

    client_id: str
    name: str
    body: bytes
    shows: str


def main() -> int:
    """Run the demonstration; answers the exit code."""
    # A folder of its own: a stack that `pointflow up` started is left alone.
    os.environ[HOME_VARIABLE] = str(project_root() / ".pointflow" / "run")
    try:
        with _local_stack() as stack:
            return _demonstrate(stack)
    except LocalStackError as error:
        note(f"pointflow: {error}")
        return 2


@contextmanager
def _local_stack() -> Iterator[Stack]:
    with notes.status("") as status:
        bring_up(prepare=load_samples, say=lambda what: status.update(f"{what} ..."))
    try:
        yield open_stack("local")
    finally:
        bring_down()
        note("the local AWS is stopped")


def _demonstrate(stack: Stack) -> int:
    started = time.monotonic()
    before = _balances(stack)
    batches = {client: open_batches("local", client) for client in ("acme", "globex")}
    first = _send(batches, _first_samples())
    second = _send(batches, _second_samples())
    seen = first | second
    _discard_held(batches, seen)
    after = _balances(stack)
    elapsed = time.monotonic() - started

    _heading("What became of each upload")
    show_table(seen.values())
    _heading("Why")
    for submission, tally in seen.values():
        for line in _reasons(submission, tally):
            console.print(f"{submission.ref.file_name}: {line}", soft_wrap=True)
    _heading("Points by member")
    _show_balances(before, after)
    _heading("Result files")
    for submission, _ in first.values():
        _show_results(batches[submission.ref.client_id], submission)
    _heading("Summary")
    return _summarise(list(seen.values()), before, after, elapsed)


def _first_samples() -> list[Sample]:
    folder = project_root() / "samples" / "batches"
    return [
        Sample(path.stem.split("_")[1], path.name, path.read_bytes(), "rows of every kind")
        for path in sorted(folder.glob("*.txt"))
    ]


def _second_samples() -> list[Sample]:
    """Uploads that must not credit anything."""
    (acme, *_) = _first_samples()
    return [
        Sample("acme", acme.name, acme.body, "the same file again"),
        Sample("acme", "activities_acme_20260902120000.txt", acme.body, "known content, new name"),
        Sample("acme", acme.name, b"ana@example.com||||126456789\n", "known name, new content"),
        Sample("acme", "activities_acme_tomorrow.txt", acme.body, "no valid name"),
        Sample("acme", "activities_globex_20260902120000.txt", acme.body, "another's name"),
        Sample("acme", "activities_acme_20260903120000.txt", b"\r\n  \n", "no row"),
        Sample("acme", "activities_acme_20260904120000.txt", b"\x1f\x8b\x08\x00zip", "not a text"),
    ]


def _send(batches: dict[str, Batches], samples: Sequence[Sample]) -> Followed:
    view = ProgressView(notes)
    refs: list[SubmissionRef] = []
    with view.progress:
        for sample in samples:
            note(f"{sample.client_id}: {sample.name} ({sample.shows})")
            refs.append(_upload(batches[sample.client_id], sample, view))
        store = batches["acme"].store
        seen = follow(refs, store, PATIENCE, view.show)
    missing = [ref.file_name for ref in refs if ref not in seen]
    if missing:
        fail(f"not taken up within {PATIENCE:.0f} seconds: {', '.join(missing)}", "see the log")
    return {ref: seen[ref] for ref in refs}


def _upload(batches: Batches, sample: Sample, view: ProgressView) -> SubmissionRef:
    sent = view.uploading(sample.name, len(sample.body))
    with TemporaryDirectory() as folder:
        path = Path(folder) / sample.name
        path.write_bytes(sample.body)
        ref = batches.uploader.upload(path, sample.client_id, sent)
    view.waiting(ref)
    return ref


def _discard_held(batches: dict[str, Batches], seen: Followed) -> None:
    for submission, _ in list(seen.values()):
        if submission.status is Status.HELD:
            note(f"discarding {submission.ref.file_name}, which is held")
            mine = batches[submission.ref.client_id]
            discard_submission(
                submission.ref, int(time.time()), store=mine.store, reports=mine.reports
            )
            seen.update(follow([submission.ref], mine.store, PATIENCE, lambda *_: None))


def _reasons(submission: Submission, tally: Tally) -> Iterator[str]:
    if tally.codes:
        codes = ", ".join(f"{count} {code}" for code, count in sorted(tally.codes.items()))
        yield f"{tally.rejected} rows rejected: {codes}"
    for code, count in sorted(tally.warnings.items()):
        yield f"{count} warned about: {code}"
    if submission.refusal:
        yield f"{submission.refusal.code}: {submission.refusal.message}"
    if submission.status is Status.DUPLICATE:
        yield "sent before with the same content: nothing happens a second time"
    if submission.status is Status.DISCARDED:
        yield f"was held: its content was credited as {submission.twin}"


def _balances(stack: Stack) -> Balances:
    members = DynamoDBMembers(stack.client("dynamodb"), stack.members_table)
    with (project_root() / "samples" / "members.csv").open(encoding="utf-8", newline="") as file:
        keys = [(line["client_id"], int(line["user_id"])) for line in csv.DictReader(file)]
    found = ((key, members.member(*key)) for key in keys)
    return {key: member.balance for key, member in found if member}


def _show_balances(before: Balances, after: Balances) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("CLIENT")
    for name in ("MEMBER", "BEFORE", "CREDITED", "AFTER"):
        table.add_column(name, justify="right")
    for (client_id, user_id), points in before.items():
        now = after[client_id, user_id]
        table.add_row(client_id, str(user_id), f"{points:,}", f"{now - points:+,}", f"{now:,}")
    console.print(table)


def _show_results(batches: Batches, submission: Submission) -> None:
    key = result_key(submission, batches.store)
    if key is None:
        fail(f"no result of {submission.ref.file_name}", "see: pointflow batch show")
    stem = key.removesuffix("_result.json")
    for name in (key, f"{stem}_errors.csv", f"{stem}_rejected.txt"):
        body = b"".join(batches.objects.read_object(name))
        console.print(Rule(name, align="left", style="dim"))
        lines = body.split(b"\n")
        for line in lines[:SHOWN_LINES]:
            console.print(repr(line)[2:-1][:160], soft_wrap=True)
        if len(lines) > SHOWN_LINES:
            console.print(f"… {len(lines) - SHOWN_LINES} more lines", style="dim")


def _summarise(
    seen: Sequence[tuple[Submission, object]], before: Balances, after: Balances, elapsed: float
) -> int:
    done = [submission for submission, _ in seen if submission.status in COMPLETE]
    credited = sum(submission.tally.credited for submission in done)
    rejected = sum(submission.tally.rejected for submission in done)
    points = sum(submission.tally.points for submission in done)
    gained = sum(after.values()) - sum(before.values())
    statuses = Counter(submission.status.value for submission, _ in seen)
    console.print(
        f"{len(seen)} uploads: " + ", ".join(f"{n} {status}" for status, n in statuses.items())
    )
    console.print(
        f"{credited + rejected} rows: {credited} credited with {points:,} points, {rejected}"
        f" rejected with a reason. The flow took {elapsed:.1f} seconds."
    )
    if points != gained or not done:
        console.print(f"WRONG: the accounts gained {gained:,} points, the results say {points:,}.")
        return 1
    console.print(f"The accounts gained {gained:,} points: as the results say.")
    return 0


def _heading(text: str) -> None:
    console.print()
    console.print(Rule(text, align="left"))


if __name__ == "__main__":
    sys.exit(main())
