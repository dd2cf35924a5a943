"""Write the result files that a client gets back for a submission.

The rejected rows first, the result JSON last: whoever sees the result finds everything it names.
"""

from __future__ import annotations

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.errors import CounterMismatchError, MessageInvalidError
from pointflow.domain.errors_csv import HEADER, error_csv_line
from pointflow.domain.messages import ReportRequest
from pointflow.domain.result import Findings, ResultKeys, encode_result, result_keys
from pointflow.domain.submission import OPEN, Status, Submission, SubmissionRef
from pointflow.ports import ObjectStore, ObjectWriter, SubmissionStore
from pointflow.services.walk_outcomes import OutcomeWalk

HAVE_REJECTS = frozenset({Status.COMPLETED_WITH_REJECTS, Status.FAILED})


def report_submission(
    request: ReportRequest, *, store: SubmissionStore, objects: ObjectStore
) -> None:
    """Write the newest revision of a submission's results, unless that is done.

    A request for an older revision writes the newest. Repeating changes nothing: a revision that
    is noted as reported stays as it was written, and one that is not is written to the same bytes.

    Raises
    ------
    MessageInvalidError
        There is no such submission.
    CounterMismatchError
        The stored rejects are not as many as were counted.
    ObjectUnreadableError
        Stored rejects are gone.
    """
    submission = _on_record(store, request.ref)
    if submission.reported_revision >= submission.revision:
        return
    while True:
        _write_unless_overtaken(submission, store, objects)
        store.reported(submission.ref, submission.revision)
        newest = _on_record(store, request.ref)
        # Another invocation may have written the newer revision while this one wrote the older
        # over it, so the newer is written again, whether it is noted as reported or not.
        if newest.revision == submission.revision:
            return
        submission = newest


def _on_record(store: SubmissionStore, ref: SubmissionRef) -> Submission:
    submission = store.get(ref)
    if submission is None:
        raise MessageInvalidError("report asked for a submission that is not on record")
    return submission


def _write_unless_overtaken(
    submission: Submission, store: SubmissionStore, objects: ObjectStore
) -> None:
    # Work goes on, for example because a HELD file was released before its report was written:
    # there is nothing to say until it ends.
    if submission.status in OPEN:
        return
    ref = submission.ref
    owner = store.owner(ref.client_id, ref.file_name)
    _write(submission, store, objects, holds_name=owner in (None, ref))
    taken_by = store.owner(ref.client_id, ref.file_name)
    if taken_by in (owner, ref, None):
        return
    # The free name was taken while this was written under it: give the owner its place back.
    _write(submission, store, objects, holds_name=False)
    successor = _on_record(store, taken_by)
    if successor.revision and successor.status not in OPEN:
        _write(successor, store, objects, holds_name=True)


def _write(
    submission: Submission, store: SubmissionStore, objects: ObjectStore, *, holds_name: bool
) -> None:
    keys = result_keys(submission.ref, holds_name=holds_name)
    findings = Findings(submission.tally)
    if submission.status in HAVE_REJECTS:
        findings = _write_rejects(submission, keys, store, objects)
    objects.put(keys.result, encode_result(submission, findings), "application/json")


def _write_rejects(
    submission: Submission, keys: ResultKeys, store: SubmissionStore, objects: ObjectStore
) -> Findings:
    walk = OutcomeWalk(submission, store, objects)
    with (
        objects.writer(keys.rejected, "text/plain; charset=utf-8") as rejected,
        objects.writer(keys.errors, "text/csv; charset=utf-8") as errors,
    ):
        written = _RejectFiles(rejected, errors)
        for row in walk.rejects():
            written.add(row)
    # The counts of what is complete were checked as a whole; of what failed, only parts are known.
    tally = walk.tally if submission.status is Status.FAILED else submission.tally
    if written.errors_lines != tally.rejected:
        raise CounterMismatchError(
            f"{tally.rejected} rows were counted as rejected, {written.errors_lines} are stored"
        )
    return Findings(
        tally,
        walk.undecided,
        rejected_key=keys.rejected if written.rejected_lines else None,
        errors_key=keys.errors if written.errors_lines else None,
    )


class _RejectFiles:
    """The two files of a batch's rejected rows, written side by side."""

    def __init__(self, rejected: ObjectWriter, errors: ObjectWriter) -> None:
        self._rejected = rejected
        self._errors = errors
        self.rejected_lines = 0
        self.errors_lines = 0

    def add(self, row: RejectedRow) -> None:
        if not self.errors_lines:
            self._errors.write(HEADER)
        self._errors.write(error_csv_line(row))
        self.errors_lines += 1
        if row.raw is not None:
            self._rejected.write(row.raw + b"\n")
            self.rejected_lines += 1
