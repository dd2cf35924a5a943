"""The writes of the submission store, as low-level DynamoDB requests.

Every change of a submission is conditional on its status, moves `updated_at`, and keeps the sparse
attribute `open` while work or a report is outstanding. Whatever brings it further also takes back
how often `batch_watch` has found it standing still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pointflow.adapters.submission_items import (
    OPEN_MARK,
    close_attributes,
    measure_attributes,
    outcome_item,
    submission_item,
    tally_attributes,
)
from pointflow.adapters.submission_keys import (
    Attribute,
    cell_key,
    counter_key,
    last_try_key,
    number,
    text,
    upload_key,
)
from pointflow.adapters.write_requests import Request, put, update
from pointflow.domain.submission import (
    OPEN,
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Failure,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    sources,
)

EXISTS = "attribute_exists(#pk)"
ABSENT = "attribute_not_exists(#pk)"
ONE = number(1)
CLOSABLE = frozenset({Status.PARSING, Status.FAILED})
"""A failed batch whose last messages are put back into their queue may still heal."""


def status_in(statuses: Iterable[Status]) -> tuple[str, dict[str, Attribute]]:
    """Condition and values that hold while the status is one of these."""
    names = sorted(statuses)
    return f"#status IN ({', '.join(f':{name}' for name in names)})", {
        f":{name}": text(name) for name in names
    }


def receive(table: str, submission: Submission) -> Request:
    """Record a submission, unless it is recorded."""
    request = put(table, submission_item(submission), ABSENT)
    return request | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def move(
    table: str,
    ref: SubmissionRef,
    to: Status,
    at: int,
    *,
    sets: Mapping[str, Attribute] | None = None,
    removes: Iterable[str] = (),
    since: Iterable[Status] | None = None,
    only_if: str | None = None,
) -> Request:
    """Give a submission a status: from those in `since`, else from any that it may follow.

    Whatever ends the work, for good or until somebody decides, is a new revision to report.
    """
    condition, values = status_in(sources(to) if since is None else since)
    sets = {
        "status": text(to),
        **_moved(at),
        "open": OPEN_MARK,
        **(sets or {}),
    }
    if to not in OPEN | {Status.HELD}:
        sets["finished_at"] = number(at)
    return update(
        table,
        upload_key(ref),
        f"{condition} AND {only_if}" if only_if else condition,
        values,
        sets=sets,
        adds={} if to in OPEN else {"revision": ONE},
        removes=removes,
    )


def refuse(table: str, ref: SubmissionRef, refusal: Refusal, at: int) -> Request:
    """-> REFUSED."""
    reason = {"refusal_code": text(refusal.code), "refusal_message": text(refusal.message)}
    return move(table, ref, Status.REFUSED, at, sets=reason)


def fail(table: str, ref: SubmissionRef, failure: Failure, at: int) -> Request:
    """-> FAILED."""
    reason = {"failure_code": text(failure.code), "failure_message": text(failure.message)}
    return move(table, ref, Status.FAILED, at, sets=reason)


def start_crediting(table: str, ref: SubmissionRef, at: int) -> Request:
    """PARSING -> CREDITING, once every cell is closed."""
    return move(table, ref, Status.CREDITING, at, only_if="#cells_closed = #cells")


def complete(table: str, submission: Submission, at: int) -> Request:
    """-> COMPLETED or COMPLETED_WITH_REJECTS, once every cell is complete."""
    return move(
        table,
        submission.ref,
        submission.tally.final_status,
        at,
        removes=("failure_code", "failure_message"),
        only_if="#cells_complete = #cells AND attribute_not_exists(#superseded_by)",
    )


def begin_crediting(table: str, ref: SubmissionRef, at: int) -> Request:
    """Note that credits may exist, unless another submission has taken the place."""
    return update(
        table,
        upload_key(ref),
        f"{EXISTS} AND attribute_not_exists(#crediting_since)"
        " AND attribute_not_exists(#superseded_by)",
        sets={"crediting_since": number(at), **_moved(at)},
    )


def save_measure(
    table: str, ref: SubmissionRef, measure: CellMeasure, at: int
) -> tuple[Request, Request]:
    """Keep a cell's measure, and count it."""
    return (
        update(
            table,
            cell_key(ref, measure.cell),
            "attribute_not_exists(#sha256)",
            sets=measure_attributes(measure),
        ),
        count(table, ref, at, {"cells_measured": ONE}),
    )


