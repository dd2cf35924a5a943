"""`pointflow batch`: what became of the files that were sent, and the decisions left to people."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from pointflow.domain.audit import Action
from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.errors import ObjectUnreadableError
from pointflow.domain.errors_csv import HEADER, error_csv_line
from pointflow.domain.submission import Status, Submission, SubmissionRef, dry_runs_of
from pointflow.domain.undo import obstacle_to_undo
from pointflow.services.read_batches import NO_REJECTS_YET
from pointflow.services.read_progress import rejected_rows, tally_so_far
from pointflow.services.release_submission import discard_submission, release_submission
from pointflow.services.resend_chunks import check_resendable, resend_chunks
from pointflow.services.undo_submission import undo_submission
from pointflow_cli import batches as desk
from pointflow_cli.audit_desk import ReasonOption, RequiredReasonOption, checked_reason
from pointflow_cli.mend import check_mendable, write_mendable
from pointflow_cli.output import console, counted, fail, note, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption

app = typer.Typer(
    no_args_is_help=True, help="See what became of batch files; release, discard or undo them."
)

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="The batch file's name; a path to it will do.")
]


@app.command("list")
def list_batches(
    *,
    status: Annotated[
        Status | None, typer.Option(case_sensitive=False, help="Only those of this status.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many.")] = 20,
    dry_runs: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="List dry runs instead; their status is what the file would have become.",
        ),
    ] = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """List the client's submissions, newest first.

    Example:

        pointflow batch list --status HELD
    """
    batches = desk.open_batches(stack, client)
    listed = dry_runs_of(batches.client_id) if dry_runs else batches.client_id
    found = batches.store.listing(listed, status=status, limit=limit)
    seen = [(submission, tally_so_far(submission, batches.store)) for submission in found]
    if as_json:
        print_json([desk.document(submission, tally) for submission, tally in seen])
    elif seen:
        desk.show_table(seen)
    else:
        wanted = f" of status {status}" if status else ""
        kind, how = ("dry run", " --dry-run") if dry_runs else ("submission", "")
        note(f"client {batches.client_id} has no {kind}{wanted}; send one: pointflow submit{how}")


@app.command()
def show(
    file: FileArgument,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Show a batch: the submission that owns the name, and others of the name beside it.

    While work goes on, the counts are those of the moment.

    Example:

        pointflow batch show activities_acme_20260131120000.txt
    """
    batches = desk.open_batches(stack, client)
    batch, *others = (
        (submission, tally_so_far(submission, batches.store))
        for submission in desk.submissions_of(batches, file)
    )
    key = desk.result_key(batch[0], batches.store)
    if as_json:
        beside = [desk.document(submission, tally) for submission, tally in others]
        print_json({**desk.document(*batch), "result_key": key, "others": beside})
        return
    desk.show_table([batch])
    for line in [*desk.explain_outcome(*batch), *([f"result: {key}"] if key else [])]:
        console.print(line, soft_wrap=True)
    if others:
        console.print("\nOther submissions of the name:", style="bold")
        desk.show_table(others)


@app.command()
def rejects(
    file: FileArgument,
    *,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write line, code, field and message as CSV instead."),
    ] = None,
    mend: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT", help="Write the rows as sent, with their dates, to mend and send as OUT."
        ),
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """List the rejected rows of a batch in line order, however many there are.

    `--mend` writes them to a file that is ready to be sent once they are mended. Its name must be
    one that the client may send, and has not sent. A row without a date gets that of the receipt
    of the file it was in, so that it counts from the day it did.

    Examples
    --------
        pointflow batch rejects activities_acme_20260131120000.txt

        pointflow batch rejects activities_acme_20260131120000.txt --csv rejects.csv

        pointflow batch rejects activities_acme_20260131120000.txt \
            --mend activities_acme_20260201120000.txt
    """
    chosen = [name for name, on in (("--csv", csv), ("--mend", mend), ("--json", as_json)) if on]
    if len(chosen) > 1:
        fail(f"{' and '.join(chosen)} exclude each other", "choose one")
    batches = desk.open_batches(stack, client)
    if mend:
        check_mendable(mend, batches)
    batch = desk.submissions_of(batches, file)[0]
    rows = rejected_rows(batch, batches.store, batches.objects)
    if mend:
        _mend(batch, rows, mend)
    elif csv:
        note(f"{counted(_write_csv(rows, csv), 'rejected row')} in {csv}")
    elif as_json:
        _print_json_rows(rows)
    elif not _print_rows(rows):
        note(f"{batch.ref.file_name} is {batch.status}, and has no rejected rows")


def _mend(batch: Submission, rows: Iterable[RejectedRow], out: Path) -> None:
    name = batch.ref.file_name
    if batch.status in NO_REJECTS_YET:
        # Rows that are rejected later would be missing in the file.
        fail(f"{name} is {batch.status}", f"wait until it is finished: pointflow batch show {name}")
    mending = write_mendable(rows, batch.plan.received_at, out)
    for remark in mending.remarks():
        note(remark)
    if not mending.rows:
        fail(
            f"{name} is {batch.status}, and has no rows to mend",
            f"see: pointflow batch show {name}",
        )
    note(f"{counted(mending.rows, 'row')} in {out}; mend them, then: pointflow submit {out} --wait")


def _write_csv(rows: Iterable[RejectedRow], path: Path) -> int:
    count = 0
    with path.open("wb") as file:
        file.write(HEADER)
        for row in rows:
            file.write(error_csv_line(row))
            count += 1
    return count


