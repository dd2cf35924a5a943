"""Wake what stands still, and say so where waking cannot help.

A submission may stand still because its messages wait behind others, which is nobody's fault and
passes. It is given up only when they cannot be waiting: a chunk's last delivery left its mark, or
the queue holds no message at all. Credit chunks are never sent again from here: a chunk is in its
queue, in its dead-letter queue, or decided, and only the first two may still change that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pointflow.domain.codes import FailureCode
from pointflow.domain.messages import MeasurePart, ReportRequest
from pointflow.domain.submission import OPEN, Failure, Status, Submission, SubmissionRef
from pointflow.ports.queues import PartPublisher, QueueDepths, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.ports.undo import UndoPublisher
from pointflow.services.plan_submission import send_measure_parts, send_parse_parts
from pointflow.services.undo_submission import ask_for_undo

STILL_SECONDS = 15 * 60
"""How long a submission may stand still before it is looked after, and between two looks."""

MOST_LOOKS_APART = 32
"""Looks from one asking to the next, at most: eight hours."""

MOST_ASKS = 3
"""How often intake is asked again before it counts as stuck."""

NOT_CREDITED_SECONDS = 60 * 60
"""How long crediting may stand still, with nothing left in its queue, before it counts as dead."""

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
class Idle:
    """Which queues held nothing when the run began."""

    parts: bool
    chunks: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """The use case with its ports.

    `credit_visibility` is the visibility timeout of CreditQueue in seconds: a last delivery that
    is older has ended, one way or the other. `out_of_time` tells when to stop.
    """

    store: SubmissionStore
    parts: PartPublisher
    reports: ReportPublisher
    undos: UndoPublisher
    depths: QueueDepths
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
        # Before any record is read: a message that is in no queue now, and whose effect is on no
        # record that is read later, is not merely being worked on.
        idle = Idle(parts=not self.depths.parts(), chunks=not self.depths.chunks())
        for ref in self.store.open_since(now - STILL_SECONDS):
            if self.out_of_time():
                summary.in_time = False
                break
            summary.seen += 1
            try:
                self._look_after(ref, idle, now, summary)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others come first
                error.add_note(f"while looking after {ref.batch}, version {ref.version}")
                summary.errors.append(error)
        return summary

    def _look_after(self, ref: SubmissionRef, idle: Idle, now: int, summary: WatchSummary) -> None:
        found = self.store.get(ref)
        # The index that found it lags behind; the record itself decides.
        if found is None or not found.outstanding or found.updated_at >= now - STILL_SECONDS:
            return
        submission = self._bring_on(found, idle, now)
        if submission.status is Status.FAILED and found.status is not Status.FAILED:
            summary.failed += 1
        if submission.revision > found.revision:
            self._request_report(submission)
            return
        if is_due(submission.looks + 1):
            summary.asked_again += self._ask(submission)
        self.store.count_look(ref, now)

    def _bring_on(self, submission: Submission, idle: Idle, now: int) -> Submission:
        """Finish what only has to be counted, and fail what cannot go on."""
        missing = 0
        if submission.status in {Status.PARSING, Status.CREDITING}:
            missing = self._complete_cells(submission, now)
        submission = self.store.complete(submission.ref, now)
        if submission.status not in OPEN:
            return submission
        failure = self._failure_of(submission, missing, idle, now)
        return self.store.fail(submission.ref, failure, now) if failure else submission

    def _complete_cells(self, submission: Submission, now: int) -> int:
        """Complete the settled cells; answers how many chunks of closed cells are undecided."""
        missing = 0
        for cell in range(submission.plan.cells):
            progress = self.store.cell_progress(submission.ref, cell)
            if progress.settled:
                self.store.complete_cell(submission.ref, cell, progress.tally, now)
            elif progress.chunks is not None:
                missing += progress.chunks - progress.outcomes
        return missing

    def _failure_of(
        self, submission: Submission, missing: int, idle: Idle, now: int
    ) -> Failure | None:
        dead = sorted(self._dead_chunks(submission, now))
        if dead:
            return Failure(FailureCode.CHUNK_DEAD_LETTERED, _say_dead(dead))
        asked = asks_within(submission.looks)
        if submission.status in IN_INTAKE and idle.parts and asked >= MOST_ASKS:
            return Failure(FailureCode.INTAKE_STUCK, _say_stuck(submission, asked))
        still = (submission.looks + 1) * STILL_SECONDS
        if missing and idle.chunks and still >= NOT_CREDITED_SECONDS:
            return Failure(FailureCode.CHUNK_DEAD_LETTERED, _say_missing(missing))
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

    def _ask(self, submission: Submission) -> bool:
        """Send again what may be sent twice; answers whether there was something to ask for."""
        match submission.status:
            case Status.RECEIVED:
                self.parts.send_parts([MeasurePart(submission.ref, 0)])
            case Status.PLANNING:
                send_measure_parts(submission, store=self.store, parts=self.parts)
            case Status.PARSING:
                send_parse_parts(submission, store=self.store, parts=self.parts)
            case Status.CREDITING:
                return False
            case Status.UNDOING:
                ask_for_undo(submission, self.undos)
            case _:
                self._request_report(submission)
        return True

    def _request_report(self, submission: Submission) -> None:
        self.reports.request_report(ReportRequest(submission.ref, submission.revision))


def is_due(look: int) -> bool:
    """Whether something is asked for at this look since the last movement, counted from 1.

    It is at looks 1, 3, 7, 15 and 31, so after waits that double from 15 minutes on, then at every
    32nd: what waits in a long queue is not made longer by messages of the same.
    """
    return look & (look + 1) == 0 or (look + 1) % MOST_LOOKS_APART == 0


def asks_within(looks: int) -> int:
    """How often so many looks have asked."""
    return sum(map(is_due, range(1, looks + 1)))


def _say_stuck(submission: Submission, asked: int) -> str:
    healing = (
        "upload the file again"
        if submission.content is None
        else "put the messages of that queue back, and the file is finished"
    )
    return (
        f"the file did not get beyond {submission.status}, although intake was asked {asked} times"
        " to go on and has no message of it left but in its dead-letter queue; once the cause is"
        f" mended, {healing}"
    )


def _say_dead(first_lines: list[int]) -> str:
    named = ", ".join(str(line) for line in first_lines[:LINES_NAMED])
    more = len(first_lines) - LINES_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"{len(first_lines)} chunk(s) of rows could not be credited and lie in the dead-letter"
        f" queue: those that start at line {named}{rest}; do not send these rows again"
    )


def _say_missing(chunks: int) -> str:
    return (
        f"{chunks} chunk(s) of rows were not credited and are no longer in the queue, so they can"
        " only lie in its dead-letter queue; do not send the undecided rows again"
    )
