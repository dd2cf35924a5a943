"""The report of a dry run: what the file would have become, had it been sent in earnest.

Everything in it comes from the record, nothing from the clock, so that a report written twice is
the same to the byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import WarningCode
from pointflow.domain.file_name import result_stem
from pointflow.domain.forecast import Forecast
from pointflow.domain.member import Identifier
from pointflow.domain.result import Findings, result_fields
from pointflow.domain.submission import COMPLETE, Status, Submission

FIRST_REJECTS = 100
"""How many rejected lines a report tells one by one."""


def dry_run_key(submission: Submission) -> str:
    """Where a dry run's report lies in the bucket.

    By receipt time and object version: a person finds the newest, and none takes another's place.
    """
    ref = submission.ref
    received = datetime.fromtimestamp(submission.plan.received_at, UTC)
    stem = f"outbound/{ref.client_id}/{result_stem(ref.file_name)}"
    return f"{stem}_dryrun_{received:%Y%m%d%H%M%S}.{ref.version}.json"


def would_be(submission: Submission) -> Status:
    """What the file would have become; of a dry run that failed nobody can tell: FAILED."""
    held = submission.ref.dry_run and submission.twin is not None
    if held and submission.status in COMPLETE:
        return Status.HELD
    return submission.status


def dry_run_fields(
    submission: Submission, forecast: Forecast, first_rejects: Iterable[RejectedRow]
) -> dict[str, Any]:
    """The report as JSON-ready fields, in the order in which a person reads them.

    `credited` and `points` are what would be granted. Of a file that would be HELD they are what
    would be granted if it were released.
    """
    told = result_fields(submission, Findings(submission.tally))
    failure = told["failure"]
    if failure:
        # The record's own words are about rows that may be credited: here none ever is.
        words = "the dry run could not be finished, and says nothing about the file: try it again"
        failure = {**failure, "message": words}
    tally = submission.tally
    return {
        "dry_run": True,
        "file": told["file"],
        "client_id": told["client_id"],
        "submission": told["submission"],
        "would_be": would_be(submission).value,
        "received_at": told["received_at"],
        "finished_at": told["finished_at"],
        "rows": told["rows"],
        "blank": told["blank"],
        "credited": told["credited"],
        "rejected": told["rejected"],
        "points": told["points"],
        "counts": told["counts"],
        "warnings": told["warnings"],
        "identity_conflicts": tally.warnings.get(WarningCode.IDENTITY_CONFLICT.value, 0),
        "refusal": told["refusal"],
        "failure": failure,
        "held_for": told["held_for"],
        "duplicate_of": told["duplicate_of"],
        "matching": _matching(forecast),
        "activities": [
            {"activity_id": activity_id, "rows": granted.rows, "points": granted.points}
            for activity_id, granted in sorted(forecast.activities.items())
        ],
        "first_rejects": [
            {
                "line": row.line,
                "code": row.code.value,
                "field": row.field,
                "message": row.message,
            }
            for row in first_rejects
        ],
    }


def encode_dry_run(fields: dict[str, Any]) -> bytes:
    """Write the report JSON."""
    return (json.dumps(fields, ensure_ascii=False, indent=2) + "\n").encode("utf-8")


def _matching(forecast: Forecast) -> dict[str, Any]:
    matched = sum(forecast.matched.values())
    return {
        "rows": forecast.rows,
        "matched": matched,
        "rate": _rate(matched, forecast.rows),
        "by_identifier": {
            kind.value: {
                "carried": forecast.carried.get(kind.value, 0),
                "known": forecast.known.get(kind.value, 0),
                "rate": _rate(
                    forecast.known.get(kind.value, 0), forecast.carried.get(kind.value, 0)
                ),
                "matched": forecast.matched.get(kind.value, 0),
            }
            for kind in Identifier
        },
    }


def _rate(part: int, whole: int) -> float | None:
    """A share of 1, None of nothing. Never rounded up to all, nor down to none."""
    if not whole:
        return None
    rate = round(part / whole, 4)
    if 0 < part < whole:
        return min(max(rate, 0.0001), 0.9999)
    return rate