def close_cell(
    table: str, ref: SubmissionRef, close: CellClose, at: int
) -> tuple[Request, Request]:
    """Keep what pass 2 made of a cell, and count it."""
    counts = {"cells_closed": ONE, **tally_attributes(close.tally)}
    return (
        update(
            table,
            cell_key(ref, close.cell),
            "attribute_not_exists(#chunks)",
            sets=close_attributes(close),
        ),
        count(table, ref, at, counts, while_in=CLOSABLE),
    )


def complete_cell(
    table: str, ref: SubmissionRef, cell: int, tally: Tally, at: int
) -> tuple[Request, Request]:
    """Mark a closed cell as complete, and add its outcomes' tally to the submission."""
    return (
        update(
            table,
            cell_key(ref, cell),
            "attribute_exists(#chunks) AND attribute_not_exists(#completed_at)",
            sets={"completed_at": number(at)},
        ),
        count(table, ref, at, {"cells_complete": ONE, **tally_attributes(tally)}),
    )


def save_outcome(
    table: str, ref: SubmissionRef, outcome: ChunkOutcome, at: int
) -> tuple[Request, Request]:
    """Keep a chunk's outcome, and count it among its cell's."""
    counter = counter_key(ref, outcome.cell, outcome.first_line)
    counts = {"outcomes": ONE, **tally_attributes(outcome.tally)}
    return put(table, outcome_item(ref, outcome, at), ABSENT), update(table, counter, adds=counts)


def mark_last_try(
    table: str,
    ref: SubmissionRef,
    cell: int,
    first_line: int,
    at: int,
    *,
    error: str | None = None,
) -> Request:
    """Note when a chunk was delivered for the last time, and what that failed on."""
    item = {**last_try_key(ref, cell, first_line), "tried_at": number(at)}
    return put(table, {**item, "error": text(error)} if error else item)


def reported(table: str, seen: Submission, revision: int) -> Request:
    """Note that a revision is reported, if the submission still stands as it was seen."""
    nothing_outstanding = seen.status not in OPEN and seen.revision <= revision
    return update(
        table,
        upload_key(seen.ref),
        "#status = :status AND #revision = :revision AND #reported_revision < :reported",
        {
            ":status": text(seen.status),
            ":revision": number(seen.revision),
            ":reported": number(revision),
        },
        sets={"reported_revision": number(revision)},
        removes=("open",) if nothing_outstanding else (),
    )


def count_look(table: str, ref: SubmissionRef, at: int) -> Request:
    """Note that an outstanding submission was looked after, once for each `at`."""
    return update(
        table,
        upload_key(ref),
        "attribute_exists(#open) AND (attribute_not_exists(#looked_at) OR #looked_at <> :at)",
        {":at": number(at)},
        sets={"looked_at": number(at), "updated_at": number(at)},
        adds={"looks": ONE},
    )


def _moved(at: int) -> dict[str, Attribute]:
    return {"updated_at": number(at), "looks": number(0)}


def count(
    table: str,
    ref: SubmissionRef,
    at: int,
    counts: Mapping[str, Attribute],
    *,
    while_in: Iterable[Status] = Status,
) -> Request:
    """Add to a submission's counters, which brings it further."""
    condition, values = status_in(while_in)
    return update(table, upload_key(ref), condition, values, sets=_moved(at), adds=counts)
