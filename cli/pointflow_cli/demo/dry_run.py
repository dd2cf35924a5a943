"""A dry run of the sample that comes next, over SFTP, held against what then happens."""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pointflow.domain.dry_run import dry_run_key
from pointflow.domain.submission import Submission, SubmissionRef, dry_runs_of
from pointflow_cli.batches import Batches, open_batches
from pointflow_cli.demo.checks import Checks, heading
from pointflow_cli.dry_run import show_report
from pointflow_cli.follow import follow, is_done
from pointflow_cli.output import console, fail
from pointflow_local.sftp_client import upload_over_sftp
from pointflow_local.state import LOCAL_STACK, LocalStack

PATIENCE = 60.0  # seconds for the dry run


class DryRunShow:
    """Sends a file as a dry run, and compares."""

    def __init__(self, local: LocalStack, checks: Checks) -> None:
        self._local = local
        self._checks = checks
        self._report: dict[str, Any] = {}

    def run(self, client_id: str, name: str, body: bytes) -> None:
        """Upload to `/dryrun` over SFTP, and show the report."""
        heading("A dry run first, over SFTP: put FILE dryrun/")
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(body)
            upload_over_sftp(self._local, client_id, path, folder="dryrun")
        batches = open_batches(LOCAL_STACK, client_id)
        submission = _done(batches, name)
        key = dry_run_key(submission)
        self._report = json.loads(b"".join(batches.objects.read_object(key)))
        show_report(self._report)
        console.print(f"  {key}", style="dim", soft_wrap=True)

    def compare(self, became: Submission) -> None:
        """Hold the report against what the file became."""
        told, tally = self._report, became.tally
        self._checks.expect("what the dry run foretold", told["would_be"], became.status.value)
        for name in ("rows", "credited", "rejected", "points"):
            self._checks.expect(f"{name} of the dry run", told[name], getattr(tally, name))
        self._checks.expect("rejects of the dry run", told["counts"], dict(tally.codes))


def _done(batches: Batches, name: str) -> Submission:
    ref = _taken_up(batches, name)
    seen = follow([ref], batches.store, PATIENCE, lambda *_: None)
    if ref not in seen or not is_done(seen[ref][0]):
        fail(f"the dry run of {name} did not end", "see the log of the local AWS")
    return seen[ref][0]


def _taken_up(batches: Batches, name: str) -> SubmissionRef:
    """The dry run of a name that was uploaded once: SFTP does not tell the version it made."""
    deadline = time.monotonic() + PATIENCE
    while not (found := _dry_runs(batches, name)):
        if time.monotonic() > deadline:
            fail(f"the dry run of {name} was not taken up", "see the log of the local AWS")
        time.sleep(0.1)
    return found[0]


def _dry_runs(batches: Batches, name: str) -> list[SubmissionRef]:
    listed = batches.store.listing(dry_runs_of(batches.client_id))
    return [each.ref for each in listed if each.ref.file_name == name]
