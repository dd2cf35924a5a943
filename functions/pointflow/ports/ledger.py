"""The ledger, as the use cases see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pointflow.domain.ledger import Entry


class Ledger(Protocol):
    """Entries and the balances they add up to."""

    def record(self, client_id: str, entries: Sequence[Entry], deadline: float) -> list[Entry]:
        """Record decisions, each once; credit the balances of the credited ones in the same
        transactions.

        Parameters
        ----------
        client_id : str
        entries : sequence of Entry
            As wanted. At most one per identity.
        deadline : float
            `time.monotonic()` value after which no retry starts.

        Returns
        -------
        list of Entry
            What stands for each identity, in the order of `entries`: an earlier decision where
            there is one; `MEMBER_NOT_FOUND` or `MEMBER_INACTIVE` where the account turned out to
            be absent or inactive in the transaction.

        Raises
        ------
        ContentionError
            Some entries could not be recorded before the deadline. What was recorded stands.
        EntryMismatchError
            An identity holds a credit of other content.
        """
        ...
