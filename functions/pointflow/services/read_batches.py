"""Answers what became of a client's batch files: the list, one of them, its rejected rows."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.dry_run import dry_run_key, would_be
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.result import Findings, result_fields, result_keys
from pointflow.domain.submission import (
    COMPLETE,
    OPEN,
    Status,
    Submission,
    SubmissionRef,
    Tally,
)
from pointflow.ports.batch_api import BatchList, BatchPosition
from pointflow.ports.objects import ObjectStore
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.read_expirations import Page
from pointflow.services.read_progress import cell_rejects

MAX_BATCHES_PAGE = 200
MAX_REJECTS_PAGE = 500
MOST_CELLS_A_PAGE = 100
"""Cells that one page of rejects looks into: where few have any, the page is short, not late."""

NO_REJECTS_YET = OPEN - {Status.UNDOING}
MAX_NAME_BYTES = 1_024  # S3's limit for a whole key
_MAX_CURSOR_CHARACTERS = 10_000
_CURSOR_INVALID = "the cursor is not one that this list gave out"


def submission_fields(submission: Submission, tally: Tally) -> dict[str, Any]:
    """A submission in the JSON of lists and of every `--json` command."""
    fields = result_fields(submission, Findings(tally))
    version = {"version": fields.pop("submission")}
    # Whoever wants these reads the result file: they take a walk over the whole batch.
    del fields["undecided"], fields["files"]
    dry_run = {"dry_run": True, "would_be": would_be(submission)} if submission.ref.dry_run else {}
    return {"file": fields.pop("file"), **version, **dry_run, **fields}


def reject_fields(row: RejectedRow) -> dict[str, Any]:
    """A rejected row in the JSON of lists."""
    return {
        "line": row.line,
        "code": row.code.value,
        "field": row.field,
        "message": row.message,
    }


def result_key(submission: Submission, store: SubmissionStore) -> str | None:
    """Where the submission's result lies in the bucket; None while there is none."""
    if not submission.reported_revision:
        return None
    ref = submission.ref
    if ref.dry_run:
        return dry_run_key(submission)
    owner = store.owner(ref.client_id, ref.file_name)
    return result_keys(ref, holds_name=owner in {None, ref}).result


def list_batches(
    client_id: str,
    *,
    status: Status | None,
    day: date | None,
    cursor: str | None,
    limit: int,
    batches: BatchList,
) -> Page[Submission]:
    """A client's submissions, newest first.

    Paging misses none and repeats none; what is received meanwhile is on no later page.

    Raises
    ------
    ValueError
        The cursor is wrong; the message is for the caller.
    """
    after = None if cursor is None else _batch_position(cursor, client_id)
    found, last = batches.page(client_id, status=status, day=day, after=after, limit=limit)
    if last is None:
        return Page(list(found), None)
    ref = last.ref
    return Page(list(found), _cursor(client_id, last.received_at, ref.file_name, ref.version))


def submissions_of(client_id: str, file_name: str, store: SubmissionStore) -> list[Submission]:
    """Every submission of a name, the owner first, then the newest first.

    Raises
    ------
    NotFoundError
        The client has none of that name.
    """
    found: list[Submission] = []
    if file_name and _fits(file_name):
        owner = store.owner(client_id, file_name)
        found = sorted(
            store.of_batch(client_id, file_name),
            key=lambda submission: (submission.ref == owner, submission.plan.received_at),
            reverse=True,
        )
    if not found:
        raise NotFoundError("the client has no batch of that name")
    return found


def read_rejects(
    client_id: str,
    file_name: str,
    *,
    cursor: str | None,
    limit: int,
    store: SubmissionStore,
    objects: ObjectStore,
) -> Page[RejectedRow]:
    """The rejected rows of a name's first submission, in line order; see `submissions_of`.

    Paging misses none and repeats none.

    Raises
    ------
    NotFoundError
        The client has no such batch.
    ConflictError
        Its rows are not all decided: what is known of them is not in order yet.
    ValueError
        The cursor is wrong; the message is for the caller.
    """
    submission = submissions_of(client_id, file_name, store)[0]
    if submission.status in NO_REJECTS_YET:
        raise ConflictError(f"the batch is {submission.status}")
    cell, line = (0, 0) if cursor is None else _reject_position(cursor, submission)
    if submission.status in COMPLETE and not submission.tally.rejected:
        return Page([], None)
    end = min(cell + MOST_CELLS_A_PAGE, submission.plan.cells)
    rows = _rejects_after(submission.ref, range(cell, end), line, store, objects)
    page = list(islice(rows, limit + 1))
    items = [row for _, row in page[:limit]]
    version = submission.ref.version
    if len(page) > limit:
        goes_on_in, _ = page[limit]
        return Page(items, _cursor(client_id, version, goes_on_in, items[-1].line))
    if end < submission.plan.cells:
        return Page(items, _cursor(client_id, version, end, 0))
    return Page(items, None)


def _rejects_after(
    ref: SubmissionRef,
    cells: range,
    line: int,
    store: SubmissionStore,
    objects: ObjectStore,
) -> Iterator[tuple[int, RejectedRow]]:
    """Rejected rows of some cells behind a line, each with its cell."""
    closes = {close.cell: close for close in store.closes(ref, cells.start, cells.stop)}
    for cell in cells:
        # The objects of chunks that end before the line are not even read.
        outcomes = (each for each in store.outcomes(ref, cell) if each.last_line > line)
        for row in cell_rejects(closes.get(cell), outcomes, objects):
            if row.line > line:
                yield cell, row


def _cursor(*told: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(told).encode()).decode("ascii").rstrip("=")


def _batch_position(cursor: str, client_id: str) -> BatchPosition:
    match _told(cursor):
        case [str(client), int(received_at), str(file_name), str(version)] if (
            client == client_id
            and 0 <= received_at < 10**12
            and _fits(file_name)
            and _fits(version)
        ):
            return BatchPosition(received_at, SubmissionRef(client_id, file_name, version))
    raise ValueError(_CURSOR_INVALID)


def _reject_position(cursor: str, submission: Submission) -> tuple[int, int]:
    """Cell and line up to which the rejects of this very submission were read."""
    ref = submission.ref
    match _told(cursor):
        case [str(client), str(version), int(cell), int(line)] if (
            (client, version) == (ref.client_id, ref.version)
            and 0 <= cell < submission.plan.cells
            and 0 <= line < 10**12
        ):
            return cell, line
    raise ValueError(_CURSOR_INVALID)


def _told(cursor: str) -> Any:
    try:
        if len(cursor) > _MAX_CURSOR_CHARACTERS:
            return None
        padded = cursor + "=" * (-len(cursor) % 4)
        told = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        return json.loads(told)
    except (ValueError, RecursionError):
        return None


def _fits(name: str) -> bool:
    """Whether it may be part of a key at all."""
    try:
        return len(name.encode()) < MAX_NAME_BYTES - 10
    except UnicodeEncodeError:
        return False
