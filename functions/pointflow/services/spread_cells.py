"""Hand out a slice of a large file's cells, one by one."""

from __future__ import annotations

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import MeasureCells, ParseCells
from pointflow.domain.submission import Status
from pointflow.ports.queues import PartPublisher
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.parse_cell import may_credit
from pointflow.services.plan_submission import spread_measure, spread_parse


def spread_cells(
    slice_: MeasureCells | ParseCells, *, store: SubmissionStore, parts: PartPublisher
) -> None:
    """Ask for every cell of the slice that is still to be done.

    It may run any number of times: what is done already is not asked for, and a cell that is asked
    for twice is done once.

    Parameters
    ----------
    slice_ : MeasureCells or ParseCells
    store, parts
        Ports.

    Raises
    ------
    MessageInvalidError
        There is no such submission, or it has no such cells.
    """
    submission = store.get(slice_.ref)
    if submission is None:
        raise MessageInvalidError(f"no submission {slice_.ref.version} of {slice_.ref.batch}")
    cells = submission.plan.cells
    if slice_.end > cells:
        raise MessageInvalidError(f"{slice_.ref.batch} has no cell {slice_.end - 1}")
    if isinstance(slice_, ParseCells):
        if may_credit(submission):
            spread_parse(slice_, store=store, parts=parts)
    elif submission.status is Status.PLANNING:
        spread_measure(slice_, cells=cells, store=store, parts=parts)
