"""Let a HELD file go on, or drop it."""

from __future__ import annotations

from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.submission import Status, Submission, SubmissionRef
from pointflow.ports.queues import PartPublisher, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.plan_submission import send_parse_parts
from pointflow.services.settle import settle_submission


def release_submission(
    ref: SubmissionRef, now: int, *, store: SubmissionStore, parts: PartPublisher
) -> Submission:
    """Credit a HELD file although its content is known. Repeating sends the work again.

    Returns
    -------
    Submission
        As it stands afterwards.

    Raises
    ------
    NotFoundError
        There is no such submission.
    ConflictError
        It is not held, nor was it released and is still being parsed.
    """
    submission = _on_record(ref, store)
    if not _was_released(submission):
        _check(submission, Status.HELD)
        submission = store.release(ref, now)
    # A release that crashed here before left the file PARSING with nobody parsing it.
    send_parse_parts(submission, store=store, parts=parts)
    return submission


def discard_submission(
    ref: SubmissionRef, now: int, *, store: SubmissionStore, reports: ReportPublisher
) -> Submission:
    """Drop a HELD file: nothing of it is credited, and its name is free. May be repeated.

    Returns
    -------
    Submission
        As it stands afterwards.

    Raises
    ------
    NotFoundError
        There is no such submission.
    ConflictError
        It is neither held nor discarded.
    """
    submission = _on_record(ref, store)
    _check(submission, Status.HELD, Status.DISCARDED)
    if submission.status is Status.HELD:
        submission = store.discard(ref, now)
    settle_submission(store, reports, ref, now)
    return submission


def _on_record(ref: SubmissionRef, store: SubmissionStore) -> Submission:
    submission = store.get(ref)
    if submission is None:
        raise NotFoundError(f"no submission {ref.version} of {ref.batch}")
    return submission


def _check(submission: Submission, *allowed: Status) -> None:
    if submission.status not in allowed:
        raise ConflictError(
            f"{submission.ref.batch} is {submission.status}, not HELD",
            f"see: pointflow batch show {submission.ref.file_name}",
        )


def _was_released(submission: Submission) -> bool:
    # Only a held file has both: a twin, and work going on.
    return submission.status is Status.PARSING and submission.twin is not None
