"""What the commands around dead letters share: the way to the queues, and their look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pointflow.domain.dead_letter import (
    REDRIVABLE,
    RETENTION_SECONDS,
    About,
    DeadLetter,
    Queue,
    about,
)
from pointflow.domain.iso_time import utc_text
from pointflow.domain.messages import Upload
from pointflow.ports.dead_letters import DeadLetters
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.handle_dead_letters import Read, Seen
from pointflow_cli.audit_desk import Auditor, open_auditor
from pointflow_cli.output import fail, notes
from pointflow_cli.stack import default_client, open_stack


@dataclass(frozen=True, slots=True)
class DeadLetterDesk:
    """The dead-letter queues of one stack."""

    letters: Mapping[Queue, DeadLetters]
    reads: Mapping[Queue, Read]
    store: SubmissionStore
    auditor: Auditor
    client: Callable[[], str]

    def of(self, queue: Queue) -> DeadLetters:
        """The dead letters of a queue. A `CommandError` where the stack lacks it."""
        if queue not in self.letters:
            here = ", ".join(self.letters)
            fail(f"the stack has no queue {queue}: it lacks that job", f"use one of {here}")
        return self.letters[queue]


def open_dead_letters(stack_name: str | None, client: str | None) -> DeadLetterDesk:
    """Find the stack, and wire what the commands need; the client is asked for only when used."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions  # noqa: PLC0415
    from pointflow.adapters.sqs_dead_letters import SqsDeadLetters  # noqa: PLC0415

    stack = open_stack(stack_name)
    sqs = stack.client("sqs")
    outputs = {queue: f"{queue.value.title()}DLQUrl" for queue in Queue}
    return DeadLetterDesk(
        letters={
            queue: SqsDeadLetters(
                sqs,
                stack.output(output),
                stack.output(f"{queue.value.title()}QueueUrl") if queue in REDRIVABLE else None,
            )
            for queue, output in outputs.items()
            if output in stack.outputs
        },
        reads={queue: reader(queue) for queue in Queue},
        store=DynamoDBSubmissions(stack.client("dynamodb"), stack.batches_table),
        auditor=open_auditor(stack),
        client=lambda: default_client(stack, client),
    )


def reader(queue: Queue) -> Read:
    """Reads the letters of a queue."""
    # It logs what it ignores with Powertools, which `--help` does not need.
    from pointflow.adapters.s3_events import read_uploads  # noqa: PLC0415
    from pointflow.adapters.sftp_uploads import is_told_by_transfer  # noqa: PLC0415
    from pointflow.observability import logger  # noqa: PLC0415

    def uploads(body: str) -> list[Upload]:
        # Which version an upload over SFTP became, intake finds out when it gets the event again.
        return [] if is_told_by_transfer(body) else read_uploads(body)

    def read(letter: DeadLetter) -> About:
        # A function's log goes to stdout, where the command has its answer.
        level = logger.log_level
        logger.setLevel("CRITICAL")
        try:
            return about(queue, letter.body, uploads)
        finally:
            logger.setLevel(level)

    return read


def document(seen: Seen, now: int) -> dict[str, Any]:
    """A letter as `--json` shows it. `now`: milliseconds since the epoch."""
    letter, told = seen.letter, seen.about
    ref = told.ref
    age = max(0, now - letter.sent_at) // 1000
    return {
        "message_id": letter.message_id,
        "kind": told.kind,
        "client_id": ref.client_id if ref else None,
        "file": ref.file_name if ref else None,
        "version": ref.version if ref else None,
        "cell": told.cell,
        "lines": told.lines,
        "sent_at": utc_text(letter.sent_at),
        "age_seconds": age,
        "expires_in_seconds": max(0, RETENTION_SECONDS - age),
        "receives": letter.receives,
        "last_error": seen.last_error,
        "processable": seen.hopeless is None,
        "why_not": seen.hopeless,
        "bytes": len(letter.body.encode("utf-8", "surrogatepass")),
    }


def span(seconds: int) -> str:
    """A time span for people: `3 d 4 h`."""
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min")]
    told = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(told[:2]) or f"{seconds} s"


def confirm(question: str, *, yes: bool, as_json: bool) -> None:
    """Ask before something that cannot be taken back, unless `--yes` was given."""
    if yes:
        return
    if as_json or not notes.is_terminal:
        fail("this has to be confirmed", "add --yes")
    typer.confirm(question, abort=True, err=True)


def moving(total: int) -> Progress:
    """A bar on stderr for as many letters."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)
    bar.add_task("putting back", total=total)
    return bar
