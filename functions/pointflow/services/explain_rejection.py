"""Words for rows that were rejected while crediting.

They depend on the row and on the decision on record alone, so every retry says the same; and they
tell nothing about a member that the row itself does not.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.ledger import Entry
from pointflow.domain.member import identifier_keys
from pointflow.services.decide_rows import CreditRow


def explain_rejection(credit_row: CreditRow, entry: Entry) -> RejectedRow:
    """Turn a rejected entry into what the client gets back.

    Parameters
    ----------
    credit_row : CreditRow
    entry : Entry
        The row's entry as it stands, a rejection.
    """
    if entry.code is None:
        raise ValueError(f"{entry.identity!r} is no rejection")
    field, message = _explain(credit_row, entry, entry.code)
    return RejectedRow(credit_row.line, credit_row.raw, entry.code, field, message)


def _explain(credit_row: CreditRow, entry: Entry, code: RowCode) -> tuple[str | None, str]:
    row = credit_row.row
    named_by = " and ".join(key.kind for key in identifier_keys(row))
    match code:
        case RowCode.MEMBER_NOT_FOUND:
            return None, (
                f"no member was found by {named_by}; correct the identifiers or create the member,"
                " then send the row again in a new file"
            )
        case RowCode.MEMBER_INACTIVE:
            matched_by = entry.matched_by or named_by
            return entry.matched_by, (
                f"the member found by {matched_by} is not active; reactivate the member, then send"
                " the row again in a new file"
            )
        case RowCode.MEMBER_AMBIGUOUS:
            return None, (
                f"{named_by} name different members; keep only identifiers of the member to credit,"
                " then send the row again in a new file"
            )
        case RowCode.ACTIVITY_UNKNOWN:
            return "ACTIVITY_ID", (
                f"there is no activity {row.activity_id}; correct ACTIVITY_ID or add the activity,"
                " then send the row again in a new file"
            )
        case RowCode.ACTIVITY_INACTIVE:
            return "ACTIVITY_ID", (
                f"activity {row.activity_id} was not active at the activity date"
                f"{_moment(entry.activity_at)}; correct ACTIVITY_DATE or the activity's dates, then"
                " send the row again in a new file"
            )
        case _:
            raise ValueError(f"{code} is not decided while crediting")


def _moment(at: int | None) -> str:
    return "" if at is None else f" {datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
