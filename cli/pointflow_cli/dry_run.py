"""`pointflow submit --dry-run`: what files would become, told by the very stack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer

from pointflow.domain.codes import FileCode
from pointflow.domain.dry_run import dry_run_key
from pointflow.domain.file_name import parse_file_name, refuse_other_client
from pointflow.domain.submission import Refusal, Status, SubmissionRef
from pointflow_cli.batches import Batches
from pointflow_cli.follow import ProgressView, follow, is_done
from pointflow_cli.output import console, counted, fail, note, notes, print_json

TIMED_OUT = 3
INTERRUPTED = 130

EXIT_CODES = {Status.COMPLETED: 0, Status.COMPLETED_WITH_REJECTS: 1}
"""Whatever else a file would become, nothing of it would be credited unasked: 2."""

SHOWN_REJECTS = 10

type Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A file: refused before it left, or the dry run it became, with its report once written."""

    path: Path
    refusal: Refusal | None = None
    ref: SubmissionRef | None = None
    report: Report | None = None


def refuse_unsent(path: Path, client_id: str) -> Refusal | None:
    """Why a file is not even sent."""
    name = parse_file_name(path.name)
    if isinstance(name, Refusal):
        return name
    if path.stat().st_size == 0:
        return Refusal(FileCode.FILE_EMPTY, f"the file {path.name} has no bytes")
    return refuse_other_client(name, client_id)


def rehearse(
    files: Sequence[Path], batches: Batches, *, wait: bool, timeout: float, as_json: bool
) -> NoReturn:
    """Send files as dry runs; follow and print their reports if asked to.

    Raises
    ------
    typer.Exit
        Always, with the exit code of the command.
    """
    view = ProgressView(notes)
    with view.progress if wait else nullcontext():
        sent = [_send(path, batches, view) for path in files]
        if wait:
            sent = _follow(sent, batches, timeout, view)
    _print(sent, waited=wait, as_json=as_json)
    raise typer.Exit(max(_exit_code(each, waited=wait) for each in sent))


def _send(path: Path, batches: Batches, view: ProgressView) -> Rehearsal:
    refusal = refuse_unsent(path, batches.client_id)
    if refusal:
        return Rehearsal(path, refusal)
    sent = view.uploading(path.name, path.stat().st_size)
    ref = batches.uploader.upload(path, batches.client_id, sent, dry_run=True)
    view.waiting(ref)
    return Rehearsal(path, ref=ref)


def _follow(
    sent: Sequence[Rehearsal], batches: Batches, timeout: float, view: ProgressView
) -> list[Rehearsal]:
    refs = [each.ref for each in sent if each.ref]
    try:
        seen = follow(refs, batches.store, timeout, view.show)
    except KeyboardInterrupt:
        view.progress.stop()
        fail(
            "stopped waiting; the dry runs go on",
            "look again: pointflow batch list --dry-run",
            INTERRUPTED,
        )
    done = {ref: submission for ref, (submission, _) in seen.items() if is_done(submission)}
    reports = {
        ref: json.loads(b"".join(batches.objects.read_object(dry_run_key(submission))))
        for ref, submission in done.items()
    }
    return [
        Rehearsal(each.path, each.refusal, each.ref, reports.get(each.ref) if each.ref else None)
        for each in sent
    ]


def _exit_code(rehearsal: Rehearsal, *, waited: bool) -> int:
    if rehearsal.refusal:
        return 2
    if not waited:
        return 0
    if rehearsal.report is None:
        return TIMED_OUT
    return EXIT_CODES.get(Status(rehearsal.report["would_be"]), 2)


def _print(sent: Sequence[Rehearsal], *, waited: bool, as_json: bool) -> None:
    if as_json:
        documents = [_document(each) for each in sent]
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    for each in sent:
        if each.refusal:
            note(f"not sent: {each.refusal.code}: {each.refusal.message}")
        elif each.report:
            show_report(each.report)
        else:
            state = "is not finished" if waited else "was sent for a dry run"
            note(f"{each.path.name} {state}; look again: pointflow batch list --dry-run")


def _document(rehearsal: Rehearsal) -> Report:
    if rehearsal.report:
        return rehearsal.report
    refusal = rehearsal.refusal
    return {
        "dry_run": True,
        "file": rehearsal.path.name,
        "submission": rehearsal.ref and rehearsal.ref.version,
        "would_be": Status.REFUSED.value if refusal else None,
        "refusal": refusal and {"code": refusal.code.value, "message": refusal.message},
    }


def show_report(report: Report) -> None:
    """Print a dry run's report."""
    console.print(f"{report['file']} would be {report['would_be']}", style="bold", soft_wrap=True)
    for line in _lines(report):
        console.print(f"  {line}", soft_wrap=True)


def _lines(report: Report) -> list[str]:
    lines = [
        f"{reason['code']}: {reason['message']}"
        for reason in (report["refusal"], report["failure"])
        if reason
    ]
    if report["held_for"]:
        lines.append(f"the same content was sent as {report['held_for']}; if it were released:")
    if report["duplicate_of"]:
        lines.append("it was sent before, with this very content: nothing would happen")
    if not report["rows"]:
        return lines
    lines.append(
        f"{counted(report['rows'], 'row')}: {report['credited']:,} credited with"
        f" {counted(report['points'], 'point')}, {report['rejected']:,} rejected"
    )
    lines += _matching(report["matching"])
    lines += [
        f"activity {each['activity_id']}: {counted(each['points'], 'point')} on"
        f" {counted(each['rows'], 'row')}"
        for each in report["activities"]
    ]
    lines += [
        f"{code}: {counted(count, 'row')} rejected" for code, count in report["counts"].items()
    ]
    lines += [f"{code}: {counted(count, 'warning')}" for code, count in report["warnings"].items()]
    shown = report["first_rejects"][:SHOWN_REJECTS]
    lines += [f"line {each['line']:,}: {each['code']}: {each['message']}" for each in shown]
    if report["rejected"] > len(shown):
        lines.append(f"and {counted(report['rejected'] - len(shown), 'more rejected row')}")
    return lines


def _matching(matching: Mapping[str, Any]) -> list[str]:
    if not matching["rows"]:
        return []
    found = [f"members found for {matching['matched']:,} of {counted(matching['rows'], 'row')}"]
    return found + [
        f"{kind}: names a member in {each['known']:,} of the {each['carried']:,} rows that carry"
        f" it, and decided {each['matched']:,}"
        for kind, each in matching["by_identifier"].items()
        if each["carried"]
    ]
