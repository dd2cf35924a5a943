"""What is told of a changed view: the event `PointsExpirationUpdated` of docs/events.md."""

from __future__ import annotations

from datetime import date
from typing import Any

from pointflow.domain.expiration_view import DIGEST_SHOWN, ExpirationView, ViewChange
from pointflow.domain.iso_time import utc_date
from pointflow.domain.push import KeyKind, Version

DETAIL_TYPE = "PointsExpirationUpdated"

_FILED_UNDER = {
    KeyKind.USER_ID: "user_id",
    KeyKind.EMAIL: "email_address",
    KeyKind.THIRD_PARTY_ID: "third_party_id",
}


def updated_detail(change: ViewChange, at: int) -> dict[str, Any] | None:
    """The event's detail; None where the same points expire on the same days as before.

    A member is named by user id alone: a view that was pushed under an email or a third party id
    says so, and not which. Told again, the detail of a change to a new view is the same.

    Parameters
    ----------
    change : ViewChange
    at : int
        Now, in milliseconds: what counts as next when a view has gone.
    """
    old, new = change.old, change.new
    if (old.expirations if old else ()) == (new.expirations if new else ()):
        return None
    shown = new or old
    if shown is None:
        return None
    member, today = shown.member, utc_date(new.version.received_at if new else at)
    return {
        "client_id": member.client_id,
        "user_id": int(member.value) if member.kind is KeyKind.USER_ID else None,
        "filed_under": _FILED_UNDER[member.kind],
        "version": version_text(shown.version),
        "old": _summary(old, today),
        "new": _summary(new, today),
    }


def version_text(version: Version) -> str:
    """A version as a text; of two views of a member, the newer one has the greater text."""
    return f"{version.instant:015d}-{version.received_at:015d}-{version.digest[:DIGEST_SHOWN]}"


def _summary(view: ExpirationView | None, today: date) -> dict[str, Any] | None:
    if view is None:
        return None
    following = view.next_expiration(today)
    return {
        "next_expiration": following
        and {
            "expiration_date": following.day.isoformat(),
            "points_expiring": following.points,
            "redemption_points": following.redemption,
            "inactivity_points": following.inactivity,
        },
        "points_expiring": sum(each.points for each in view.expirations if each.day >= today),
    }
