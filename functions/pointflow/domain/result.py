"""The result that a client gets back for a submission.

Everything in it comes from the record, nothing from the clock, so that a revision written twice
is the same to the byte.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointflow.domain.file_name import result_stem
from pointflow.domain.submission import Failure, Refusal, Status, Submission, SubmissionRef, Tally
from pointflow.domain.undecided import LineRange


@dataclass(frozen=True, slots=True)
class ResultKeys:
    """Where a submission's result files lie in the bucket."""

    result: str
    rejected: str
    errors: str


def result_keys(ref: SubmissionRef, *, holds_name: bool) -> ResultKeys:
    """Name the result files.

    Parameters
    ----------
    ref : SubmissionRef
    holds_name : bool
        Whether the submission owns its name, or nobody does. Any other has its object version in
        the names, so that it never touches the owner's results.
    """
    stem = f"outbound/{ref.client_id}/{result_stem(ref.file_name)}"
    own = "" if holds_name else f".{ref.version}"
    return ResultKeys(
        result=f"{stem}_result{own}.json",
        rejected=f"{stem}_rejected{own}.txt",
        errors=f"{stem}_errors{own}.csv",
    )


@dataclass(frozen=True, slots=True)
class Findings:
    """What only a walk over the outcomes tells.

    `rejected_key` and `errors_key` are None where no such file was written. `undecided` are the
    lines of a failed batch that have no decision.
    """

    tally: Tally
    undecided: tuple[LineRange, ...] = ()
    rejected_key: str | None = None
    errors_key: str | None = None


def result_fields(submission: Submission, findings: Findings) -> dict[str, Any]:
    """The result as JSON-ready fields, in the order in which a person reads them.

    `submission` is the object version, times are ISO-8601 in UTC, `held_for` names the batch
    whose content this file repeats, `duplicate_of` the object version that was sent before.
    `credited` and `points` stay what they were when a batch is undone; `undone` then tells the rows
    and points that were taken back.
    """
    tally = findings.tally
    duplicate = submission.status is Status.DUPLICATE
    return {
        "file": submission.ref.file_name,
        "client_id": submission.ref.client_id,
        "submission": submission.ref.version,
        "status": submission.status.value,
        "revision": submission.revision,
        "received_at": iso_time(submission.plan.received_at),
        "finished_at": iso_time(submission.finished_at),
        "rows": tally.rows,
        "blank": tally.blank,
        "credited": tally.credited,
        "rejected": tally.rejected,
        "points": tally.points,
        "counts": dict(sorted(tally.codes.items())),
        "warnings": dict(sorted(tally.warnings.items())),
        "refusal": _reason(submission.refusal),
        "failure": _reason(submission.failure),
        "held_for": None if duplicate else submission.twin,
        "duplicate_of": submission.twin if duplicate else None,
        "undone": _undone(submission),
        "undecided": [list(lines) for lines in findings.undecided],
        "files": {"rejected": findings.rejected_key, "errors": findings.errors_key},
    }


def encode_result(submission: Submission, findings: Findings) -> bytes:
    """Write the result JSON."""
    fields = result_fields(submission, findings)
    return (json.dumps(fields, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


@dataclass(frozen=True, slots=True)
class WrittenResult:
    """Whose result lies under a key: object version and revision, and whether it names files."""

    version: str
    revision: int
    names_files: bool


def read_result(body: bytes) -> WrittenResult | None:
    """Tell whose a result is; None for what `encode_result` did not write."""
    try:
        fields = json.loads(body)
        return WrittenResult(
            fields["submission"], fields["revision"], any(fields["files"].values())
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def iso_time(moment: int | None) -> str | None:
    """Seconds since the epoch as `2026-01-31T23:59:59Z`."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _undone(submission: Submission) -> dict[str, int] | None:
    if submission.status is not Status.UNDONE:
        return None
    return {"rows": submission.undone.rows, "points": submission.undone.points}


def _reason(reason: Refusal | Failure | None) -> dict[str, str] | None:
    return None if reason is None else {"code": reason.code.value, "message": reason.message}
