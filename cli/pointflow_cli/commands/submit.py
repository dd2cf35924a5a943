"""`pointflow submit`: send batch files, and see what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from pointflow.domain.submission import Refusal, Status, Submission, SubmissionRef, Tally
from pointflow_cli import batches as desk
from pointflow_cli.dry_run import refuse_unsent, rehearse
from pointflow_cli.follow import Followed, ProgressView, follow, is_done, original_of
from pointflow_cli.output import console, counted, fail, note, notes, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption

TIMED_OUT = 3
INTERRUPTED = 130

EXIT_CODES = {
    Status.COMPLETED: 0,
    Status.COMPLETED_WITH_REJECTS: 1,
    Status.HELD: 2,  # somebody has to decide
    Status.DISCARDED: 2,
    Status.REFUSED: 2,
    Status.FAILED: 2,
    Status.UNDONE: 2,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What --wait saw last: of what was sent, and of the uploads that duplicates repeat."""

    sent: Followed = field(default_factory=dict)
    originals: Followed = field(default_factory=dict)

    def original(self, submission: Submission) -> tuple[Submission, Tally] | None:
        """The upload that a duplicate repeats, where it was looked at."""
        ref = original_of(submission)
        return self.originals.get(ref) if ref else None


@dataclass(frozen=True, slots=True)
class Sending:
    """A file to be sent: refused before it left, or the submission it became."""

    path: Path
    refusal: Refusal | None = None
    ref: SubmissionRef | None = None


def submit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Batch files to send.")],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Follow each file until its results are written.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Credit nothing; report what would be credited.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long --wait waits at most.")
    ] = 3600,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Send batch files to the client's inbound folder.

    With `--wait`, exit code 0: all rows credited. 1: some rows rejected. 2: refused, failed, or
    HELD until released by hand. 3: time-out. A file that was sent before (DUPLICATE) ends as the
    upload it repeats, which is followed as well. Of several files the highest code counts. Ctrl-C
    stops the waiting, never the batch.

    With `--dry-run` the same work is done on the stack and nothing is credited, claimed or held;
    the report tells what would be. Exit codes with `--wait` are those that the file would have.

    Examples
    --------
        pointflow submit activities_acme_20260131120000.txt --wait

        pointflow submit activities_acme_20260131120000.txt --dry-run --wait

        pointflow submit outbox/*.txt --wait --timeout 600 --json
    """
    for path in files:
        _check_readable(path)
    batches = desk.open_batches(stack, client)
    if dry_run:
        rehearse(files, batches, wait=wait, timeout=timeout, as_json=as_json)
    sendings = [Sending(path, refusal=refuse_unsent(path, batches.client_id)) for path in files]
    view = ProgressView(notes)
    seen = Seen()
    with view.progress if wait else nullcontext():
        sendings = [_send(sending, batches, view) for sending in sendings]
        if wait:
            seen = _follow(sendings, batches, timeout, view)
    _print(sendings, seen, batches, waited=wait, as_json=as_json)
    raise typer.Exit(max(_exit_code(sending, seen, waited=wait) for sending in sendings))


def _check_readable(path: Path) -> None:
    if path.is_dir():
        fail(f"{path} is a folder", "name the files in it")
    with path.open("rb"):
        pass


def _send(sending: Sending, batches: desk.Batches, view: ProgressView) -> Sending:
    path = sending.path
    if sending.refusal:
        return sending
    sent = view.uploading(path.name, path.stat().st_size)
    ref = batches.uploader.upload(path, batches.client_id, sent)
    view.waiting(ref)
    return Sending(path, ref=ref)


def _follow(
    sendings: Sequence[Sending], batches: desk.Batches, timeout: float, view: ProgressView
) -> Seen:
    refs = [sending.ref for sending in sendings if sending.ref]
    deadline = time.monotonic() + timeout
    try:
        sent = follow(refs, batches.store, timeout, view.show)
        originals = [ref for each, _ in sent.values() if (ref := original_of(each))]
        view.original(originals)
        left = max(0.0, deadline - time.monotonic())
        return Seen(sent, follow(originals, batches.store, left, view.show))
    except KeyboardInterrupt:
        view.progress.stop()
        looks = ", ".join(f"pointflow batch show {ref.file_name}" for ref in refs)
        fail("stopped waiting; what was sent goes on", f"look again: {looks}", INTERRUPTED)


def _exit_code(sending: Sending, seen: Seen, *, waited: bool) -> int:
    if sending.ref is None:
        return 2
    if not waited:
        return 0
    found = seen.sent.get(sending.ref)
    if found and is_done(found[0]) and original_of(found[0]):
        found = seen.original(found[0])
    return EXIT_CODES[found[0].status] if found and is_done(found[0]) else TIMED_OUT


def _print(
    sendings: Sequence[Sending],
    seen: Seen,
    batches: desk.Batches,
    *,
    waited: bool,
    as_json: bool,
) -> None:
    if as_json:
        documents = [_document(sending, seen, batches) for sending in sendings]
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    for sending in sendings:
        if sending.refusal:
            note(f"not sent: {sending.refusal.code}: {sending.refusal.message}")
        elif not waited:
            console.print(f"sent {sending.path.name}")
            note(f"see what becomes of it: pointflow batch show {sending.path.name}")
    if seen.sent:
        _print_outcomes(seen, batches)
    for sending in sendings:
        if waited and _exit_code(sending, seen, waited=True) == TIMED_OUT:
            name = sending.path.name
            note(f"{name} is not finished, and goes on; look again: pointflow batch show {name}")


def _print_outcomes(seen: Seen, batches: desk.Batches) -> None:
    desk.show_table(seen.sent.values())
    for submission, tally in seen.sent.values():
        lines = desk.explain_outcome(submission, tally)
        if original := seen.original(submission):
            lines.append(_describe(*original))
        if key := desk.result_key(submission, batches.store):
            lines.append(f"result: {key}")
        console.print(f"\n{submission.ref.file_name}", style="bold")
        for line in lines:
            console.print(f"  {line}", soft_wrap=True)


def _describe(original: Submission, tally: Tally) -> str:
    return (
        f"the upload it repeats is {original.status}:"
        f" {counted(tally.credited, 'row')} credited, {tally.rejected:,} rejected"
    )


def _document(sending: Sending, seen: Seen, batches: desk.Batches) -> dict[str, Any]:
    if sending.ref in seen.sent:
        submission, tally = seen.sent[sending.ref]
        key = desk.result_key(submission, batches.store)
        original = seen.original(submission)
        return {
            **desk.document(submission, tally),
            "original": desk.document(*original) if original else None,
            "result_key": key,
        }
    refusal = sending.refusal
    return {
        "file": sending.path.name,
        "version": sending.ref and sending.ref.version,
        "client_id": batches.client_id,
        "status": Status.REFUSED.value if refusal else "SENT",
        "rows": 0,
        "credited": 0,
        "rejected": 0,
        "points": 0,
        "counts": {},
        "refusal": refusal and {"code": refusal.code.value, "message": refusal.message},
    }
