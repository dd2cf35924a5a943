"""Turn a chunk of rows into credits, once, however often it is delivered.

Each step may be cut off by a crash and run again:

1. the submission notes that credits may exist, so nobody takes over its name or content now;
2. the ledger records each row's first decision, and answers it to whoever comes later;
3. the rejects object follows from these decisions alone, so a repeat writes the same object;
4. the outcome is kept once, and counts what the ledger holds;
5. settling looks at what is on record, so anyone may do it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from pointflow.domain.batch_row import count_duplicates
from pointflow.domain.codes import WarningCode
from pointflow.domain.errors import ChunkMismatchError, MessageInvalidError
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.messages import Chunk
from pointflow.domain.reject_lines import encode_reject
from pointflow.domain.submission import (
    DECIDED,
    ChunkOutcome,
    Status,
    Submission,
    Tally,
)
from pointflow.ports.catalog import Catalog
from pointflow.ports.ledger import Ledger
from pointflow.ports.members import MemberDirectory
from pointflow.ports.objects import ObjectStore
from pointflow.ports.queues import ReportPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.decide_rows import CreditRow, decide_rows, read_rows
from pointflow.services.explain_rejection import explain_rejection
from pointflow.services.foretell import foretell
from pointflow.services.settle import settle_cell

REJECTS_TYPE = "application/x-ndjson"

NEVER_CREDITED = frozenset({Status.REFUSED, Status.DUPLICATE, Status.HELD, Status.DISCARDED})


class Handling(StrEnum):
    """What a delivery did."""

    DECIDED = "DECIDED"  # every row has its decision, and the chunk its outcome
    REPEATED = "REPEATED"  # the chunk had its outcome already
    DROPPED = "DROPPED"  # the submission has no right to credit; nothing was done


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What became of a delivery. `tally` is empty unless rows were decided by it."""

    handling: Handling
    tally: Tally
    why: str = ""


def credit_chunk(
    chunk: Chunk,
    *,
    store: SubmissionStore,
    catalog: Catalog,
    members: MemberDirectory,
    ledger: Ledger,
    objects: ObjectStore,
    reports: ReportPublisher,
    now: int,
    deadline: float,
    receive_count: int,
    max_receive_count: int,
    name_of: Callable[[Exception], str],
) -> ChunkResult:
    """Decide every row of a chunk and credit the good ones; of a dry run only decide.

    Parameters
    ----------
    chunk : Chunk
    store, catalog, members, ledger, objects, reports
        Ports.
    now : int
        Seconds since the epoch.
    deadline : float
        `time.monotonic()` value after which no retry starts.
    receive_count, max_receive_count : int
        How often the message was delivered, this time included, and how often it can be before
        it goes to its dead-letter queue.
    name_of : callable
        Names an error without quoting anything: what a last delivery failed on is noted.

    Raises
    ------
    MessageInvalidError
        The chunk is not one that its submission was cut into.
    ChunkMismatchError
        Another chunk had the same place in the file.
    EntryMismatchError
        A row's identity holds a credit of other content.
    ContentionError
        Some rows could not be recorded before the deadline; the others are. Deliver it again.
    NotFoundError
        The catalog has no such client.
    """
    decide = partial(
        _decide,
        chunk,
        store=store,
        catalog=catalog,
        members=members,
        ledger=ledger,
        objects=objects,
        reports=reports,
        now=now,
        deadline=deadline,
    )
    if receive_count < max_receive_count:
        return decide()
    # Before anything that may fail: the mark tells what lies in the dead-letter queue.
    store.mark_last_try(chunk.ref, chunk.cell, chunk.first_line, now)
    try:
        return decide()
    except Exception as error:
        # The message fails with this error, whatever becomes of the note.
        with suppress(Exception):
            store.mark_last_try(chunk.ref, chunk.cell, chunk.first_line, now, name_of(error))
        raise


