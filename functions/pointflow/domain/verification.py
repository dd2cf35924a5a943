"""What has to add up: accounts to their entries, a batch's counters to its outcomes and entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pointflow.domain.codes import WarningCode
from pointflow.domain.ledger import AccountChange, Decision, Entry
from pointflow.domain.submission import SubmissionRef, Tally, Undone

OVERLAP_SECONDS = 24 * 60 * 60
"""How far the round before is looked behind for batches that moved while it ran."""


class Subject(StrEnum):
    """Whose figures do not add up."""

    MEMBER = "member"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Drift:
    """One figure that is not what its entries add up to.

    `name` is a CT user id or a file name. `counter` names the figure, `recorded` is what it says
    and `found` what was added up instead. `place` tells which part of a batch; empty: all of it.
    """

    subject: Subject
    client_id: str
    name: str
    counter: str
    recorded: int
    found: int
    version: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What a member's account says, in points."""

    client_id: str
    user_id: int
    balance: int
    lifetime: int


def account_drifts(account: Account, change: AccountChange) -> Iterator[Drift]:
    """Compare an account with what all its entries change."""
    for counter, recorded, found in (
        ("balance", account.balance, change.balance),
        ("lifetime", account.lifetime, change.lifetime),
    ):
        if recorded != found:
            yield Drift(
                Subject.MEMBER, account.client_id, str(account.user_id), counter, recorded, found
            )


def tally_of(entries: Iterable[Entry]) -> Tally:
    """What entries add up to, as far as entries tell: credited, rejected, points, codes, conflicts.

    Rows are counted where the file is read, and repeated rows where the chunk is.
    """
    credited = rejected = points = conflicts = 0
    codes: Counter[str] = Counter()
    for entry in entries:
        if entry.decision is Decision.REJECTED:
            rejected += 1
            codes[entry.code or ""] += 1
        else:
            credited += 1
            points += entry.points
            conflicts += entry.conflict
    warnings = {WarningCode.IDENTITY_CONFLICT.value: conflicts} if conflicts else {}
    return Tally(
        credited=credited, rejected=rejected, points=points, codes=dict(codes), warnings=warnings
    )


def told_by_entries(tally: Tally) -> Tally:
    """The part of a chunk's tally that its entries can tell."""
    told = {WarningCode.IDENTITY_CONFLICT.value}
    return replace(
        tally,
        rows=0,
        blank=0,
        warnings={code: count for code, count in tally.warnings.items() if code in told},
    )


def count_drifts(
    ref: SubmissionRef, place: str, recorded: Mapping[str, int], found: Mapping[str, int]
) -> Iterator[Drift]:
    """Compare counters of a batch, absent ones counting as 0."""
    for counter in sorted({*recorded, *found}):
        said, seen = recorded.get(counter, 0), found.get(counter, 0)
        if said != seen:
            yield Drift(
                Subject.BATCH, ref.client_id, ref.file_name, counter, said, seen, ref.version, place
            )


def counters(tally: Tally) -> dict[str, int]:
    """A tally as counters by name."""
    return {
        "rows": tally.rows,
        "blank": tally.blank,
        "credited": tally.credited,
        "rejected": tally.rejected,
        "points": tally.points,
        **{f"code {code}": count for code, count in tally.codes.items()},
        **{f"warning {code}": count for code, count in tally.warnings.items()},
    }


def undone_of(entries: Iterable[Entry]) -> Undone:
    """What entries took back, all of them together."""
    found = [entry for entry in entries if entry.decision is Decision.UNDONE]
    return Undone(len(found), -sum(entry.points for entry in found))


def undo_counters(undone: Undone) -> dict[str, int]:
    """What was taken back as counters by name."""
    return {"undone rows": undone.rows, "undone points": undone.points}


@dataclass(frozen=True, slots=True)
class Position:
    """How far one segment of a table is looked through.

    `after` names the last item that is done, None: none is. `cell` is where to go on in the batch
    after it. `done` tells that nothing is left.
    """

    after: str | None = None
    cell: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """One pass over everything, in as many slices as it takes. Times are seconds since the epoch.

    Attributes
    ----------
    number : int
        Counts rounds from 1.
    positions : mapping of str to Position
        How far each segment is.
    entries_since : int
        Batches that have not moved since are not compared with their entries again, which a
        round before this one did; everything else of them is compared.
    members, batches : int
        How many were compared so far.
    drifts : int
        How many figures were found to drift.
    moving : int
        How many members or batches never stood still for long enough to be judged.
    last_drifts : int
        What the round before found.
    """

    number: int
    started_at: int
    positions: Mapping[str, Position]
    entries_since: int = 0
    members: int = 0
    batches: int = 0
    drifts: int = 0
    moving: int = 0
    last_drifts: int = 0
    finished_at: int | None = None

    @property
    def standing_drifts(self) -> int:
        """How many figures drift, as far as is known: until a round ends, the last one counts."""
        if self.finished_at is not None:
            return self.drifts
        return max(self.drifts, self.last_drifts)

    def is_due(self, now: int, every: int) -> bool:
        """Whether this round is over and the next should begin."""
        return self.finished_at is not None and now >= self.started_at + every


@dataclass(frozen=True, slots=True)
class Findings:
    """What looking at some members or batches brought."""

    members: int = 0
    batches: int = 0
    moving: int = 0
    drifts: tuple[Drift, ...] = field(default_factory=tuple)


def first_round(segments: Iterable[str], now: int) -> Round:
    """A round over everything."""
    return Round(1, now, {segment: Position() for segment in segments})


def next_round(last: Round, segments: Iterable[str], now: int) -> Round:
    """The round after one that is finished."""
    return Round(
        last.number + 1,
        now,
        {segment: Position() for segment in segments},
        entries_since=last.started_at - OVERLAP_SECONDS,
        last_drifts=last.drifts,
    )
