"""Accounts, entries and batches, as whoever proves that they add up reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pointflow.domain.ledger import AccountChange, Entry
from pointflow.domain.submission import CellClose, SubmissionRef
from pointflow.domain.verification import Account, Round


@dataclass(frozen=True, slots=True)
class Page[Item]:
    """Some items of a segment, each with the place after it. `after` is where the page ends."""

    items: tuple[tuple[str, Item], ...]
    after: str | None  # None: the segment ends with this page


@dataclass(frozen=True, slots=True)
class CellRecord:
    """A cell that intake has closed, and whether its outcomes are counted into the submission."""

    close: CellClose
    complete: bool


class Books(Protocol):
    """Everything that has to add up."""

    def accounts(self, segment: int, segments: int, after: str | None) -> Page[Account]:
        """Members' accounts of a segment of the table, read consistently."""
        ...

    def account(self, client_id: str, user_id: int) -> Account | None:
        """One account, read consistently."""
        ...

    def change(self, client_id: str, user_id: int) -> AccountChange:
        """What all entries of a member change. Eventually consistent: the newest may be missing."""
        ...

    def submissions(self, segment: int, segments: int, after: str | None) -> Page[SubmissionRef]:
        """Submissions of a segment of the table. Eventually consistent."""
        ...

    def cells(self, ref: SubmissionRef) -> Iterator[CellRecord]:
        """The closed cells of a submission, read consistently."""
        ...

    def entries(self, batch: str, lines: Iterable[int]) -> Iterator[Entry]:
        """The entries of some lines of `<client>/<file name>`, read consistently, in no order."""
        ...

    def undone(self, batch: str, lines: Iterable[int]) -> Iterator[Entry]:
        """The entries that take back credits of these lines, likewise."""
        ...


class Rounds(Protocol):
    """Where the round in progress is kept between slices."""

    def load(self) -> Round | None: ...

    def save(self, found: Round | None, round_: Round) -> bool:
        """Keep how far the round is; False when it is no longer what was `found`, because another
        worker was faster. Then nothing is changed."""
        ...
