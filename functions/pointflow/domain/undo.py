"""Taking a batch's credits back: whether that may be done, and the messages of the work."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.message_fields import (
    VERSION,
    read_fields,
    read_integer,
    read_ref,
    ref_fields,
)
from pointflow.domain.submission import OPEN, Status, Submission, SubmissionRef, Undone


@dataclass(frozen=True, slots=True)
class UndoCells:
    """Take back what the cells [first, end) were credited: to be handed out in smaller slices."""

    ref: SubmissionRef
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class UndoChunk:
    """Take back what a chunk's rows were credited.

    `line` is where to go on, and `undone` what was taken back before that line: the one and the
    other follow from the ledger alone, so a message that is delivered twice says the same.
    """

    ref: SubmissionRef
    cell: int
    first_line: int
    line: int
    undone: Undone = field(default_factory=Undone)


UndoMessage = UndoCells | UndoChunk


@dataclass(frozen=True, slots=True)
class UndoneChunk:
    """A chunk that is taken back, and what its rows had been granted."""

    cell: int
    first_line: int
    undone: Undone


@dataclass(frozen=True, slots=True)
class UndoProgress:
    """A cell as consistent reads show it: its chunks, and those that are taken back."""

    chunks: int
    undone_chunks: int
    undone: Undone

    @property
    def settled(self) -> bool:
        """Whether every chunk is taken back."""
        return self.undone_chunks >= self.chunks


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a batch cannot be undone, and what to do instead."""

    why: str
    next_step: str


def obstacle_to_undo(submission: Submission) -> Obstacle | None:
    """What stands in the way of undoing a batch; None where nothing does."""
    name, status = submission.ref.file_name, submission.status
    look = f"see: pointflow batch show {name}"
    if status in {Status.UNDOING, Status.UNDONE}:
        going_on = "is being undone already" if status is Status.UNDOING else "was undone already"
        return Obstacle(f"{name} {going_on}", look)
    if status is Status.HELD:
        return Obstacle(
            f"{name} is HELD: nothing of it is credited", f"drop it: pointflow batch discard {name}"
        )
    if status in OPEN:
        return Obstacle(f"{name} is {status}: not every row is decided yet", f"wait, then {look}")
    if status is Status.FAILED and not submission.all_decided:
        return Obstacle(
            f"{name} is FAILED, and some of its lines have no decision",
            "have them decided first: put its dead-lettered messages back",
        )
    if not submission.all_decided or not submission.tally.credited:
        return Obstacle(f"{name} is {status}: no row of it was credited", look)
    return None


def encode_undo(message: UndoMessage) -> str:
    """Write a message of UndoQueue."""
    fields: dict[str, Any] = {"v": VERSION, "kind": "undo_cells", **ref_fields(message.ref)}
    match message:
        case UndoCells():
            fields |= {"first": message.first, "end": message.end}
        case UndoChunk():
            fields |= {
                "kind": "undo_chunk",
                "cell": message.cell,
                "first_line": message.first_line,
                "line": message.line,
                "rows": message.undone.rows,
                "points": message.undone.points,
            }
    return json.dumps(fields)


def decode_undo(body: str) -> UndoMessage:
    """Read a message of UndoQueue back. Raises `MessageInvalidError`."""
    fields = read_fields(body, "undo_cells", "undo_chunk")
    ref = read_ref(fields)
    if fields["kind"] == "undo_cells":
        first, end = read_integer(fields, "first"), read_integer(fields, "end")
        if first >= end:
            raise MessageInvalidError("message must ask for at least one cell")
        return UndoCells(ref, first, end)
    return UndoChunk(
        ref,
        cell=read_integer(fields, "cell"),
        first_line=read_integer(fields, "first_line"),
        line=read_integer(fields, "line"),
        undone=Undone(read_integer(fields, "rows"), read_integer(fields, "points")),
    )
