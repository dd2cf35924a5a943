"""The batch job: sample files on their way to points and result files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from rich.rule import Rule

from pointflow.domain.submission import COMPLETE, Status, Submission, SubmissionRef, Tally
from pointflow.services.release_submission import discard_submission
from pointflow_cli.batches import Batches, open_batches, result_key, show_table
from pointflow_cli.demo.checks import Checks, heading
from pointflow_cli.follow import Followed, ProgressView, follow
from pointflow_cli.output import console, fail, note, notes
from pointflow_local.sftp_client import upload_over_sftp
from pointflow_local.state import LOCAL_STACK, LocalStack, project_root

PATIENCE = 60.0  # seconds for all samples together
SHOWN_LINES = 12
OVER_SFTP = "acme"
"""Whose sample comes over SFTP; the other clients upload to S3."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file to upload: whose folder, its name and bytes, what it shows, what becomes of it."""

    client_id: str
    name: str
    body: bytes
    shows: str
    becomes: Status
    over_sftp: bool = False


def first_samples() -> list[Sample]:
    """Files with rows of every kind: one for each client."""
    folder = project_root() / "samples" / "batches"
    named = [(path.stem.split("_")[1], path) for path in sorted(folder.glob("*.txt"))]
    return [
        Sample(
            client_id,
            path.name,
            path.read_bytes(),
            f"rows of every kind, over {'SFTP' if client_id == OVER_SFTP else 'S3'}",
            Status.COMPLETED_WITH_REJECTS,
            over_sftp=client_id == OVER_SFTP,
        )
        for client_id, path in named
    ]


def second_samples(acme: Sample) -> list[Sample]:
    """Uploads that must not credit anything, after the client's good one."""
    other = b"ana@example.com||||126456789\n"
    held, empty, packed = (f"activities_acme_2026090{day}120000.txt" for day in (2, 3, 4))
    theirs = "activities_globex_20260902120000.txt"
    refused = Status.REFUSED
    return [
        Sample("acme", acme.name, acme.body, "the same file again", Status.DUPLICATE),
        Sample("acme", held, acme.body, "known content, new name", Status.DISCARDED),
        Sample("acme", acme.name, other, "known name, new content", refused),
        Sample("acme", "activities_acme_tomorrow.txt", acme.body, "no valid name", refused),
        Sample("acme", theirs, acme.body, "another's name", refused),
        Sample("acme", empty, b"\r\n  \n", "no row", refused),
        Sample("acme", packed, b"\x1f\x8b\x08\x00zip", "not a text", refused),
    ]


class BatchShow:
    """Uploads the samples to a running local stack, and shows what became of them."""

    def __init__(self, local: LocalStack, checks: Checks) -> None:
        self._local = local
        self._checks = checks
        self._batches: dict[str, Batches] = {}
        self._first: Followed = {}
        self._all: Followed = {}

    def send(self) -> None:
        """Upload everything, wait until it is done, discard what is held."""
        heading("Batch files, uploaded")
        samples = first_samples()
        self._batches = {s.client_id: open_batches(LOCAL_STACK, s.client_id) for s in samples}
        self._first = self._send(samples)
        acme = next(sample for sample in samples if sample.client_id == OVER_SFTP)
        later = second_samples(acme)
        self._all = self._first | self._send(later)
        self._discard_held()
        for sample, (submission, _) in zip([*samples, *later], self._all.values(), strict=True):
            self._checks.expect(
                f"{sample.name} ({sample.shows})", sample.becomes, submission.status
            )

    def first_of(self, client_id: str) -> Submission:
        """What became of a client's first sample."""
        return next(each for each, _ in self._first.values() if each.ref.client_id == client_id)

    def show_outcomes(self) -> None:
        """Print what became of each upload, and why."""
        heading("What became of each upload")
        show_table(self._all.values())
        heading("Why")
        for submission, tally in self._all.values():
            for line in _reasons(submission, tally):
                console.print(f"{submission.ref.file_name}: {line}", soft_wrap=True)

    def show_results(self) -> None:
        """Print what the clients get back."""
        heading("Result files")
        for submission, _ in self._first.values():
            _show_results(self._batches[submission.ref.client_id], submission)

    def summarise(self, gained: int) -> None:
        """Print the counts, and hold the results against the points that the accounts gained."""
        submissions = [submission for submission, _ in self._all.values()]
        done = [submission.tally for submission in submissions if submission.status in COMPLETE]
        credited, rejected, points = (
            sum(getattr(tally, name) for tally in done)
            for name in ("credited", "rejected", "points")
        )
        statuses = Counter(submission.status.value for submission in submissions)
        counts = ", ".join(f"{count} {status}" for status, count in statuses.items())
        console.print(f"{len(submissions)} uploads: {counts}", soft_wrap=True)
        console.print(
            f"{credited + rejected} rows: {credited} credited with {points:,} points, {rejected}"
            f" rejected with a reason. The accounts gained {gained:,} points.",
            soft_wrap=True,
        )
        self._checks.expect("points that the accounts gained", points, gained)
        self._checks.expect("whether points were credited", True, points > 0)

    def _send(self, samples: Sequence[Sample]) -> Followed:
        view = ProgressView(notes)
        refs: list[SubmissionRef] = []
        with view.progress:
            for sample in samples:
                note(f"{sample.client_id}: {sample.name} ({sample.shows})")
                refs.append(self._upload(sample, view))
            store = self._batches[OVER_SFTP].store
            seen = follow(refs, store, PATIENCE, view.show)
        missing = [ref.file_name for ref in refs if ref not in seen]
        if missing:
            _not_taken_up(", ".join(missing))
        return {ref: seen[ref] for ref in refs}

    def _upload(self, sample: Sample, view: ProgressView) -> SubmissionRef:
        batches = self._batches[sample.client_id]
        sent = view.uploading(sample.name, len(sample.body))
        with TemporaryDirectory() as folder:
            path = Path(folder) / sample.name
            path.write_bytes(sample.body)
            if sample.over_sftp:
                upload_over_sftp(self._local, sample.client_id, path)
                sent(len(sample.body))
                ref = _only_submission(batches, sample.name)
            else:
                ref = batches.uploader.upload(path, sample.client_id, sent)
        view.waiting(ref)
        return ref

    def _discard_held(self) -> None:
        for submission, _ in list(self._all.values()):
            if submission.status is Status.HELD:
                note(f"discarding {submission.ref.file_name}, which is held")
                mine = self._batches[submission.ref.client_id]
                discard_submission(
                    submission.ref, int(time.time()), store=mine.store, reports=mine.reports
                )
                found = follow([submission.ref], mine.store, PATIENCE, lambda *_: None)
                self._all.update(found)


def _not_taken_up(names: str) -> NoReturn:
    fail(f"not taken up within {PATIENCE:.0f} seconds: {names}", "see the log of the local AWS")


def _only_submission(batches: Batches, name: str) -> SubmissionRef:
    """The submission of a name that was uploaded once: SFTP does not tell the version it made."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for submission in batches.store.of_batch(batches.client_id, name):
            return submission.ref
        time.sleep(0.1)
    _not_taken_up(name)


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
