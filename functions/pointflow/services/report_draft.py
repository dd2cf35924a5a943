"""Result files that are half written when time is up, and how they are gone on with.

A draft is an object beside the submission's rejects. It holds all that the next invocation needs,
so any draft will do: where two workers write the same revision, each goes on with the parts of its
own, or of the other, and never with some of both.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pointflow.domain.submission import Submission, Tally
from pointflow.domain.undecided import UndecidedLines
from pointflow.ports.objects import Draft, ResultStore
from pointflow.services.walk_outcomes import Walked

VERSION = 1


@dataclass(frozen=True, slots=True)
class HalfFile:
    """A file of rejected rows, as far as it is written."""

    draft: Draft | None = None
    lines: int = 0


@dataclass(frozen=True, slots=True)
class ReportDraft:
    """How far a report is."""

    walked: Walked = field(default_factory=Walked)
    rejected: HalfFile = HalfFile()
    errors: HalfFile = HalfFile()


def draft_key(submission: Submission) -> str:
    """Where the draft of a revision's report lies."""
    ref = submission.ref
    return f"rejects/{ref.batch}/{ref.version}/report-{submission.revision}.json"


def load_draft(submission: Submission, objects: ResultStore) -> ReportDraft | None:
    """The draft of this revision; None where there is none."""
    body = objects.find(draft_key(submission))
    return None if body is None else _decode(body)


def save_draft(submission: Submission, draft: ReportDraft, objects: ResultStore) -> None:
    """Keep a draft for the next invocation."""
    objects.put(draft_key(submission), _encode(draft), "application/json")


def drop_draft(submission: Submission, objects: ResultStore) -> None:
    """Nobody goes on with it any more."""
    objects.remove(draft_key(submission))


def _encode(draft: ReportDraft) -> bytes:
    walked = draft.walked
    fields = {
        "v": VERSION,
        "next_cell": walked.next_cell,
        "tally": asdict(walked.tally),
        "closed": walked.closed,
        "lines": walked.lines,
        "undecided": walked.undecided.state(),
        "rejected": _half_fields(draft.rejected),
        "errors": _half_fields(draft.errors),
    }
    return json.dumps(fields).encode("ascii")


def _decode(body: bytes) -> ReportDraft | None:
    fields = json.loads(body)
    if fields["v"] != VERSION:
        return None  # written by another release: begin anew
    return ReportDraft(
        Walked(
            fields["next_cell"],
            Tally(**fields["tally"]),
            fields["closed"],
            fields["lines"],
            UndecidedLines(**fields["undecided"]),
        ),
        _half(fields["rejected"]),
        _half(fields["errors"]),
    )


def _half_fields(half: HalfFile) -> dict[str, Any]:
    draft = half.draft or Draft()
    return {
        "upload_id": draft.upload_id,
        "etags": draft.etags,
        "tail": base64.b64encode(draft.tail).decode("ascii"),
        "lines": half.lines,
    }


def _half(fields: dict[str, Any]) -> HalfFile:
    draft = Draft(fields["upload_id"], tuple(fields["etags"]), base64.b64decode(fields["tail"]))
    return HalfFile(draft, fields["lines"])