def _decide(
    chunk: Chunk,
    *,
    store: SubmissionStore,
    catalog: Catalog,
    members: MemberDirectory,
    ledger: Ledger,
    objects: ObjectStore,
    reports: ReportPublisher,
    now: int,
    deadline: float,
) -> ChunkResult:
    submission = store.get(chunk.ref)
    if submission is None:
        raise MessageInvalidError(f"no submission {chunk.ref.version} of {chunk.ref.batch}")
    # After the submission: one that is complete must then show the chunk's outcome.
    outcome = store.outcome(chunk.ref, chunk.cell, chunk.first_line)
    if outcome is not None:
        _check_same(chunk, outcome)
        settle_cell(store, reports, chunk.ref, chunk.cell, now)
        return ChunkResult(Handling.REPEATED, Tally())
    if submission.status in NEVER_CREDITED:
        return ChunkResult(Handling.DROPPED, Tally(), f"the submission is {submission.status}")
    _check_planned(chunk, submission)
    rows = read_rows(chunk)
    wanted = decide_rows(chunk, rows, catalog=catalog, members=members, now=now)
    forecast = None
    if chunk.ref.dry_run:
        # What is wanted would stand: where an earlier decision could, the file is refused whole.
        standing = wanted
        forecast = foretell(chunk.ref.client_id, rows, wanted, members)
    # Once noted, it holds for good: only the first chunks of a file pay for this write.
    elif submission.crediting_since is None and not store.begin_crediting(chunk.ref, now):
        return ChunkResult(Handling.DROPPED, Tally(), "another submission took its place")
    else:
        standing = ledger.record(chunk.ref.client_id, wanted, deadline)
    rejects_key = _keep_rejects(chunk, rows, standing, objects)
    outcome = replace(_outcome(chunk, standing, rejects_key), forecast=forecast)
    store.save_outcome(chunk.ref, outcome, now)
    settle_cell(store, reports, chunk.ref, chunk.cell, now)
    return ChunkResult(Handling.DECIDED, outcome.tally)


def chunk_rejects_key(chunk: Chunk, body: bytes) -> str:
    """Where the rows of a chunk lie that were rejected while crediting.

    Named by what it holds: should two deliveries ever differ, neither overwrites the other, and
    the outcome that wins names its own.
    """
    ref = chunk.ref
    return (
        f"rejects/{ref.client_id}/{ref.file_name}/{ref.version}/{chunk.cell:06d}/"
        f"{chunk.first_line:012d}-{hashlib.sha256(body).hexdigest()[:16]}.jsonl"
    )


def _check_same(chunk: Chunk, outcome: ChunkOutcome) -> None:
    if outcome.digest != chunk.digest:
        raise ChunkMismatchError(
            f"{chunk.ref.batch} has another chunk at line {chunk.first_line} on record"
        )


def _check_planned(chunk: Chunk, submission: Submission) -> None:
    """Make sure that the chunk was cut from what the submission was planned with."""
    if submission.status in DECIDED:
        raise MessageInvalidError(
            f"{chunk.ref.batch} is {submission.status} without a chunk at line {chunk.first_line}"
        )
    plan = submission.plan
    planned = (submission.content, plan.received_at)
    if (chunk.content, chunk.received_at) != planned or chunk.cell >= plan.cells:
        raise MessageInvalidError(
            f"chunk at line {chunk.first_line} of {chunk.ref.batch} does not fit the file's plan"
        )


def _keep_rejects(
    chunk: Chunk, rows: Sequence[CreditRow], standing: Sequence[Entry], objects: ObjectStore
) -> str | None:
    body = b"".join(
        encode_reject(explain_rejection(row, entry))
        for row, entry in zip(rows, standing, strict=True)
        if entry.decision is Decision.REJECTED
    )
    if not body:
        return None
    key = chunk_rejects_key(chunk, body)
    objects.put(key, body, REJECTS_TYPE)
    return key


def _outcome(chunk: Chunk, standing: Sequence[Entry], rejects_key: str | None) -> ChunkOutcome:
    credited = [entry for entry in standing if entry.decision is Decision.CREDITED]
    warnings = {
        WarningCode.IDENTITY_CONFLICT.value: sum(entry.conflict for entry in credited),
        WarningCode.DUPLICATE_ROW.value: count_duplicates(chunk.rows),
    }
    tally = Tally(
        credited=len(credited),
        rejected=len(standing) - len(credited),
        points=sum(entry.points for entry in credited),
        codes=dict(Counter(entry.code.value for entry in standing if entry.code is not None)),
        warnings={code: count for code, count in warnings.items() if count},
    )
    return ChunkOutcome(
        cell=chunk.cell,
        first_line=chunk.first_line,
        last_line=chunk.last_line,
        digest=chunk.digest,
        tally=tally,
        rejects_key=rejects_key,
    )
