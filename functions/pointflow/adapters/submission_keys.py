"""Where submissions, claims, cells and outcomes lie in BatchesTable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from pointflow.domain.submission import SubmissionRef

type Attribute = dict[str, Any]
type Item = Mapping[str, Attribute]

UPLOADS = "UPLOAD#"
CELLS = "CELL#"
CHUNKS = "CHUNK#"
COUNTERS = "COUNT#"
LAST_TRIES = "LAST#"
COUNTER_SHARDS = 8
"""Chunks that end at the same time seldom meet on one counter then."""


def text(value: str) -> Attribute:
    """A string attribute."""
    return {"S": value}


def number(value: int) -> Attribute:
    """A number attribute."""
    return {"N": str(value)}


def batch_key(client_id: str, file_name: str) -> dict[str, Attribute]:
    """The claim on a name."""
    return _key(f"{client_id}/{file_name}", "BATCH")


def upload_key(ref: SubmissionRef) -> dict[str, Attribute]:
    """The submission."""
    return _key(ref.batch, f"{UPLOADS}{ref.version}")


def content_key(client_id: str, content: str) -> dict[str, Attribute]:
    """The claim on a content."""
    return _key(f"{client_id}/CONTENT#{content}", "CONTENT")


def cell_key(ref: SubmissionRef, cell: int) -> dict[str, Attribute]:
    """What is known of a cell."""
    return _key(cells_of(ref), f"{CELLS}{cell:06d}")


def chunk_key(ref: SubmissionRef, cell: int, first_line: int) -> dict[str, Attribute]:
    """A chunk's outcome."""
    return _key(chunks_of(ref, cell), f"{CHUNKS}{first_line:012d}")


def counter_key(ref: SubmissionRef, cell: int, first_line: int) -> dict[str, Attribute]:
    """The counters that a chunk's outcome is added to."""
    # Hashed: chunks of 500 rows start at lines that hit only two remainders of eight.
    shard = crc32(str(first_line).encode()) % COUNTER_SHARDS
    return _key(chunks_of(ref, cell), f"{COUNTERS}{shard}")


def last_try_key(ref: SubmissionRef, cell: int, first_line: int) -> dict[str, Attribute]:
    """The trace of a chunk's last delivery."""
    return _key(chunks_of(ref, cell), f"{LAST_TRIES}{first_line:012d}")


def cells_of(ref: SubmissionRef) -> str:
    """The partition of a submission's cells."""
    return f"{ref.batch}#{ref.version}"


def chunks_of(ref: SubmissionRef, cell: int) -> str:
    """The partition of a cell's outcomes and counters."""
    return f"{cells_of(ref)}#{cell}"


def _key(pk: str, sk: str) -> dict[str, Attribute]:
    return {"pk": text(pk), "sk": text(sk)}


def ref_text(ref: SubmissionRef) -> str:
    """A submission as an attribute of its own client's items names it."""
    return f"{ref.file_name}\n{ref.version}"


def read_ref(client_id: str, written: str) -> SubmissionRef:
    """Read what `ref_text` wrote."""
    file_name, _, version = written.rpartition("\n")
    return SubmissionRef(client_id, file_name, version)
