"""Verification on a schedule: each run does a slice, and leaves where the next goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pointflow.domain.verification import Drift, Round, first_round, next_round
from pointflow.ports.books import Rounds
from pointflow.services.verify_ledger import SEGMENTS, Verify

EVERY_SECONDS = 24 * 60 * 60
"""From the start of one round to the start of the next, if the first has ended by then."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run brought. `keep` notes how far it came; False: another run was faster."""

    round_: Round
    drifts: tuple[Drift, ...]
    errors: tuple[Exception, ...]
    keep: Callable[[], bool]


def verify_slice(verify: Verify, rounds: Rounds, now: int) -> Run:
    """Go on with the round in progress, or begin the next when it is due.

    Two runs at once compare some things twice, and only one of them is kept.

    Parameters
    ----------
    verify : Verify
        Ends in time.
    rounds : Rounds
    now : int
        Seconds since the epoch.
    """
    found = rounds.load()
    if found is None:
        started = first_round(SEGMENTS, now)
    elif found.is_due(now, EVERY_SECONDS):
        started = next_round(found, SEGMENTS, now)
    else:
        started = found
    if started.finished_at is not None:
        return Run(started, (), (), lambda: True)
    done = verify.run(started, now)
    return Run(done.round_, done.drifts, done.errors, partial(rounds.save, found, done.round_))
