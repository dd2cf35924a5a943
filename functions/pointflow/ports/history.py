"""A member's credits, as the use cases read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pointflow.domain.ledger import Entry


@dataclass(frozen=True, slots=True, order=True)
class CreditPosition:
    """Where an entry stands in its member's history. `activity_at` is seconds since the epoch."""

    activity_at: int
    identity: str


class CreditHistory(Protocol):
    """What changed a member's balance."""

    def credits(
        self, client_id: str, user_id: int, before: CreditPosition | None, limit: int
    ) -> Sequence[Entry]:
        """Up to `limit` entries, newest activity date first, that come after `before`. What was
        recorded within the last seconds may be missing."""
        ...
