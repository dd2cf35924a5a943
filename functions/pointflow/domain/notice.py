"""What a client's systems are told when a batch is decided; described in docs/events.md.

Made from the written result alone, so that whoever tells it again tells the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointflow.domain.file_name import parse_file_name
from pointflow.domain.submission import Refusal, Status

DETAIL_TYPES: Mapping[Status, str] = {
    Status.COMPLETED: "BatchFinished",
    Status.COMPLETED_WITH_REJECTS: "BatchFinished",
    Status.REFUSED: "BatchRefused",
    Status.HELD: "BatchHeld",
    Status.FAILED: "BatchFailed",
    Status.DUPLICATE: "BatchDuplicate",
    Status.DISCARDED: "BatchDiscarded",
    Status.UNDONE: "BatchUndone",
}
"""By the status in which a result is written."""

_AS_IN_THE_RESULT = (
    "file",
    "client_id",
    "submission",
    "status",
    "revision",
    "received_at",
    "finished_at",
    "rows",
    "blank",
    "credited",
    "rejected",
    "points",
    "counts",
    "warnings",
    "held_for",
    "duplicate_of",
    "undone",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A batch was decided. `detail` is a JSON object; its `id` is the same each time it is told."""

    detail_type: str
    detail: Mapping[str, Any]


def notice_of(result: bytes, result_key: str) -> Notice:
    """Tell of a result that was written.

    Parameters
    ----------
    result : bytes
        What `encode_result` wrote.
    result_key : str
        Where it lies in the bucket.

    Returns
    -------
    Notice
        Counts, codes and keys. Messages stay in the result: they may quote a file. So does a name
        that is no batch file's, and the keys made of it: it may hold anything, an email too.
    """
    fields = json.loads(result)
    detail = {name: fields[name] for name in _AS_IN_THE_RESULT}
    detail["version"] = detail.pop("submission")
    for reason in ("refusal", "failure"):
        told = fields[reason]
        detail[reason] = None if told is None else told["code"]
    # A list of lines that are undecided may outgrow an event.
    detail["undecided"] = bool(fields["undecided"])
    files = {"result": result_key, **fields["files"]}
    if isinstance(parse_file_name(fields["file"]), Refusal):
        detail["file"] = None
        files = dict.fromkeys(files)
    name = [fields[each] for each in ("client_id", "file", "submission", "revision")]
    notice_id = hashlib.sha256(json.dumps(name).encode()).hexdigest()[:32]
    return Notice(
        DETAIL_TYPES[Status(fields["status"])], {"id": notice_id, **detail, "files": files}
    )
