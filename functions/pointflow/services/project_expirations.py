"""Keeps the month index in step with the members' current views.

Changes may come late, twice or out of order. Each writes every day that it names, with its view's
version, and loses against a newer one; a day that the new view no longer names is written too, as
an entry without points. So the newest change that names a day decides about it, whatever came when.
"""

from __future__ import annotations

from pointflow.domain.expiration_view import ViewChange, index_entries
from pointflow.ports.erasure import Forgotten, PushEraser
from pointflow.ports.pushes import MonthIndex


def project_expirations(change: ViewChange, *, at: int, index: MonthIndex) -> int:
    """Write a change to the month index. `at` is now, in milliseconds since the epoch.

    Returns
    -------
    int
        How many entries were written; the others had been written by this or by a newer change.
    """
    return sum(index.record(entry) for entry in index_entries(change, at))


def erase_forgotten(change: ViewChange, *, forgotten: Forgotten, eraser: PushEraser) -> bool:
    """Take out again what was pushed about somebody who was forgotten.

    Intake does not look: it would have to read before it writes. A push of a forgotten member is
    stored for the seconds until its change comes by here, and nobody is told of it.

    Returns
    -------
    bool
        Whether the change is about such a member. Then nothing else may be made of it.
    """
    view = change.new or change.old
    if view is None or not forgotten.among([view.member]):
        return False
    views = [each for each in (change.old, change.new) if each is not None]
    eraser.erase(view.member, {each.day for view in views for each in view.expirations})
    return True
