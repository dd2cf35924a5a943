"""What the rows of a dry run foretell beside the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pointflow.domain.forecast import Forecast, Granted
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import identifier_keys
from pointflow.services.decide_rows import CreditRow


def foretell(rows: Sequence[CreditRow], entries: Sequence[Entry]) -> Forecast:
    """Sum up how members were found, and what each activity would grant.

    Parameters
    ----------
    rows : sequence of CreditRow
        A chunk's rows.
    entries : sequence of Entry
        What was decided about each, in their order.
    """
    carried: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    activities: dict[int, Granted] = {}
    for each, entry in zip(rows, entries, strict=True):
        carried.update(key.kind.value for key in identifier_keys(each.row))
        if entry.matched_by is not None:
            matched[entry.matched_by.value] += 1
        if entry.decision is Decision.CREDITED:
            activity_id = each.row.activity_id
            granted = activities.get(activity_id, Granted())
            activities[activity_id] = granted + Granted(1, entry.points)
    return Forecast(len(rows), dict(carried), dict(matched), activities)
