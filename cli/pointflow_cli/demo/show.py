"""The whole show: start the local AWS, run both jobs, sum up, stop."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pointflow_cli.demo.accounts import balances, show_balances
from pointflow_cli.demo.api import Api
from pointflow_cli.demo.batches import OVER_SFTP, BatchShow, first_samples
from pointflow_cli.demo.checks import Checks, heading
from pointflow_cli.demo.dry_run import DryRunShow
from pointflow_cli.demo.mend import MendShow
from pointflow_cli.demo.pushes import PushShow
from pointflow_cli.demo.undo import UndoShow
from pointflow_cli.errors import explain, one_line
from pointflow_cli.output import console, note, notes
from pointflow_cli.stack import open_stack
from pointflow_local.samples import load_samples, with_sample_credentials
from pointflow_local.stack import bring_down, bring_up
from pointflow_local.state import HOME_VARIABLE, LOCAL_STACK, LocalStack, project_root


def main() -> int:
    """Run the demonstration; answers the exit code."""
    # A folder of its own: a stack that `pointflow up` started is left alone.
    os.environ[HOME_VARIABLE] = str(project_root() / ".pointflow" / "run")
    try:
        with local_stack() as stack:
            return _demonstrate(stack)
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        note(one_line(told))
        return 2


@contextmanager
def local_stack() -> Iterator[LocalStack]:
    """The local stack with its samples, for as long as the block lasts."""
    with notes.status("") as status:
        up = bring_up(prepare=load_samples, say=lambda what: status.update(f"{what} ..."))
    try:
        yield with_sample_credentials(up.stack)
    finally:
        bring_down()
        note("the local AWS is stopped")


def _demonstrate(local: LocalStack) -> int:
    checks = Checks()
    started = time.monotonic()
    stack = open_stack(LOCAL_STACK)
    before = balances(stack)
    batches = BatchShow(local, checks)
    rehearsed = next(each for each in first_samples() if each.client_id == OVER_SFTP)
    dry_run = DryRunShow(local, checks)
    dry_run.run(rehearsed.client_id, rehearsed.name, rehearsed.body)
    checks.expect("points after the dry run", before, balances(stack))
    batches.send()
    dry_run.compare(batches.first_of(OVER_SFTP))
    after = balances(stack)
    batches.show_outcomes()
    heading("Points by member")
    show_balances(before, after)
    batches.show_results()
    MendShow(stack, checks).run()
    UndoShow(stack, checks).run()
    PushShow(Api.of(local), checks, datetime.now(UTC)).run()
    elapsed = time.monotonic() - started

    heading("Summary")
    batches.summarise(sum(after.values()) - sum(before.values()))
    checks.summarise()
    console.print(f"Both jobs took {elapsed:.1f} seconds.")
    return 1 if checks.faults else 0
