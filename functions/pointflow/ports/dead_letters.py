"""A dead-letter queue, as the use cases see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pointflow.domain.dead_letter import DeadLetter


class DeadLetters(Protocol):
    """One dead-letter queue and the queue whose letters it holds."""

    def count(self) -> int:
        """How many letters there are, hidden ones included; approximately."""
        ...

    def receive(self) -> Sequence[DeadLetter]:
        """Up to ten letters, hidden from others for some minutes. Empty: none was found now."""
        ...

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        """Show letters to others again at once."""
        ...

    def send_back(self, letters: Sequence[DeadLetter]) -> None:
        """Send up to ten letters to the queue they came from, and leave them here too.

        Raises `ContentionError` when the queue did not accept them all.
        """
        ...

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        """Delete up to ten letters for good. One that is not deleted comes back later."""
        ...
