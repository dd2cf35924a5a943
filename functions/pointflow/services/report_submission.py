"""Write the result files that a client gets back for a submission.

The rejected rows first, the result JSON last: whoever sees the result finds everything it names.
No result ever names files of another submission: before a new holder of the name writes over
the former holder's files, the result that names them is removed, and files that the new result
does not name are removed behind it.

Any number of workers may write at once. Each looks at the record again after it has written, and
writes again what has become newer, or belongs to somebody else, by then; for one that died before
it could look, its redelivered message does so. So the last to write has written the newest.
"""

from __future__ import annotations

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import FileCode
from pointflow.domain.errors import CounterMismatchError, MessageInvalidError
from pointflow.domain.errors_csv import HEADER, error_csv_line
from pointflow.domain.messages import ReportRequest
from pointflow.domain.result import (
    Findings,
    ResultKeys,
    WrittenResult,
    encode_result,
    read_result,
    result_keys,
)
from pointflow.domain.submission import OPEN, Status, Submission, SubmissionRef
from pointflow.ports.objects import ObjectStore, ObjectWriter, ResultStore
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.report_dry_run import report_dry_run
from pointflow.services.walk_outcomes import OutcomeWalk

HAVE_REJECTS = frozenset({Status.COMPLETED_WITH_REJECTS, Status.FAILED, Status.UNDONE})


def report_submission(
    request: ReportRequest, *, store: SubmissionStore, objects: ResultStore, again: bool = False
) -> None:
    """Write the newest revision of a submission's results, unless that is done.

    A request for an older revision writes the newest. Repeating changes nothing: a revision that
    is noted as reported stays as it was written, and one that is not is written to the same bytes.

    Chunks of a failed batch may still be decided while its report is written or repeated, so of
    its revision the first result that was written stays. Two cases are left in which its counts
    and undecided lines can differ between two writings, by what was decided in between: two
    workers write its first report at the same time, or another submission's worker died right
    after it had written over the result.

    Parameters
    ----------
    request : ReportRequest
    store, objects
        Ports.
    again : bool
        Whether the request was delivered before. Whoever had it may have died after it wrote an
        older revision over a newer one, or its own result over that of the name's new holder:
        both are written again.

    Raises
    ------
    MessageInvalidError
        There is no such submission.
    CounterMismatchError
        The stored rejects are not as many as were counted.
    ObjectUnreadableError
        Stored rejects are gone.
    """
    ref = request.ref
    if ref.dry_run:
        report_dry_run(ref, store=store, objects=objects)
        return
    submission = _on_record(store, ref)
    look_at_holder = again and _may_have_held_name(submission)
    unreported = submission.reported_revision < submission.revision
    if unreported or (again and submission.revision > 1):
        look_at_holder |= _write_newest(ref, store, objects, first_stands=True)
    while look_at_holder and (holder := _holder(store, ref)) != ref:
        ref = holder
        _write_newest(ref, store, objects, first_stands=False)


def _on_record(store: SubmissionStore, ref: SubmissionRef) -> Submission:
    submission = store.get(ref)
    if submission is None:
        raise MessageInvalidError("report asked for a submission that is not on record")
    return submission


def _may_have_held_name(submission: Submission) -> bool:
    """Whether it may ever have been written under the plain name; some came after a holder."""
    reused = submission.refusal and submission.refusal.code is FileCode.FILE_NAME_REUSED
    return submission.status is not Status.DUPLICATE and not reused


def _holder(store: SubmissionStore, ref: SubmissionRef) -> SubmissionRef:
    """Whose result has the plain name: that of the name's owner, or anybody's without one."""
    return store.owner(ref.client_id, ref.file_name) or ref


def _write_newest(
    ref: SubmissionRef, store: SubmissionStore, objects: ResultStore, *, first_stands: bool
) -> bool:
    """Write until what was written is the newest, in its right place.

    Returns
    -------
    bool
        Whether anything was written under the plain name.
    """
    held_name = False
    while True:
        submission = _on_record(store, ref)
        holds_name = _holder(store, ref) == ref
        # While work goes on, for example because a HELD file was released before its report was
        # written, there is nothing to say.
        if submission.status not in OPEN:
            held_name |= holds_name
            _write(submission, store, objects, holds_name=holds_name, first_stands=first_stands)
        if (_holder(store, ref) == ref) != holds_name:
            continue
        store.reported(ref, submission.revision)
        if _on_record(store, ref).revision == submission.revision:
            return held_name


def _write(
    submission: Submission,
    store: SubmissionStore,
    objects: ResultStore,
    *,
    holds_name: bool,
    first_stands: bool,
) -> None:
    keys = result_keys(submission.ref, holds_name=holds_name)
    findings = Findings(submission.tally)
    if submission.status in HAVE_REJECTS:
        lies = _lies_there(objects, keys.result)
        same = lies and (lies.version, lies.revision) == _revision(submission)
        if same and first_stands and submission.status is Status.FAILED:
            return
        if lies and lies.names_files and lies.version != submission.ref.version:
            objects.remove(keys.result)
        findings = _write_rejects(submission, keys, store, objects)
    objects.put(keys.result, encode_result(submission, findings), "application/json")
    if holds_name:
        _remove_unnamed(keys, findings, objects)


def _remove_unnamed(keys: ResultKeys, findings: Findings, objects: ResultStore) -> None:
    """Remove what an earlier revision, or the name's former holder, left beside the result."""
    if findings.rejected_key is None:
        objects.remove(keys.rejected)
    if findings.errors_key is None:
        objects.remove(keys.errors)


def _lies_there(objects: ResultStore, key: str) -> WrittenResult | None:
    body = objects.find(key)
    return None if body is None else read_result(body)


def _revision(submission: Submission) -> tuple[str, int]:
    return submission.ref.version, submission.revision


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
