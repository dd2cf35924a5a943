"""What to tell whoever sends other content under a name that is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

from pointflow.domain.codes import FileCode
from pointflow.domain.submission import Refusal, Submission, SubmissionRef
from pointflow.ports.submissions import SubmissionStore

CELLS_SEARCHED = 1_000
"""How many cells are looked into from either end of the owner's file: a few seconds' worth."""


def name_reused(store: SubmissionStore, owner_ref: SubmissionRef | None) -> Refusal:
    """Refuse, and name the lines that the owner of the name has credited so far."""
    owner = store.get(owner_ref) if owner_ref else None
    earlier = "an earlier upload with other content"
    done = "no row of it is credited"
    if owner:
        received = datetime.fromtimestamp(owner.plan.received_at, UTC)
        earlier += f", received {received:%Y-%m-%d %H:%M:%S} UTC"
        done = _credited(store, owner)
    return Refusal(
        FileCode.FILE_NAME_REUSED,
        f"the file name belongs to {earlier}; {done} so far. Nothing of this upload was"
        " credited: send the rows that are not in the earlier one under a new name",
    )


def _credited(store: SubmissionStore, owner: Submission) -> str:
    if owner.crediting_since is None:
        return "no row of it is credited"
    cells = range(owner.plan.cells)
    first = next(_credited_spans(store, owner.ref, islice(cells, CELLS_SEARCHED)), None)
    last = next(_credited_spans(store, owner.ref, islice(reversed(cells), CELLS_SEARCHED)), None)
    if first and last:
        return f"rows in its lines {first[0]}-{last[1]} are credited"
    if first:
        return f"rows from its line {first[0]} on are credited"
    if last:
        return f"rows up to its line {last[1]} are credited"
    if len(cells) > CELLS_SEARCHED:
        return "rows of it may be credited"
    return "no row of it is credited"


def _credited_spans(
    store: SubmissionStore, ref: SubmissionRef, cells: Iterable[int]
) -> Iterator[tuple[int, int]]:
    """By cell: where its credited chunks begin and end. Reads outcomes only of cells with some."""
    for cell in cells:
        if store.cell_progress(ref, cell).tally.credited:
            spans = [
                (outcome.first_line, outcome.last_line)
                for outcome in store.outcomes(ref, cell)
                if outcome.tally.credited
            ]
            if spans:
                yield spans[0][0], spans[-1][1]
