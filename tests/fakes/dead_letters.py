"""A dead-letter queue in memory, and the queue that its letters came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pointflow.domain.dead_letter import DeadLetter

SENT_AT = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class FakeDeadLetters:
    """`DeadLetters`: what is received is hidden until it is given back or removed.

    `forgetful` receives answer nothing although there is something, as SQS may. `dies_again` puts
    what is sent back in here at once, as a letter that fails again would come.
    """

    def __init__(self, *bodies: str, page: int = 10) -> None:
        self.letters: dict[str, DeadLetter] = {}
        self.hidden: set[str] = set()
        self.sent_back: list[str] = []
        self.forgetful = 0
        self.dies_again = False
        self._page = page
        for body in bodies:
            self.add(body)

    def add(self, body: str, sent_at: int | None = None) -> str:
        """Let a letter die; answers its id."""
        number = len(self.letters) + len(self.sent_back)
        message_id = f"m{number}"
        at = SENT_AT + number if sent_at is None else sent_at
        self.letters[message_id] = DeadLetter(message_id, body, at, 10, "acme", "")
        return message_id

    @property
    def bodies(self) -> list[str]:
        return [letter.body for letter in self.letters.values()]

    def count(self) -> int:
        return len(self.letters)

    def receive(self) -> Sequence[DeadLetter]:
        if self.forgetful:
            self.forgetful -= 1
            return []
        found = [each for key, each in self.letters.items() if key not in self.hidden][: self._page]
        taken = [
            replace(each, receives=each.receives + 1, receipt=f"{each.message_id}-{each.receives}")
            for each in found
        ]
        for letter in taken:
            self.letters[letter.message_id] = letter
            self.hidden.add(letter.message_id)
        return taken

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            assert self.letters[letter.message_id].receipt == letter.receipt
            self.hidden.remove(letter.message_id)

    def send_back(self, letters: Sequence[DeadLetter]) -> None:
        self.sent_back += [letter.body for letter in letters]
        if self.dies_again:
            for letter in letters:
                self.add(letter.body, SENT_AT * 2)

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            del self.letters[letter.message_id]
            self.hidden.remove(letter.message_id)
