"""Write the two files of a submission's rejected rows, in as many invocations as it takes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.errors import CounterMismatchError, DraftLostError
from pointflow.domain.errors_csv import HEADER, error_csv_line
from pointflow.domain.result import Findings, ResultKeys
from pointflow.domain.submission import Status, Submission
from pointflow.ports.objects import ObjectWriter, ResultStore
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.report_draft import (
    HalfFile,
    ReportDraft,
    drop_draft,
    load_draft,
    save_draft,
)
from pointflow.services.walk_outcomes import OutcomeWalk


def write_rejects(
    submission: Submission,
    keys: ResultKeys,
    *,
    store: SubmissionStore,
    objects: ResultStore,
    out_of_time: Callable[[], bool],
) -> Findings | None:
    """Go on with the files where an earlier invocation left them, or begin them.

    `out_of_time` is asked after each cell, never before the first: every invocation brings the
    report further.

    Returns
    -------
    Findings or None
        None when time was up: the draft is kept, and somebody has to go on with it.

    Raises
    ------
    CounterMismatchError
        The stored rejects are not as many as were counted.
    DraftLostError
        Somebody else finished the files. Begin anew: the draft is dropped.
    ObjectUnreadableError
        Stored rejects are gone.
    """
    begun = load_draft(submission, objects)
    draft = begun or ReportDraft()
    walk = OutcomeWalk(submission, draft.walked, store, objects)
    try:
        with ExitStack() as stack:
            rejected = _LineFile(keys.rejected, "text/plain; charset=utf-8", draft.rejected)
            errors = _LineFile(keys.errors, "text/csv; charset=utf-8", draft.errors, head=HEADER)
            for file in (rejected, errors):
                file.open(stack, objects)
            while not walk.done:
                for row in walk.next_rejects():
                    _add(row, rejected, errors)
                if not walk.done and out_of_time():
                    halves = (rejected.suspend(), errors.suspend())
                    save_draft(submission, ReportDraft(walk.walked, *halves), objects)
                    return None
    except DraftLostError:
        drop_draft(submission, objects)
        raise
    if begun:
        drop_draft(submission, objects)
    # The counts of what is complete were checked as a whole; of what failed, only parts are known.
    tally = walk.walked.tally if submission.status is Status.FAILED else submission.tally
    if errors.lines != tally.rejected:
        raise CounterMismatchError(
            f"{tally.rejected} rows were counted as rejected, {errors.lines} are stored"
        )
    return Findings(
        tally,
        walk.undecided,
        rejected_key=keys.rejected if rejected.lines else None,
        errors_key=keys.errors if errors.lines else None,
    )


def _add(row: RejectedRow, rejected: _LineFile, errors: _LineFile) -> None:
    errors.add(error_csv_line(row))
    if row.raw is not None:
        rejected.add(row.raw + b"\n")


class _LineFile:
    """A file of lines, with a head as soon as it has one of them."""

    _writer: ObjectWriter

    def __init__(self, key: str, content_type: str, half: HalfFile, head: bytes = b"") -> None:
        self.lines = half.lines
        self._key = key
        self._content_type = content_type
        self._draft = half.draft
        self._head = head

    def open(self, stack: ExitStack, objects: ResultStore) -> None:
        writing = objects.writer(self._key, self._content_type, self._draft)
        self._writer = stack.enter_context(writing)

    def add(self, line: bytes) -> None:
        self._writer.write(line if self.lines else self._head + line)
        self.lines += 1

    def suspend(self) -> HalfFile:
        return HalfFile(self._writer.suspend(), self.lines)
