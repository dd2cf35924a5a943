"""Prove that the ledger adds up, on a live system, in slices that each take up where one ended.

Members' accounts and submissions are gone through in parallel segments. What is kept of a segment
is the place where it goes on, so memory stays the same however much there is, and whoever takes
up a round after a crash does some of it again and misses nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from threading import Lock

from pointflow.domain.errors import OutOfTimeError
from pointflow.domain.submission import Status, SubmissionRef
from pointflow.domain.verification import Drift, Findings, Position, Round
from pointflow.ports.books import Books
from pointflow.ports.submissions import SubmissionStore
from pointflow.services.in_time import OutOfTime, never
from pointflow.services.verify_batch import verify_cell, verify_totals
from pointflow.services.verify_members import verify_members

MEMBER_SEGMENTS = 12
BATCH_SEGMENTS = 4
SEGMENTS = (
    *(f"members:{segment}" for segment in range(MEMBER_SEGMENTS)),
    *(f"batches:{segment}" for segment in range(BATCH_SEGMENTS)),
)
"""Both kinds at once, so that neither waits for the other; a thread each."""

MOST_DRIFTS_KEPT = 1_000
"""How many are told one by one. All are counted."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What one run did: the round as it stands now, and what drifts, up to 1,000 of them.

    `errors` say what could not be read. The segments they are of go no further.
    """

    round_: Round
    drifts: tuple[Drift, ...]
    errors: tuple[Exception, ...] = ()


@dataclass(frozen=True, slots=True)
class Verify:
    """The use case with its ports.

    `out_of_time` tells when to end a slice, `pause` waits for seconds, `told` hears of every member
    and batch that was compared, as it goes.
    """

    books: Books
    store: SubmissionStore
    out_of_time: OutOfTime = never
    pause: Callable[[float], None] = time.sleep
    told: Callable[[Findings], None] = lambda _findings: None

    def run(self, round_: Round, now: int) -> Slice:
        """Go on with a round until it is finished or time is out.

        Parameters
        ----------
        round_ : Round
        now : int
            Seconds since the epoch.
        """
        work = _Work(self, round_)
        left = [name for name, position in round_.positions.items() if not position.done]
        with ThreadPoolExecutor(max(1, len(left)), thread_name_prefix="verify") as pool:
            wait([pool.submit(work.segment, name) for name in left])
        return work.slice(now)


@dataclass(slots=True)
class _Work:
    verify: Verify
    round_: Round
    positions: dict[str, Position] = field(default_factory=dict)
    drifts: list[Drift] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    members: int = 0
    batches: int = 0
    moving: int = 0
    drifting: int = 0

    def segment(self, name: str) -> None:
        kind, _, number = name.partition(":")
        go_through = self._members if kind == "members" else self._batches
        position = self.round_.positions[name]
        try:
            while not position.done and not self.verify.out_of_time():
                position = go_through(int(number), position)
                with self.lock:
                    self.positions[name] = position
        except Exception as error:  # noqa: BLE001 - whatever it is, the other segments go on
            error.add_note(f"while verifying segment {name}")
            with self.lock:
                self.errors.append(error)

    def slice(self, now: int) -> Slice:
        positions: Mapping[str, Position] = {**self.round_.positions, **self.positions}
        done = all(position.done for position in positions.values())
        round_ = replace(
            self.round_,
            positions=positions,
            members=self.round_.members + self.members,
            batches=self.round_.batches + self.batches,
            drifts=self.round_.drifts + self.drifting,
            moving=self.round_.moving + self.moving,
            finished_at=now if done else None,
        )
        return Slice(round_, tuple(self.drifts), tuple(self.errors))

    def _members(self, segment: int, position: Position) -> Position:
        verify = self.verify
        page = verify.books.accounts(segment, MEMBER_SEGMENTS, position.after)
        accounts = [account for _, account in page.items]
        self._add(verify_members(accounts, books=verify.books, pause=verify.pause))
        return Position(page.after, done=page.after is None)

    def _batches(self, segment: int, position: Position) -> Position:
        page = self.verify.books.submissions(segment, BATCH_SEGMENTS, position.after)
        for after, ref in page.items:
            cell = self._batch(ref, position.cell)
            if cell is not None:
                return Position(position.after, cell)
            position = Position(after)
        return Position(page.after, done=page.after is None)

    def _batch(self, ref: SubmissionRef, first_cell: int) -> int | None:
        """Compare a batch from a cell on; answers where to go on when time is out."""
        verify = self.verify
        submission = verify.store.get(ref)
        if submission is None:  # the index lags behind
            return None
        # A dry run has outcomes, and no entries.
        entries = not ref.dry_run and submission.updated_at >= self.round_.entries_since
        # Before a content is claimed, no cell is closed and no row is on its way.
        cells = submission.plan.cells if submission.content is not None else 0
        for cell in range(first_cell, cells):
            try:
                findings = verify_cell(
                    ref,
                    cell,
                    books=verify.books,
                    store=verify.store,
                    out_of_time=verify.out_of_time,
                    pause=verify.pause,
                    entries=entries,
                    undone=submission.status is Status.UNDONE,
                )
            except OutOfTimeError:
                return cell
            self._add(findings)
        if verify.out_of_time():
            return cells
        totals = verify_totals(ref, books=verify.books, store=verify.store, pause=verify.pause)
        self._add(replace(totals, batches=1))
        return None

    def _add(self, findings: Findings) -> None:
        with self.lock:
            self.members += findings.members
            self.batches += findings.batches
            self.moving += findings.moving
            self.drifting += len(findings.drifts)
            self.drifts += findings.drifts[: MOST_DRIFTS_KEPT - len(self.drifts)]
            self.verify.told(findings)
