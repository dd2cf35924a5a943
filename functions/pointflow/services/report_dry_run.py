"""Write the report of a dry run. Nobody else's files are named, touched or removed."""

from __future__ import annotations

from itertools import islice

from pointflow.domain.dry_run import (
    FIRST_REJECTS,
    dry_run_fields,
    dry_run_key,
    encode_dry_run,
)
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.forecast import Forecast
from pointflow.domain.submission import OPEN, Submission, SubmissionRef
from pointflow.ports.objects import ObjectStore
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.read_progress import rejected_rows


def report_dry_run(ref: SubmissionRef, *, store: SubmissionStore, objects: ObjectStore) -> None:
    """Write the newest revision of a dry run's report. Repeating writes the same bytes.

    Raises
    ------
    MessageInvalidError
        There is no such dry run.
    ObjectUnreadableError
        Stored rejects are gone.
    """
    while True:
        submission = _on_record(store, ref)
        if submission.status not in OPEN:
            first = islice(rejected_rows(submission, store, objects), FIRST_REJECTS)
            fields = dry_run_fields(submission, _forecast(submission, store), first)
            objects.put(dry_run_key(submission), encode_dry_run(fields), "application/json")
        store.reported(ref, submission.revision)
        if _on_record(store, ref).revision == submission.revision:
            return


def _on_record(store: SubmissionStore, ref: SubmissionRef) -> Submission:
    submission = store.get(ref)
    if submission is None:
        raise MessageInvalidError("report asked for a dry run that is not on record")
    return submission


def _forecast(submission: Submission, store: SubmissionStore) -> Forecast:
    total = Forecast()
    for cell in range(submission.plan.cells):
        for outcome in store.outcomes(submission.ref, cell):
            total += outcome.forecast or Forecast()
    return total
