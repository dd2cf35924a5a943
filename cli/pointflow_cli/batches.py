"""What the commands around batches share: the way to the stack's submissions, and their look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from pointflow.domain.dry_run import would_be
from pointflow.domain.errors import NotFoundError
from pointflow.domain.result import iso_time
from pointflow.domain.submission import Status, Submission, Tally
from pointflow.ports.objects import ObjectStore
from pointflow.ports.queues import ChunkPublisher, PartPublisher, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.ports.undo import UndoPublisher, UndoStarter
from pointflow.services import read_batches
from pointflow.services.read_batches import result_key, submission_fields
from pointflow_cli.audit_desk import Auditor, open_auditor
from pointflow_cli.output import console, counted, fail
from pointflow_cli.stack import known_client, open_stack
from pointflow_cli.upload import Uploader

document = submission_fields
__all__ = ["Batches", "document", "explain_outcome", "open_batches", "result_key", "show_table"]


@dataclass(frozen=True, slots=True)
class Batches:
    """One client's batches on one stack."""

    client_id: str
    store: SubmissionStore
    objects: ObjectStore
    parts: PartPublisher
    chunks: ChunkPublisher
    reports: ReportPublisher
    undo: UndoStarter
    undos: UndoPublisher
    uploader: Uploader
    auditor: Auditor


def open_batches(stack_name: str | None, client: str | None) -> Batches:
    """Find the stack and the client, and wire what the commands need."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions  # noqa: PLC0415
    from pointflow.adapters.dynamodb_undo import DynamoDBUndo  # noqa: PLC0415
    from pointflow.adapters.s3_objects import S3ObjectStore  # noqa: PLC0415
    from pointflow.adapters.sqs_publishers import (  # noqa: PLC0415
        SqsChunkPublisher,
        SqsPartPublisher,
        SqsReportPublisher,
        SqsUndoPublisher,
    )

    stack = open_stack(stack_name)
    client_id = known_client(stack, client)
    s3, sqs = stack.client("s3"), stack.client("sqs")
    return Batches(
        client_id=client_id,
        store=DynamoDBSubmissions(stack.client("dynamodb"), stack.batches_table),
        objects=S3ObjectStore(s3, stack.bucket),
        parts=SqsPartPublisher(sqs, stack.part_queue_url),
        chunks=SqsChunkPublisher(sqs, stack.credit_queue_url),
        reports=SqsReportPublisher(sqs, stack.report_queue_url),
        undo=DynamoDBUndo(stack.client("dynamodb"), stack.batches_table),
        undos=SqsUndoPublisher(sqs, stack.undo_queue_url),
        uploader=Uploader(s3, stack.bucket),
        auditor=open_auditor(stack),
    )


def submissions_of(batches: Batches, file: str) -> list[Submission]:
    """Every submission of a name, the owner first, then the newest first.

    Raises
    ------
    CommandError
        There is none.
    """
    name = Path(file).name
    try:
        return read_batches.submissions_of(batches.client_id, name, batches.store)
    except NotFoundError:
        fail(f"client {batches.client_id} has no batch {name}", "see: pointflow batch list")


def show_table(rows: Iterable[tuple[Submission, Tally]]) -> None:
    """Print submissions side by side. What an undo has taken back is no longer credited."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("FILE", overflow="fold")
    for heading in ("STATUS", "RECEIVED"):
        table.add_column(heading, no_wrap=True)
    for heading in ("ROWS", "CREDITED", "REJECTED", "POINTS"):
        table.add_column(heading, justify="right", no_wrap=True)
    for submission, tally in rows:
        table.add_row(
            submission.ref.file_name,
            would_be(submission).value,
            iso_time(submission.plan.received_at) or "",
            *(f"{count:,}" for count in _figures(submission, tally)),
        )
    if not console.is_terminal:
        # Nobody's window is that narrow: a pipe is read by tools that want whole lines.
        table.width = console.measure(table, options=console.options.update(width=1_000)).maximum
    console.print(table, crop=False)


def _figures(submission: Submission, tally: Tally) -> tuple[int, int, int, int]:
    credited, points = tally.credited, tally.points
    if submission.status is Status.UNDONE:
        credited, points = credited - submission.undone.rows, points - submission.undone.points
    return tally.rows, credited, tally.rejected, points


def explain_outcome(submission: Submission, tally: Tally) -> list[str]:
    """What a person should know beside the counts, in lines."""
    lines = [f"{code}: {counted(count, 'row')} rejected" for code, count in _sorted(tally.codes)]
    lines += [f"{code}: {counted(count, 'warning')}" for code, count in _sorted(tally.warnings)]
    if submission.refusal:
        lines.append(f"{submission.refusal.code}: {submission.refusal.message}")
    if submission.failure:
        lines.append(f"{submission.failure.code}: {submission.failure.message}")
    return lines + _next_steps(submission)


def _next_steps(submission: Submission) -> list[str]:
    name = submission.ref.file_name
    match submission.status:
        case Status.HELD:
            return [
                f"the same content was sent as {submission.twin}; nothing is credited yet",
                f"credit it: pointflow batch release {name}",
                f"drop it: pointflow batch discard {name}",
            ]
        case Status.DUPLICATE:
            return [f"this file was sent before; what became of it: pointflow batch show {name}"]
        case Status.UNDOING:
            return ["its points are being taken back; what is done so far counts nowhere yet"]
        case Status.UNDONE:
            undone = submission.undone
            return [
                f"{counted(undone.points, 'point')} of {counted(undone.rows, 'row')} are taken back"
            ]
        case Status.COMPLETED_WITH_REJECTS:
            return [f"the rejected rows, with reasons: pointflow batch rejects {name}"]
        case _:
            return []


def _sorted(counts: Any) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
