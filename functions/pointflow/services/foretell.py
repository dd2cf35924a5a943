"""What the rows of a dry run foretell beside the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pointflow.domain.forecast import Forecast, Granted
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import identifier_keys
from pointflow.ports.members import MemberDirectory
from pointflow.services.decide_rows import CreditRow


def foretell(
    client_id: str,
    rows: Sequence[CreditRow],
    entries: Sequence[Entry],
    members: MemberDirectory,
) -> Forecast:
    """Sum up how members were found, and what each activity would grant.

    Parameters
    ----------
    client_id : str
    rows : sequence of CreditRow
        A chunk's rows.
    entries : sequence of Entry
        What was decided about each, in their order.
    members : MemberDirectory
        Asked once more who holds each identifier: a decision tells only of the one that decided.
    """
    carried: Counter[str] = Counter()
    known: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    activities: dict[int, Granted] = {}
    holders = members.holders(
        client_id, {key for each in rows for key in identifier_keys(each.row)}
    )
    for each, entry in zip(rows, entries, strict=True):
        keys = list(identifier_keys(each.row))
        carried.update(key.kind.value for key in keys)
        known.update(key.kind.value for key in keys if holders.get(key))
        if entry.matched_by is not None:
            matched[entry.matched_by.value] += 1
        if entry.decision is Decision.CREDITED:
            activity_id = each.row.activity_id
            granted = activities.get(activity_id, Granted())
            activities[activity_id] = granted + Granted(1, entry.points)
    return Forecast(len(rows), dict(carried), dict(known), dict(matched), activities)
