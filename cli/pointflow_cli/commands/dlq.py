"""`pointflow dlq`: what was given up on, why, and the way back."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pointflow.domain.audit import Action
from pointflow.domain.dead_letter import REDRIVABLE, DeadLetter, Queue
from pointflow.services.handle_dead_letters import Seen, look_through, redrive
from pointflow.services.handle_dead_letters import purge as purge_letter
from pointflow_cli import dlq_desk
from pointflow_cli.audit_desk import ReasonOption, RequiredReasonOption, checked_reason
from pointflow_cli.output import console, fail, note, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption

app = typer.Typer(
    no_args_is_help=True,
    help="See the messages that were given up on, and put them back to work.",
)

LOOKED_AT = 100
"""How many letters of each queue `list` looks at for the oldest."""

QueueArgument = Annotated[
    Queue, typer.Argument(metavar="QUEUE", case_sensitive=False, help=f"One of {', '.join(Queue)}.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list")
def list_queues(
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """List the dead-letter queues: how many letters each holds, and how old the oldest is.

    Counts are approximate, as SQS counts. Nothing is consumed.

    Example:

        pointflow dlq list
    """
    desk = dlq_desk.open_dead_letters(stack, None)
    now = _now()
    rows = [_summary(desk, queue, now) for queue in desk.letters]
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("QUEUE")
    table.add_column("LETTERS", justify="right")
    table.add_column("OLDEST")
    for row in rows:
        age = row["oldest_age_seconds"]
        at_least = "" if row["oldest_is_exact"] else "at least "
        told = "" if age is None else at_least + dlq_desk.span(age)
        table.add_row(row["queue"], f"{row['messages']:,}", told)
    console.print(table)
    if any(row["messages"] for row in rows):
        note("what they are about: pointflow dlq show QUEUE")


@app.command()
def show(
    queue: QueueArgument,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, max=1_000, help="At most so many.")
    ] = 20,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Show dead letters: file, lines, how often received, last error, age. All stay where they are.

    Example:

        pointflow dlq show credit
    """
    desk = dlq_desk.open_dead_letters(stack, None)
    seen = look_through(desk.of(queue), desk.reads[queue], desk.store, limit)
    now = _now()
    if as_json:
        print_json([dlq_desk.document(each, now) for each in seen])
    elif seen:
        _show(seen, now)
    else:
        note(f"the dead-letter queue of {queue} is empty")


@app.command("redrive")
def put_back(
    queue: QueueArgument,
    *,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Only what is about this batch file.")
    ] = None,
    reason: ReasonOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Put dead letters back to work: all of a queue, or those of one file.

    A chunk that is credited then heals its batch: FAILED becomes COMPLETED, with a new revision of
    the result. What nothing can come of stays. Running it again is harmless, and so is a letter
    that is delivered twice.

    Examples
    --------
        pointflow dlq redrive credit --file activities_acme_20260131120000.txt

        pointflow dlq redrive part --yes --json
    """
    if queue not in REDRIVABLE:
        fail(
            f"the letters of {queue} came out of no queue",
            "the next run of the schedule makes up for them"
            if queue is Queue.WATCH
            else "see what they say: pointflow dlq show projection",
        )
    checked_reason(reason)
    desk = dlq_desk.open_dead_letters(stack, client)
    only = (desk.client(), Path(file).name) if file else None
    letters = desk.of(queue)
    count = letters.count()
    what = only[1] if only else f"all of {queue}"
    if count:
        dlq_desk.confirm(f"Put dead letters back: {what}?", yes=yes, as_json=as_json)
        desk.auditor.record(
            Action.DEAD_LETTERS_REDRIVE,
            only[1] if only else queue.value,
            client_id=only[0] if only else None,
            reason=reason,
            details={"queue": queue.value, "letters": str(count)},
        )
    with dlq_desk.moving(count) as bar:
        done = redrive(
            letters,
            desk.reads[queue],
            desk.store,
            file=only,
            before=_now(),
            progress=lambda moved: bar.update(bar.task_ids[0], completed=moved),
        )
    if as_json:
        document = {"queue": queue.value, "file": only[1] if only else None}
        print_json({**document, "moved": done.moved, "left": done.left})
        return
    console.print(f"{done.moved:,} put back: {what}", soft_wrap=True)
    if done.left:
        note(f"{done.left:,} stay, for nothing can come of them: pointflow dlq show {queue}")
    if only and not done.moved:
        note(f"if its letters have expired: pointflow batch resend {only[1]}")


@app.command()
def purge(
    queue: QueueArgument,
    message_id: Annotated[
        str, typer.Option("--message", metavar="ID", help="As `dlq show` names it.")
    ],
    *,
    reason: RequiredReasonOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Delete one dead letter that nothing can come of, for good.

    Example:

        pointflow dlq purge credit --message 0a1b2c3d-… --reason "a test message"
    """
    checked_reason(reason, required=True)
    desk = dlq_desk.open_dead_letters(stack, None)
    dlq_desk.confirm(f"Delete message {message_id} for good?", yes=yes, as_json=as_json)

    def put_on_record(seen: Seen) -> None:
        desk.auditor.record(
            Action.DEAD_LETTER_PURGE,
            message_id,
            client_id=seen.about.ref.client_id if seen.about.ref else None,
            reason=reason,
            details={"queue": queue.value, "sha256": _digest(seen.letter)},
        )

    seen = purge_letter(
        desk.of(queue), desk.reads[queue], desk.store, message_id, about_to=put_on_record
    )
    if as_json:
        print_json(dlq_desk.document(seen, _now()))
    else:
        console.print(f"deleted message {message_id}", soft_wrap=True)


def _summary(desk: dlq_desk.DeadLetterDesk, queue: Queue, now: int) -> dict[str, Any]:
    letters = desk.of(queue)
    count = letters.count()
    seen = look_through(letters, desk.reads[queue], desk.store, LOOKED_AT) if count else []
    oldest = min((each.letter.sent_at for each in seen), default=None)
    return {
        "queue": queue.value,
        "messages": count,
        "oldest_age_seconds": None if oldest is None else max(0, now - oldest) // 1000,
        "oldest_is_exact": len(seen) >= count,
    }


def _show(seen: list[Seen], now: int) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("FILE", "WHAT", "LINES"):
        table.add_column(heading, overflow="fold")
    table.add_column("RECEIVED", justify="right")
    table.add_column("AGE", no_wrap=True)
    for heading in ("LAST ERROR", "MESSAGE"):
        table.add_column(heading, overflow="fold")
    for each in seen:
        told = dlq_desk.document(each, now)
        table.add_row(
            told["file"] or "-",
            told["kind"] or "unprocessable",
            told["lines"] or "",
            str(told["receives"]),
            dlq_desk.span(told["age_seconds"]),
            each.last_error or each.hopeless or "not known",
            told["message_id"],
        )
    if not console.is_terminal:
        # A pipe is read by tools that want whole lines.
        table.width = console.measure(table, options=console.options.update(width=1_000)).maximum
    console.print(table, crop=False)
    if any(each.hopeless for each in seen):
        note("nothing can come of some: pointflow dlq purge QUEUE --message ID --reason TEXT")


def _digest(letter: DeadLetter) -> str:
    return hashlib.sha256(letter.body.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> int:
    return time.time_ns() // 1_000_000
