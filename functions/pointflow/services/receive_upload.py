"""Take an upload in: record it, refuse what can be refused at sight, and have it measured."""

from __future__ import annotations

from dataclasses import dataclass

from pointflow.domain.batch_row import RULINGS
from pointflow.domain.codes import FileCode
from pointflow.domain.content import HEAD_BYTES, refuse_not_text
from pointflow.domain.errors import ObjectUnreadableError
from pointflow.domain.file_name import is_temporary_name, parse_file_name, refuse_other_client
from pointflow.domain.messages import Upload
from pointflow.domain.submission import (
    MOST_CELLS,
    Plan,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
)
from pointflow.domain.text import shown
from pointflow.ports.catalog import Catalog
from pointflow.ports.objects import ObjectStore
from pointflow.ports.queues import PartPublisher, ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.fail_unreadable import fail_unreadable
from pointflow.services.plan_submission import send_measure_parts
from pointflow.services.settle import settle_submission


@dataclass(frozen=True, slots=True)
class Limits:
    """How files are cut from now on; a file keeps what it was planned with. Sizes in bytes.

    A file that would have over a million cells gets larger ones.
    """

    cell_bytes: int
    chunk_rows: int
    chunk_bytes: int


def receive_upload(
    upload: Upload,
    *,
    store: SubmissionStore,
    objects: ObjectStore,
    catalog: Catalog,
    parts: PartPublisher,
    reports: ReportPublisher,
    limits: Limits,
    now: int,
) -> Submission | None:
    """Record an upload, then refuse it or ask for every cell to be measured.

    The same upload may be announced any number of times: work goes on where it stands, and a
    submission that is planned already is left alone.

    Parameters
    ----------
    upload : Upload
    store, objects, catalog, parts, reports
        Ports.
    limits : Limits
        What to plan a new submission with.
    now : int
        Seconds since the epoch.

    Returns
    -------
    Submission or None
        What is on record; None for a temporary name, which is ignored until it is renamed.
    """
    ref = upload.ref
    if is_temporary_name(ref.file_name.rpartition("/")[2]):
        return None
    submission = store.get(ref) or store.receive(_planned(upload, limits, now))
    return take_in(
        submission,
        store=store,
        objects=objects,
        catalog=catalog,
        parts=parts,
        reports=reports,
        now=now,
    )


def take_in(
    submission: Submission,
    *,
    store: SubmissionStore,
    objects: ObjectStore,
    catalog: Catalog,
    parts: PartPublisher,
    reports: ReportPublisher,
    now: int,
) -> Submission:
    """Go on with a recorded upload, wherever it stands; answers what is on record."""
    ref = submission.ref
    if submission.status is Status.RECEIVED:
        try:
            submission = _examine(submission, store, objects, catalog, now)
        except ObjectUnreadableError:
            fail_unreadable(store, reports, ref, now)
            return store.get(ref) or submission
    if submission.status is Status.PLANNING:
        send_measure_parts(submission, store=store, parts=parts)
    else:
        settle_submission(store, reports, ref, now)
    return submission


def _planned(upload: Upload, limits: Limits, now: int) -> Submission:
    plan = Plan(
        size=upload.size,
        received_at=upload.received_at,
        cell_bytes=max(limits.cell_bytes, -(-upload.size // MOST_CELLS)),
        chunk_rows=limits.chunk_rows,
        chunk_bytes=limits.chunk_bytes,
        rulings=RULINGS,
    )
    return Submission(upload.ref, Status.RECEIVED, plan, updated_at=now)


def _examine(
    submission: Submission,
    store: SubmissionStore,
    objects: ObjectStore,
    catalog: Catalog,
    now: int,
) -> Submission:
    ref = submission.ref
    refusal = _refuse_name(ref, catalog) or _refuse_head(ref, objects)
    if refusal:
        return store.refuse(ref, refusal, now)
    store.start_planning(ref, now)
    return store.get(ref) or submission


def _refuse_name(ref: SubmissionRef, catalog: Catalog) -> Refusal | None:
    name = parse_file_name(ref.file_name)
    if isinstance(name, Refusal):
        return name
    if catalog.client(ref.client_id) is None:
        return Refusal(
            FileCode.CLIENT_UNKNOWN,
            f"there is no client {shown(ref.client_id)}; send the file to the folder of a client"
            " that exists (client ids are case-sensitive), or have the client added first and"
            " send the file again",
        )
    return refuse_other_client(name, ref.client_id)


def _refuse_head(ref: SubmissionRef, objects: ObjectStore) -> Refusal | None:
    return refuse_not_text(b"".join(objects.read(ref, 0, HEAD_BYTES)))
