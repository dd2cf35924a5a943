"""What the messages of every queue have in common: a version, a kind, a submission, plain values.

Whatever was not written by pointflow raises `MessageInvalidError`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.submission import SubmissionRef

VERSION = 1

type Kind = Literal[
    "measure",
    "parse",
    "measure_cells",
    "parse_cells",
    "credit",
    "report",
    "undo_cells",
    "undo_chunk",
]

LARGEST_INTEGER = 10**15 - 1
"""No line, cell, revision or time is larger: whatever claims so was not written here."""


def ref_fields(ref: SubmissionRef) -> dict[str, Any]:
    """How a message names a submission."""
    fields = {"client": ref.client_id, "file": ref.file_name, "version": ref.version}
    return {**fields, "dry_run": True} if ref.dry_run else fields


def read_ref(fields: dict[str, Any]) -> SubmissionRef:
    """The submission that a message names."""
    dry_run = fields.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise MessageInvalidError("message field 'dry_run' must be true or false")
    return SubmissionRef(
        read_text(fields, "client"),
        read_text(fields, "file"),
        read_text(fields, "version"),
        dry_run,
    )


def read_fields(text: str, *kinds: Kind) -> dict[str, Any]:
    """The fields of a message, or of its first line, if it is of one of these kinds."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageInvalidError("message is not JSON") from error
    if not isinstance(fields, dict) or fields.get("kind") not in kinds:
        raise MessageInvalidError(f"message is not of kind {' or '.join(kinds)}")
    if fields.get("v") != VERSION:
        raise MessageInvalidError(f"message has version {fields.get('v')!r}, expected {VERSION}")
    return fields


def read_text(fields: dict[str, Any], name: str) -> str:
    """A text that is not empty."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise MessageInvalidError(f"message field {name!r} must be a text that is not empty")
    utf8(value)
    return value


def read_integer(fields: dict[str, Any], name: str) -> int:
    """A whole number that pointflow may have written."""
    value = fields.get(name)
    if type(value) is not int or not 0 <= value <= LARGEST_INTEGER:
        raise MessageInvalidError(
            f"message field {name!r} must be an integer from 0 to {LARGEST_INTEGER}"
        )
    return value


def utf8(text: str) -> bytes:
    """The text as bytes."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        # Half a surrogate pair: JSON can carry it, no queue, table or bucket can.
        raise MessageInvalidError(f"message is not UTF-8: {error.reason}") from error
