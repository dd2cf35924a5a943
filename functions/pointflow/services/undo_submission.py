"""Start to take back what a batch has credited; `take_back` does the work."""

from __future__ import annotations

from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.submission import Status, Submission, SubmissionRef
from pointflow.domain.undo import UndoCells, obstacle_to_undo
from pointflow.ports.undo import UndoPublisher, UndoStarter


def undo_submission(
    ref: SubmissionRef, now: int, *, store: UndoStarter, undos: UndoPublisher
) -> Submission:
    """Have every credit of a batch taken back. Repeating sends the work again while it goes on.

    Parameters
    ----------
    ref : SubmissionRef
    now : int
        Seconds since the epoch.
    store, undos
        Ports.

    Returns
    -------
    Submission
        As it stands afterwards.

    Raises
    ------
    NotFoundError
        There is no such submission.
    ConflictError
        It cannot be undone; the message says why.
    """
    submission = store.get(ref)
    if submission is None:
        raise NotFoundError(f"no submission {ref.version} of {ref.batch}")
    if submission.status is not Status.UNDOING:
        _refuse(submission)
        submission = store.start_undo(ref, now)
        if submission.status is not Status.UNDOING:
            _refuse(submission)  # somebody else was faster
            raise ConflictError(
                f"{ref.batch} is {submission.status}, and was not undone",
                f"see: pointflow batch show {ref.file_name}",
            )
    ask_for_undo(submission, undos)
    return submission


def ask_for_undo(submission: Submission, undos: UndoPublisher) -> None:
    """Ask for every cell. What is taken back already stays as it is."""
    undos.send_undo([UndoCells(submission.ref, 0, submission.plan.cells)])


def _refuse(submission: Submission) -> None:
    obstacle = obstacle_to_undo(submission)
    if obstacle:
        raise ConflictError(obstacle.why, obstacle.next_step)
