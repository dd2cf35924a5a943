"""Which lines of a batch that failed have no decision, and so must not be sent again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

MOST_RANGES = 1_000
"""Keeps a result small. What follows is folded into the last range, which then also spans
decided lines: to leave a line alone needlessly is harmless, to send one twice is not."""

LineRange = tuple[int, int]
"""First and last line, both included."""


@dataclass(frozen=True, slots=True)
class CellLines:
    """What is known of a cell's lines.

    `first_line` holds the cell's first byte; it may have started in the cell before. `next_line`
    holds the first byte of the cell after it. `decided` ascends by first line; ranges may overlap.
    A `settled` cell has nothing undecided, though its blank lines are in no range.
    """

    first_line: int
    next_line: int
    settled: bool
    decided: Iterable[LineRange] = ()


class UndecidedLines:
    """Finds the lines that nobody decided, walking a file from its first cell to its last."""

    def __init__(
        self, ranges: Iterable[LineRange] = (), line: int = 1, *, owing: bool = False
    ) -> None:
        self._ranges = [(first, last) for first, last in ranges]
        self._line = line  # the first line not accounted for
        self._owing = owing  # whether the cell before left lines undecided, from there on

    def state(self) -> dict[str, Any]:
        """Everything it knows, ready for JSON: `UndecidedLines(**state)` goes on from here."""
        return {"ranges": list(self._ranges), "line": self._line, "owing": self._owing}

    def pass_cell(self, cell: CellLines) -> None:
        """Take in the next cell."""
        if cell.settled:
            self._pass_settled(cell)
        else:
            for first, last in cell.decided:
                self._note_up_to(first - 1)
                self._line = max(self._line, last + 1)
        self._owing = not cell.settled

    def ranges(self, last_line: int) -> tuple[LineRange, ...]:
        """The undecided ranges in line order, at most `MOST_RANGES`.

        Blank lines among undecided ones are included. `last_line` is the file's last line, or the
        one after it where only newlines could be counted.
        """
        if self._owing:
            self._note_up_to(last_line)
        return tuple(self._ranges)

    def _pass_settled(self, cell: CellLines) -> None:
        decided = list(cell.decided)
        if self._owing:
            # Whether `first_line` starts here or in the unsettled cell before is only known
            # when it was decided here; else it counts as undecided.
            first = min([first for first, _ in decided], default=cell.first_line + 1)
            self._note_up_to(min(first - 1, cell.first_line))
        self._line = max(self._line, cell.next_line, *(last + 1 for _, last in decided))

    def _note_up_to(self, last: int) -> None:
        if last < self._line:
            return
        if len(self._ranges) == MOST_RANGES:
            self._ranges[-1] = (self._ranges[-1][0], last)
        else:
            self._ranges.append((self._line, last))
        self._line = last + 1
