"""A member's months as bars in the terminal: what expired, what was redeemed, what will expire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from pointflow.domain.iso_time import parse_moment

LONGEST, SHORTEST = 40, 10
"""Characters of the longest bar, in a wide window and in a narrow one."""

GAP = 2
"""Columns between two cells, as rich lays them out here."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Points of one kind in a month; told apart by shape as well as by colour."""

    field: str
    name: str
    mark: str
    plain_mark: str
    style: str


KINDS = (
    Kind("points_expired", "expired", "▒", "x", "red"),
    Kind("points_redeemed", "redeemed", "░", "-", "cyan"),
    Kind("points_expiring", "expiring", "█", "#", "yellow"),
)


def month_bars(entries: Iterable[Mapping[str, Any]], *, columns: int, plain: bool) -> Table:
    """One line a month, in the order of the dates as written.

    Parameters
    ----------
    entries : iterable of mapping
        The redemption entries of a view's document.
    columns : int
        Of the window; bars are shorter where it is narrow.
    plain : bool
        For terminals without block characters.
    """
    months = sorted(
        ((parse_moment(entry["expiration_date"]).written, entry) for entry in entries),
        key=lambda month: month[0],
    )
    most = max((_total(entry) for _, entry in months), default=0)
    length = _bar_length([entry for _, entry in months], columns)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("EXPIRES", no_wrap=True)
    for kind in KINDS:
        table.add_column(kind.name.upper(), justify="right", no_wrap=True)
    table.add_column(legend(plain=plain), no_wrap=True)
    for day, entry in months:
        points = (f"{entry.get(kind.field, 0):,}" for kind in KINDS)
        table.add_row(day.isoformat(), *points, _bar(entry, most, length, plain=plain))
    return table


def legend(*, plain: bool) -> Text:
    """What the marks of the bars mean."""
    marks = (Text(f"{_mark(kind, plain=plain)} {kind.name}", kind.style) for kind in KINDS)
    return Text("  ").join(marks)


def _bar(entry: Mapping[str, Any], most: int, length: int, *, plain: bool) -> Text:
    bar = Text()
    drawn = points = 0
    for kind in KINDS:
        # Each boundary is rounded by itself, so that equal totals are equally long.
        points += entry.get(kind.field, 0)
        end = (points * length + most // 2) // most if most else 0
        if entry.get(kind.field, 0) and end == drawn:
            end += 1  # however few, they are seen
        bar.append(_mark(kind, plain=plain) * (end - drawn), kind.style)
        drawn = end
    return bar


def _bar_length(entries: Sequence[Mapping[str, Any]], columns: int) -> int:
    """What the window leaves for a bar, and for the columns that few points add to it."""
    numbers = (
        max(len(kind.name), *(len(f"{entry.get(kind.field, 0):,}") for entry in entries), 0)
        for kind in KINDS
    )
    left = columns - len("2022-05-31") - sum(numbers) - GAP * (len(KINDS) + 1) - len(KINDS)
    return max(SHORTEST, min(LONGEST, left))


def _total(entry: Mapping[str, Any]) -> int:
    return sum(entry.get(kind.field, 0) for kind in KINDS)


def _mark(kind: Kind, *, plain: bool) -> str:
    return kind.plain_mark if plain else kind.mark
