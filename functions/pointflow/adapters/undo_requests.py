"""The writes of an undo on BatchesTable, as low-level DynamoDB requests."""

from __future__ import annotations

from pointflow.adapters.submission_keys import (
    Attribute,
    Item,
    cell_key,
    chunks_of,
    counter_key,
    number,
    text,
)
from pointflow.adapters.submission_requests import ABSENT, ONE, count, move
from pointflow.adapters.write_requests import Request, put, update
from pointflow.domain.submission import Status, SubmissionRef, Undone
from pointflow.domain.undo import UndoneChunk

UNDO_MARKS = "UNDO#"


def undo_mark_key(ref: SubmissionRef, cell: int, first_line: int) -> dict[str, Attribute]:
    """The note that a chunk is taken back."""
    return {"pk": text(chunks_of(ref, cell)), "sk": text(f"{UNDO_MARKS}{first_line:012d}")}


def read_undo_mark(item: Item) -> int:
    """First line of the chunk that an item notes as taken back."""
    return int(item["sk"]["S"].removeprefix(UNDO_MARKS))


def start_undo(table: str, ref: SubmissionRef, at: int) -> Request:
    """-> UNDOING, when every line is decided and no other upload took the place."""
    return move(
        table,
        ref,
        Status.UNDOING,
        at,
        sets={"undoing_since": number(at)},
        only_if="#cells_complete = #cells AND attribute_not_exists(#superseded_by)",
    )


def save_undone(
    table: str, ref: SubmissionRef, chunk: UndoneChunk, at: int
) -> tuple[Request, Request]:
    """Note that a chunk is taken back, and count it among its cell's."""
    mark = {
        **undo_mark_key(ref, chunk.cell, chunk.first_line),
        **undone_attributes(chunk.undone),
        "recorded_at": number(at),
    }
    counts = {"undone_chunks": ONE, **undone_attributes(chunk.undone)}
    counter = counter_key(ref, chunk.cell, chunk.first_line)
    return put(table, mark, ABSENT), update(table, counter, adds=counts)


def complete_undone_cell(
    table: str, ref: SubmissionRef, cell: int, undone: Undone, at: int
) -> tuple[Request, Request]:
    """Mark a cell as taken back, and count it in the submission."""
    return (
        update(
            table,
            cell_key(ref, cell),
            "attribute_exists(#chunks) AND attribute_not_exists(#undone_at)",
            sets={"undone_at": number(at)},
        ),
        count(
            table,
            ref,
            at,
            {"cells_undone": ONE, **undone_attributes(undone)},
            while_in={Status.UNDOING},
        ),
    )


def finish_undo(table: str, ref: SubmissionRef, at: int) -> Request:
    """UNDOING -> UNDONE, once every cell is taken back."""
    return move(table, ref, Status.UNDONE, at, only_if="#cells_undone = #cells")


def undone_attributes(undone: Undone) -> dict[str, Attribute]:
    """What was taken back, as counters."""
    return {"rows_undone": number(undone.rows), "points_undone": number(undone.points)}
