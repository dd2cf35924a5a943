"""Look at suspects again until they stand still: on a live system, figures move under the reader.

An index lags behind its table, and a credit may fall between two reads. So nothing is called a
drift at first sight. Suspects are looked at again after waits that double; whoever adds up at any
look is acquitted. What still drifts at the last two looks, by the same amount, while nothing about
it moved, does drift. Whoever moved even then is counted as moving, and judged in the next round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointflow.domain.verification import Drift

WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further look: a quarter of a minute in all, where an index lags by tenths."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a suspect showed.

    `state` is what was read of it before and after its entries were; None: it changed in between.
    """

    state: object | None
    drifts: tuple[Drift, ...]


type Suspect = Callable[[], Look]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What is left of suspects: figures that drift, and how many suspects never stood still."""

    drifts: tuple[Drift, ...] = ()
    moving: int = 0


def confirm_drifts(suspects: Sequence[Suspect], pause: Callable[[float], None]) -> Confirmed:
    """Look at suspects again, all of them after each wait.

    Parameters
    ----------
    suspects : sequence of callable
        Each looks at one suspect.
    pause : callable
        Waits for so many seconds.
    """
    seen: list[tuple[Suspect, Look | None, Look | None]] = [(each, None, None) for each in suspects]
    for seconds in WAITS:
        if not seen:
            break
        pause(seconds)
        looked = [(take, last, take()) for take, _, last in seen]
        seen = [(take, last, look) for take, last, look in looked if look.drifts]
    drifts: list[Drift] = []
    moving = 0
    for _, last, look in seen:
        if look is not None and look.state is not None and look == last:
            drifts += look.drifts
        else:
            moving += 1
    return Confirmed(tuple(drifts), moving)