def _print_json_rows(rows: Iterable[RejectedRow]) -> None:
    # One array, a row at a time: there may be millions.
    separator = "["
    for row in rows:
        fields = {
            "line": row.line,
            "code": row.code.value,
            "field": row.field,
            "message": row.message,
        }
        sys.stdout.write(f"{separator}\n  {json.dumps(fields)}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _print_rows(rows: Iterable[RejectedRow]) -> int:
    count = 0
    for row in rows:
        field = f" {row.field}" if row.field else ""
        console.print(f"line {row.line:,}: {row.code}{field}: {row.message}", soft_wrap=True)
        count += 1
    return count


@app.command()
def release(
    file: FileArgument,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Credit a HELD file although its content was sent before under another name.

    Example:

        pointflow batch release activities_acme_20260131120000.txt
    """
    batches = desk.open_batches(stack, client)
    held = _held(batches, file, repeatable=lambda s: s.status is Status.PARSING and bool(s.twin))
    _put_on_record(batches, Action.BATCH_RELEASE, held.ref, reason)
    released = release_submission(
        held.ref, int(time.time()), store=batches.store, parts=batches.parts
    )
    _print_decision(released, "released", as_json=as_json)


@app.command()
def discard(
    file: FileArgument,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Drop a HELD file: nothing of it is credited, and its name is free again.

    Example:

        pointflow batch discard activities_acme_20260131120000.txt
    """
    batches = desk.open_batches(stack, client)
    held = _held(
        batches,
        file,
        repeatable=lambda s: s.status is Status.DISCARDED and s.reported_revision < s.revision,
    )
    _put_on_record(batches, Action.BATCH_DISCARD, held.ref, reason)
    discarded = discard_submission(
        held.ref, int(time.time()), store=batches.store, reports=batches.reports
    )
    _print_decision(discarded, "discarded", as_json=as_json)


@app.command()
def undo(
    file: FileArgument,
    *,
    reason: RequiredReasonOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Take back every point that a batch has credited, once every row of it is decided.

    The members' balance and lifetime points go down by what the batch granted; a balance may go
    below 0. It cannot be taken back in turn. The work goes on by itself on the stack: the batch is
    UNDOING, then UNDONE, and the client gets a new revision of the result. To ask again while it
    goes on does no harm.

    Example:

        pointflow batch undo activities_acme_20260131120000.txt --reason "sent by mistake"
    """
    reason = checked_reason(reason, required=True)
    batches = desk.open_batches(stack, client)
    batch = desk.submissions_of(batches, file)[0]
    going_on = batch.status is Status.UNDOING
    obstacle = None if going_on else obstacle_to_undo(batch)
    if obstacle:
        fail(obstacle.why, obstacle.next_step)
    if not yes and not going_on:
        tally = batch.tally
        typer.confirm(
            f"take {counted(tally.points, 'point')} of {counted(tally.credited, 'row')}"
            " back from the members?",
            abort=True,
            err=True,
        )
    _put_on_record(batches, Action.BATCH_UNDO, batch.ref, reason)
    undone = undo_submission(batch.ref, int(time.time()), store=batches.undo, undos=batches.undos)
    _print_decision(undone, "undoing", as_json=as_json)


def _held(
    batches: desk.Batches, file: str, *, repeatable: Callable[[Submission], bool]
) -> Submission:
    """The HELD submission of a name, else one whose decision may have stopped half-way."""
    found = desk.submissions_of(batches, file)
    held = [submission for submission in found if submission.status is Status.HELD]
    held += [submission for submission in found if repeatable(submission)]
    if not held:
        name = found[0].ref.file_name
        fail(f"{name} is {found[0].status}, not HELD", f"see: pointflow batch show {name}")
    return held[0]


@app.command()
def resend(
    file: FileArgument,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Send the rows that have no decision once more, made again from the stored file.

    For a batch whose messages have expired in the dead-letter queue, after 14 days. Rows that are
    decided are not sent; a row that is still in a queue is credited once all the same.

    Example:

        pointflow batch resend activities_acme_20260131120000.txt
    """
    batches = desk.open_batches(stack, client)
    ref = desk.submissions_of(batches, file)[0].ref
    check_resendable(ref, batches.store)
    _put_on_record(batches, Action.BATCH_RESEND, ref, reason)
    try:
        sent = resend_chunks(
            ref,
            store=batches.store,
            objects=batches.objects,
            chunks=batches.chunks,
            parts=batches.parts,
        )
    except ObjectUnreadableError:
        fail(
            f"the stored version of {ref.file_name} is gone",
            f"its undecided lines are in the result: pointflow batch show {ref.file_name}",
        )
    if as_json:
        told = {"file": ref.file_name, "version": ref.version}
        print_json({**told, "chunks": sent.chunks, "cells": sent.cells})
        return
    console.print(
        f"sent again: {counted(sent.chunks, 'chunk')}, {counted(sent.cells, 'cell')} to parse"
    )
    note(f"see what becomes of it: pointflow batch show {ref.file_name}")


def _put_on_record(
    batches: desk.Batches, action: Action, ref: SubmissionRef, reason: str | None
) -> None:
    batches.auditor.record(
        action,
        ref.file_name,
        client_id=ref.client_id,
        reason=reason,
        details={"version": ref.version},
    )


def _print_decision(submission: Submission, decision: str, *, as_json: bool) -> None:
    if as_json:
        print_json(desk.document(submission, submission.tally))
        return
    name = submission.ref.file_name
    console.print(f"{decision} {name}")
    note(f"see what becomes of it: pointflow batch show {name}")
