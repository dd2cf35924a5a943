"""Wake what stands still, and say so where waking cannot help.

Credit chunks are never sent again from here: a chunk is in its queue, in its dead-letter queue,
or decided, and only the first two may still change that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pointflow.domain.codes import FailureCode
from pointflow.domain.submission import OPEN, Failure, Status, Submission, SubmissionRef
from pointflow.ports import PartPublisher, ReportPublisher, SubmissionStore
from pointflow.services.plan_submission import send_measure_parts, send_parse_parts
from pointflow.services.settle import settle_submission

STILL_SECONDS = 15 * 60
"""How long a submission may stand still before it is looked after."""

MOST_ASKS = 3
"""How often intake is asked again before it counts as stuck."""

LINES_NAMED = 10

IN_INTAKE = frozenset({Status.RECEIVED, Status.PLANNING, Status.PARSING})


@dataclass(slots=True)
class WatchSummary:
    """What one run did. `in_time` is False when it ended before it had seen everything."""

    seen: int = 0
    asked_again: int = 0
    failed: int = 0
    in_time: bool = True
    errors: list[Exception] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Watch:
    """The use case with its ports.

    `credit_visibility` is the visibility timeout of CreditQueue in seconds: a last delivery that
    is older has ended, one way or the other. `out_of_time` tells when to stop.
    """

    store: SubmissionStore
    parts: PartPublisher
    reports: ReportPublisher
    credit_visibility: int
    out_of_time: Callable[[], bool]

    def run(self, now: int) -> WatchSummary:
        """Look after every submission that stands still.

        One that cannot be looked after does not stop the others: its error is in the summary,
        with a note that names the submission.

        Parameters
        ----------
        now : int
            Seconds since the epoch.
        """
        summary = WatchSummary()
        for submission in self.store.open_since(now - STILL_SECONDS):
            if self.out_of_time():
                summary.in_time = False
                break
            summary.seen += 1
            try:
                self._look_after(submission.ref, now, summary)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others come first
                ref = submission.ref
                error.add_note(f"while looking after {ref.batch}, version {ref.version}")
                summary.errors.append(error)
        return summary

    def _look_after(self, ref: SubmissionRef, now: int, summary: WatchSummary) -> None:
        # The index that found it lags behind; the record itself decides.
        found = self.store.get(ref)
        if found is None or not found.outstanding:
            return
        submission = self._settle(found, now)
        if submission.status in OPEN:
            failure = self._failure_of(submission, now)
            if failure:
                self.store.fail(ref, failure, now)
                submission = self._settle(submission, now)
            else:
                self._send_parts(submission)
        if submission.outstanding:
            self.store.count_asked_again(ref, now)
            summary.asked_again += 1
        if submission.status is Status.FAILED and found.status is not Status.FAILED:
            summary.failed += 1

    def _settle(self, submission: Submission, now: int) -> Submission:
        if submission.status in {Status.PARSING, Status.CREDITING}:
            self._complete_cells(submission, now)
        settle_submission(self.store, self.reports, submission.ref, now)
        return self.store.get(submission.ref) or submission

    def _complete_cells(self, submission: Submission, now: int) -> None:
        for cell in range(submission.plan.cells):
            progress = self.store.cell_progress(submission.ref, cell)
            if progress.settled:
                self.store.complete_cell(submission.ref, cell, progress.tally, now)

    def _failure_of(self, submission: Submission, now: int) -> Failure | None:
        dead = sorted(self._dead_chunks(submission, now))
        if dead:
            return Failure(FailureCode.CHUNK_DEAD_LETTERED, _say_dead(dead))
        if submission.status in IN_INTAKE and submission.asked_again >= MOST_ASKS:
            return Failure(
                FailureCode.INTAKE_STUCK,
                f"the file did not get beyond {submission.status}, although intake was asked"
                f" {submission.asked_again} times to go on; see its dead-letter queues",
            )
        return None

    def _dead_chunks(self, submission: Submission, now: int) -> Iterator[int]:
        if submission.status not in {Status.PARSING, Status.CREDITING}:
            return
        ref = submission.ref
        for cell in range(submission.plan.cells):
            for first_line, tried_at in self.store.last_tries(ref, cell).items():
                ended = tried_at + self.credit_visibility < now
                if ended and self.store.outcome(ref, cell, first_line) is None:
                    yield first_line

    def _send_parts(self, submission: Submission) -> None:
        if submission.status is Status.PLANNING:
            send_measure_parts(submission, store=self.store, parts=self.parts)
        elif submission.status is Status.PARSING:
            send_parse_parts(submission, store=self.store, parts=self.parts)


def _say_dead(first_lines: list[int]) -> str:
    named = ", ".join(str(line) for line in first_lines[:LINES_NAMED])
    more = len(first_lines) - LINES_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"{len(first_lines)} chunk(s) of rows could not be credited and lie in the dead-letter"
        f" queue: those that start at line {named}{rest}; do not send these rows again"
    )
