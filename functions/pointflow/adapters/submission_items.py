"""How submissions, cells and outcomes are written as items of BatchesTable, and read back.

Counters are plain numbers (`rows`, `c_<CODE>`, `w_<WARNING>`), so that ADD works on an item that
has none of them yet.
"""

from __future__ import annotations

from pointflow.adapters.forecast_items import forecast_attribute, read_forecast
from pointflow.adapters.submission_keys import (
    CELLS,
    LAST_TRIES,
    UPLOADS,
    Attribute,
    Item,
    chunk_key,
    number,
    read_ref,
    text,
    upload_key,
)
from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.submission import (
    DRY_RUN,
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Failure,
    Plan,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    Undone,
)

OPEN_MARK: Attribute = {"S": "OPEN"}
_SORT_KEY_BYTES = 1024  # DynamoDB's limit; an object's name alone may be nearly as long
_CODE, _WARNING = "c_", "w_"
_SUMS = ("rows", "blank", "credited", "rejected", "points")


def submission_item(submission: Submission) -> dict[str, Attribute]:
    """A submission as it is first recorded: before it is measured, claimed or counted."""
    ref, plan = submission.ref, submission.plan
    return upload_key(ref) | {
        "client_id": text(ref.listed_under),
        "file_name": text(ref.file_name),
        "version": text(ref.version),
        "received_sort": text(received_sort(ref, plan.received_at)),
        "open": OPEN_MARK,
        "status": text(submission.status),
        "updated_at": number(submission.updated_at),
        "size": number(plan.size),
        "received_at": number(plan.received_at),
        "cell_bytes": number(plan.cell_bytes),
        "chunk_rows": number(plan.chunk_rows),
        "chunk_bytes": number(plan.chunk_bytes),
        "rulings": number(plan.rulings),
        "cells": number(plan.cells),
        "cells_measured": number(0),
        "cells_closed": number(0),
        "cells_complete": number(0),
        "revision": number(0),
        "reported_revision": number(0),
    }


def received_sort(ref: SubmissionRef, received_at: int) -> str:
    """Sorts a client's submissions by receipt."""
    sort = f"{received_at:012d}#{ref.file_name}#{ref.version}".encode()
    return sort[:_SORT_KEY_BYTES].decode("utf-8", errors="ignore")


def read_submission(item: Item) -> Submission:
    """A submission as it stands."""
    status = Status(_text(item, "status"))
    return Submission(
        ref=SubmissionRef(
            _client_id(item), _text(item, "file_name"), _text(item, "version"), _is_dry_run(item)
        ),
        status=status,
        plan=Plan(
            size=_number(item, "size"),
            received_at=_number(item, "received_at"),
            cell_bytes=_number(item, "cell_bytes"),
            chunk_rows=_number(item, "chunk_rows"),
            chunk_bytes=_number(item, "chunk_bytes"),
            rulings=_number(item, "rulings"),
        ),
        updated_at=_number(item, "updated_at"),
        content=_text_or_none(item, "content"),
        first_row_line=_number_or_none(item, "first_row_line"),
        twin=_twin_text(item, status),
        refusal=_read_refusal(item),
        failure=_read_failure(item),
        cells_measured=_count(item, "cells_measured"),
        cells_closed=_count(item, "cells_closed"),
        cells_complete=_count(item, "cells_complete"),
        tally=read_tally(item),
        finished_at=_number_or_none(item, "finished_at"),
        revision=_count(item, "revision"),
        reported_revision=_count(item, "reported_revision"),
        looks=_count(item, "looks"),
        crediting_since=_number_or_none(item, "crediting_since"),
        superseded_by=_text_or_none(item, "superseded_by"),
        undoing_since=_number_or_none(item, "undoing_since"),
        cells_undone=_count(item, "cells_undone"),
        undone=read_undone(item),
    )


def read_open_ref(item: Item) -> SubmissionRef:
    """Which submission an item is, from its key alone: it may be readable when nothing else is."""
    pk = _text(item, "pk")
    client_id, _, file_name = pk.removeprefix(DRY_RUN).partition("/")
    version = _text(item, "sk").removeprefix(UPLOADS)
    return SubmissionRef(client_id, file_name, version, dry_run=pk.startswith(DRY_RUN))


def read_twin(item: Item) -> SubmissionRef | None:
    """The submission that an earlier claim of this one met."""
    written = _text_or_none(item, "twin")
    return read_ref(_client_id(item), written) if written else None


def _client_id(item: Item) -> str:
    return _text(item, "client_id").removeprefix(DRY_RUN)


def _is_dry_run(item: Item) -> bool:
    return _text(item, "client_id").startswith(DRY_RUN)


def _twin_text(item: Item, status: Status) -> str | None:
    twin = read_twin(item)
    if twin is None:
        return None
    return twin.version if status is Status.DUPLICATE else twin.batch


def _read_refusal(item: Item) -> Refusal | None:
    code = _text_or_none(item, "refusal_code")
    return Refusal(FileCode(code), _text(item, "refusal_message")) if code else None


