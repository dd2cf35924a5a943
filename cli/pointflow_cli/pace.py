"""How fast a batch goes, and when it will be done."""

from __future__ import annotations

from dataclasses import dataclass

from pointflow.domain.submission import Submission, Tally


@dataclass(frozen=True, slots=True)
class Pace:
    """Decided rows a second, and the seconds that are left at that rate; None: not known yet."""

    rows_a_second: float
    seconds_left: float | None

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f"  ETA {_clock(self.seconds_left)}"
        return f"{self.rows_a_second:,.0f} rows/s{left}"


def pace(submission: Submission, tally: Tally, elapsed: float) -> Pace | None:
    """Tell from what is decided after `elapsed` seconds; None before anything is.

    While cells are parsed the file's rows are not all known: those still to come are reckoned to
    be as many a cell as in the cells that are closed.
    """
    decided = tally.credited + tally.rejected
    if not decided or elapsed <= 0:
        return None
    rate = decided / elapsed
    cells, closed = submission.plan.cells, submission.cells_closed
    if not closed:
        return Pace(rate, None)
    rows = tally.rows * cells / closed
    return Pace(rate, max(0.0, rows - decided) / rate)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
