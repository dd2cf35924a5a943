"""A member's credits, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from pointflow.domain.ledger import Decision, Entry
from pointflow.ports.history import CreditPosition


class FakeHistory:
    """`FakeHistory(entries)`; what is added to the list later is found too."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    def credits(
        self, client_id: str, user_id: int, before: CreditPosition | None, limit: int
    ) -> Sequence[Entry]:
        found = {
            CreditPosition(entry.activity_at or 0, entry.identity): entry
            for entry in self._entries
            if entry.identity.startswith(f"{client_id}/")
            and entry.user_id == user_id
            and entry.decision is not Decision.REJECTED
        }
        ordered = sorted(found, reverse=True)
        return [found[each] for each in ordered if before is None or each < before][:limit]
