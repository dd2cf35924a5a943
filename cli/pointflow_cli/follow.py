"""Follow submissions until each is final and its results are written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from pointflow.domain.submission import OPEN, Status, Submission, SubmissionRef, Tally
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.read_progress import tally_so_far
from pointflow_cli.pace import Pace, pace

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 2.0

Followed = dict[SubmissionRef, tuple[Submission, Tally]]
"""What was seen last of each submission that is on record."""


def is_done(submission: Submission) -> bool:
    """Whether nothing more will happen by itself, and the results are written."""
    return submission.status not in OPEN and submission.reported_revision >= submission.revision


def original_of(submission: Submission) -> SubmissionRef | None:
    """The upload that a duplicate repeats; None for any other submission."""
    if submission.status is not Status.DUPLICATE or submission.twin is None:
        return None
    ref = submission.ref
    return SubmissionRef(ref.client_id, ref.file_name, submission.twin)


def follow(
    refs: Sequence[SubmissionRef],
    store: SubmissionStore,
    timeout: float,
    show: Callable[[Submission, Tally], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Followed:
    """Look at submissions again and again, until all are done or time is up.

    Parameters
    ----------
    refs : sequence of SubmissionRef
    store : SubmissionStore
    timeout : float
        Seconds for all of them together.
    show : callable
        Told about every look at a submission.

    Returns
    -------
    Followed
        A submission that was not taken up in time is missing.
    """
    deadline = monotonic() + timeout
    pause = FIRST_PAUSE
    seen: Followed = {}
    waiting = list(dict.fromkeys(refs))
    while True:
        for ref in tuple(waiting):
            submission = store.get(ref)
            if submission is None:
                continue
            seen[ref] = submission, tally_so_far(submission, store)
            show(*seen[ref])
            if is_done(submission):
                waiting.remove(ref)
        left = deadline - monotonic()
        if not waiting or left <= 0:
            return seen
        sleep(min(pause, left))
        pause = min(LONGEST_PAUSE, pause * 1.25)


class ProgressView:
    """A live line per file: first its upload, then what becomes of its rows."""

    def __init__(
        self, console: Console, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._since: dict[SubmissionRef, float] = {}
        self._sending: dict[str, TaskID] = {}
        self._tasks: dict[SubmissionRef, TaskID] = {}
        self.progress = Progress(
            SpinnerColumn(),
            # Where room is short, the end of a long name goes first: the counts are what moves.
            TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1)),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[counts]}", table_column=Column(no_wrap=True)),
            TimeElapsedColumn(),
            console=console,
        )

    def uploading(self, name: str, size: int) -> Callable[[int], None]:
        """Start a file's line; answers whom to tell about bytes sent."""
        task = self.progress.add_task(name, total=size, counts="sending")
        self._sending[name] = task
        return lambda sent: self.progress.advance(task, sent)

    def waiting(self, ref: SubmissionRef) -> None:
        """The file is there; nobody has taken it up yet."""
        self._tasks[ref] = self._sending.pop(ref.file_name)
        self._since[ref] = self._monotonic()
        # How many rows there are is not known before they are parsed.
        self.progress.update(self._tasks[ref], total=None, counts="waiting")

    def original(self, refs: Iterable[SubmissionRef]) -> None:
        """Give uploads that duplicates repeat, and are waited for, lines of their own."""
        for ref in refs:
            if ref not in self._tasks:
                self._tasks[ref] = self.progress.add_task(
                    f"{ref.file_name}, sent before", total=None, counts="waiting"
                )

    def show(self, submission: Submission, tally: Tally) -> None:
        """Show how far a submission is."""
        counts = f"{submission.status}"
        if tally.rows:
            counts += (
                f"  parsed {tally.rows:,}  credited {tally.credited:,}  rejected {tally.rejected:,}"
            )
        done = is_done(submission)
        if told := self._pace(submission, tally, done=done):
            counts += f"  {told}"
        self.progress.update(
            self._tasks[submission.ref],
            total=(tally.rows or 1) if done or tally.rows else None,
            completed=(tally.rows or 1) if done else tally.credited + tally.rejected,
            counts=counts,
        )

    def _pace(self, submission: Submission, tally: Tally, *, done: bool) -> Pace | None:
        """Since the file was there; nothing for uploads that had their start before."""
        ref = submission.ref
        if ref not in self._since:
            return None
        found = pace(submission, tally, self._monotonic() - self._since[ref])
        return found and (Pace(found.rows_a_second, None) if done else found)
