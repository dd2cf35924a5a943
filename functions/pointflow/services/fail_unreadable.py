"""Give a submission up because its object cannot be read."""

from __future__ import annotations

from pointflow.domain.codes import FailureCode
from pointflow.domain.submission import Failure, SubmissionRef
from pointflow.ports.queues import ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.settle import settle_submission

OBJECT_UNREADABLE = Failure(
    FailureCode.OBJECT_UNREADABLE,
    "the uploaded version of the file was deleted, or moved to an archive, before all of it was"
    " processed; if this result says that nothing was credited, upload the file again",
)


def fail_unreadable(
    store: SubmissionStore, reports: ReportPublisher, ref: SubmissionRef, now: int
) -> None:
    """Fail the submission and ask for its report; one that is finished stays as it is."""
    store.fail(ref, OBJECT_UNREADABLE, now)
    settle_submission(store, reports, ref, now)