def _read_failure(item: Item) -> Failure | None:
    code = _text_or_none(item, "failure_code")
    return Failure(FailureCode(code), _text(item, "failure_message")) if code else None


def measure_attributes(measure: CellMeasure) -> dict[str, Attribute]:
    """What pass 1 learnt of a cell."""
    attributes = {"newlines": number(measure.newlines), "sha256": text(measure.sha256)}
    if measure.first_row is not None:
        attributes["first_row"] = number(measure.first_row)
    return attributes


def read_measure(item: Item) -> CellMeasure | None:
    """What pass 1 learnt of a cell; None when it was not there yet."""
    if "sha256" not in item:
        return None
    return CellMeasure(
        cell=_cell_of(item),
        newlines=_number(item, "newlines"),
        sha256=_text(item, "sha256"),
        first_row=_number_or_none(item, "first_row"),
    )


def close_attributes(close: CellClose) -> dict[str, Attribute]:
    """What pass 2 made of a cell."""
    return {
        "chunks": number(close.chunks),
        **tally_attributes(close.tally),
        **_rejects_key(close.rejects_key),
    }


def read_close(item: Item) -> CellClose | None:
    """What pass 2 made of a cell; None until it is closed."""
    if "chunks" not in item:
        return None
    return CellClose(
        cell=_cell_of(item),
        chunks=_number(item, "chunks"),
        tally=read_tally(item),
        rejects_key=_text_or_none(item, "rejects_key"),
    )


def outcome_item(ref: SubmissionRef, outcome: ChunkOutcome, at: int) -> dict[str, Attribute]:
    """A chunk's outcome."""
    return {
        **chunk_key(ref, outcome.cell, outcome.first_line),
        "cell": number(outcome.cell),
        "first_line": number(outcome.first_line),
        "last_line": number(outcome.last_line),
        "digest": text(outcome.digest),
        "recorded_at": number(at),
        **tally_attributes(outcome.tally),
        **_rejects_key(outcome.rejects_key),
        **({} if outcome.forecast is None else {"forecast": forecast_attribute(outcome.forecast)}),
    }


def read_outcome(item: Item) -> ChunkOutcome:
    """A chunk's outcome."""
    return ChunkOutcome(
        cell=_number(item, "cell"),
        first_line=_number(item, "first_line"),
        last_line=_number(item, "last_line"),
        digest=_text(item, "digest"),
        tally=read_tally(item),
        rejects_key=_text_or_none(item, "rejects_key"),
        forecast=read_forecast(item["forecast"]) if "forecast" in item else None,
    )


def read_last_try(item: Item) -> tuple[int, int]:
    """First line of a chunk, and the time of its last delivery."""
    return int(_text(item, "sk").removeprefix(LAST_TRIES)), _number(item, "tried_at")


def read_outcome_count(item: Item) -> int:
    """How many outcomes one counter item has counted."""
    return _count(item, "outcomes")


def read_undone_count(item: Item) -> int:
    """How many chunks that are taken back one counter item has counted."""
    return _count(item, "undone_chunks")


def read_undone(item: Item) -> Undone:
    """What was taken back, as an item's counters hold it."""
    return Undone(_count(item, "rows_undone"), _count(item, "points_undone"))


def tally_attributes(tally: Tally) -> dict[str, Attribute]:
    """A tally as counters, those of zero left out."""
    counts = {name: getattr(tally, name) for name in _SUMS}
    counts |= {f"{_CODE}{code}": count for code, count in tally.codes.items()}
    counts |= {f"{_WARNING}{code}": count for code, count in tally.warnings.items()}
    return {name: number(count) for name, count in counts.items() if count}


def read_tally(item: Item) -> Tally:
    """The tally that an item's counters hold."""
    return Tally(
        **{name: _count(item, name) for name in _SUMS},
        codes=_counts(item, _CODE),
        warnings=_counts(item, _WARNING),
    )


def read_owner(client_id: str, file_name: str, item: Item) -> SubmissionRef:
    """The submission that a claim on a name belongs to."""
    return SubmissionRef(client_id, file_name, _text(item, "owner"))


def read_holders(item: Item) -> frozenset[str]:
    """The submissions, as `ref_text` writes them, that hold a content."""
    return frozenset(item["holders"]["SS"]) if "holders" in item else frozenset()


def _counts(item: Item, prefix: str) -> dict[str, int]:
    return {
        name.removeprefix(prefix): _number(item, name)
        for name in sorted(item)
        if name.startswith(prefix)
    }


def _rejects_key(key: str | None) -> dict[str, Attribute]:
    return {} if key is None else {"rejects_key": text(key)}


def _cell_of(item: Item) -> int:
    return int(_text(item, "sk").removeprefix(CELLS))


def _text(item: Item, name: str) -> str:
    return str(item[name]["S"])


def _text_or_none(item: Item, name: str) -> str | None:
    return _text(item, name) if name in item else None


def _number(item: Item, name: str) -> int:
    return int(item[name]["N"])


def _number_or_none(item: Item, name: str) -> int | None:
    return _number(item, name) if name in item else None


def _count(item: Item, name: str) -> int:
    return _number(item, name) if name in item else 0
