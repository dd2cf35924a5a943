"""Keeps the month index in step with the members' current views.

Changes may come late, twice or out of order. Each writes every day that it names, with its view's
version, and loses against a newer one; a day that the new view no longer names is written too, as
an entry without points. So the newest change that names a day decides about it, whatever came when.
"""

from __future__ import annotations

from pointflow.domain.expiration_view import ViewChange, index_entries
from pointflow.ports.pushes import MonthIndex


def project_expirations(change: ViewChange, *, at: int, index: MonthIndex) -> int:
    """Write a change to the month index. `at` is now, in milliseconds since the epoch.

    Returns
    -------
    int
        How many entries were written; the others had been written by this or by a newer change.
    """
    return sum(index.record(entry) for entry in index_entries(change, at))
