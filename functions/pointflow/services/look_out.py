"""What a person has to see to, and no message will ever tell: what did not come, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointflow.ports.catalog import ExpectingClients
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.find_missing_files import find_missing_files

if TYPE_CHECKING:
    # All that pushes are made of: intake, whose wiring comes through here, has no use for it.
    from pointflow.ports.pushes import QuarantineCount


@dataclass(frozen=True, slots=True)
class Sights:
    """What is seen at a moment.

    `files_missing` holds ids of clients. `pushes_in_quarantine` counts to a thousand, no further.
    """

    files_missing: tuple[str, ...] = ()
    pushes_in_quarantine: int = 0


def look_out(
    now: int, *, catalog: ExpectingClients, store: SubmissionStore, quarantine: QuarantineCount
) -> Sights:
    """Look for files that were due and did not come, and for pushes that wait in quarantine.

    Parameters
    ----------
    now : int
        Seconds since the epoch.
    catalog, store, quarantine
        Ports.
    """
    return Sights(
        files_missing=find_missing_files(catalog.expecting(), store=store, now=now),
        pushes_in_quarantine=quarantine.count(),
    )
