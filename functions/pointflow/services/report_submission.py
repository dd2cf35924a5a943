"""Write the result files that a client gets back for a submission.

The rejected rows first, the result JSON last: whoever sees the result finds everything it names.
No result ever names files of another submission: before a new holder of the name writes over
the former holder's files, the result that names them is removed, and files that the new result
does not name are removed behind it.

Any number of workers may write at once. Each looks at the record again after it has written, and
writes again what has become newer, or belongs to somebody else, by then; for one that died before
it could look, its redelivered message does so. So the last to write has written the newest.

Whoever listens is told of a revision after its files are written and before that is noted: at least
once, whatever crashes.

A report that takes longer than an invocation leaves a draft and asks to be gone on with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pointflow.domain.codes import FileCode
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import ReportRequest
from pointflow.domain.notice import notice_of
from pointflow.domain.result import (
    Findings,
    ResultKeys,
    encode_result,
    read_result,
    result_keys,
)
from pointflow.domain.submission import OPEN, Status, Submission, SubmissionRef
from pointflow.ports.notices import Notices
from pointflow.ports.objects import ResultStore
from pointflow.ports.queues import ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.report_draft import load_draft
from pointflow.services.report_dry_run import report_dry_run
from pointflow.services.write_rejects import write_rejects

HAVE_REJECTS = frozenset({Status.COMPLETED_WITH_REJECTS, Status.FAILED, Status.UNDONE})


@dataclass(frozen=True, slots=True)
class Reporting:
    """The use case with its ports. `out_of_time` tells when to leave the rest to another."""

    store: SubmissionStore
    objects: ResultStore
    reports: ReportPublisher
    notices: Notices
    out_of_time: Callable[[], bool]


class _UnfinishedError(Exception):
    """The rest of a revision's files is for another invocation."""

    def __init__(self, submission: Submission) -> None:
        super().__init__(submission.ref.batch)
        self.request = ReportRequest(submission.ref, submission.revision, goes_on=True)


def report_submission(
    request: ReportRequest, *, ports: Reporting, again: bool = False
) -> tuple[Submission, ...]:
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
    ports : Reporting
    again : bool
        Whether the request was delivered before. Whoever had it may have died after it wrote an
        older revision over a newer one, or its own result over that of the name's new holder:
        both are written again.

    Returns
    -------
    tuple of Submission
        Those of which a revision is now reported that was not before.

    Raises
    ------
    MessageInvalidError
        There is no such submission.
    CounterMismatchError
        The stored rejects are not as many as were counted.
    DraftLostError
        Somebody else has finished the files that were gone on with; a later try begins anew.
    ObjectUnreadableError
        Stored rejects are gone.
    """
    reported: list[Submission] = []
    try:
        _report(request, ports, reported, again=again)
    except _UnfinishedError as unfinished:
        ports.reports.request_report(unfinished.request)
    return tuple(reported)


def _report(
    request: ReportRequest, ports: Reporting, reported: list[Submission], *, again: bool
) -> None:
    ref = request.ref
    if ref.dry_run:
        report_dry_run(ref, store=ports.store, objects=ports.objects)
        return
    submission = _on_record(ports.store, ref)
    goes_on = request.goes_on and load_draft(submission, ports.objects) is not None
    look_at_holder = (again or goes_on) and _may_have_held_name(submission)
    unreported = submission.reported_revision < submission.revision
    if unreported or goes_on or (again and submission.revision > 1):
        first_stands = unreported or not goes_on
        look_at_holder |= _write_newest(ref, ports, reported, first_stands=first_stands)
    while look_at_holder and (holder := _holder(ports.store, ref)) != ref:
        ref = holder
        _write_newest(ref, ports, reported, first_stands=False)


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
    ref: SubmissionRef, ports: Reporting, reported: list[Submission], *, first_stands: bool
) -> bool:
    """Write until what was written is the newest, in its right place.

    Returns
    -------
    bool
        Whether anything was written under the plain name.
    """
    store = ports.store
    held_name = False
    while True:
        submission = _on_record(store, ref)
        holds_name = _holder(store, ref) == ref
        result: bytes | None = None
        # While work goes on, for example because a HELD file was released before its report was
        # written, there is nothing to say.
        if submission.status not in OPEN:
            held_name |= holds_name
            result = _write(submission, ports, holds_name=holds_name, first_stands=first_stands)
        if (_holder(store, ref) == ref) != holds_name:
            continue
        is_news = result is not None and submission.reported_revision < submission.revision
        if result is not None and is_news:
            # Before it is noted as reported: whoever dies in between has it told once more.
            key = result_keys(ref, holds_name=holds_name).result
            ports.notices.tell(notice_of(result, key))
        store.reported(ref, submission.revision)
        if is_news:
            reported.append(submission)
        if _on_record(store, ref).revision == submission.revision:
            return held_name


def _write(
    submission: Submission, ports: Reporting, *, holds_name: bool, first_stands: bool
) -> bytes:
    """Write the result files; answers the result that lies there now."""
    objects = ports.objects
    keys = result_keys(submission.ref, holds_name=holds_name)
    findings = Findings(submission.tally)
    if submission.status in HAVE_REJECTS:
        body = objects.find(keys.result)
        lies = None if body is None else read_result(body)
        same = lies and (lies.version, lies.revision) == _revision(submission)
        if body and same and first_stands and submission.status is Status.FAILED:
            return body
        if lies and lies.names_files and lies.version != submission.ref.version:
            objects.remove(keys.result)
        found = write_rejects(
            submission, keys, store=ports.store, objects=objects, out_of_time=ports.out_of_time
        )
        if found is None:
            raise _UnfinishedError(submission)
        findings = found
    result = encode_result(submission, findings)
    objects.put(keys.result, result, "application/json")
    if holds_name:
        _remove_unnamed(keys, findings, objects)
    return result


def _remove_unnamed(keys: ResultKeys, findings: Findings, objects: ResultStore) -> None:
    """Remove what an earlier revision, or the name's former holder, left beside the result."""
    if findings.rejected_key is None:
        objects.remove(keys.rejected)
    if findings.errors_key is None:
        objects.remove(keys.errors)


def _revision(submission: Submission) -> tuple[str, int]:
    return submission.ref.version, submission.revision
