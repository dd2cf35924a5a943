"""The pushes of a simulation, and when each is delivered first: all of it from one seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from pointflow.domain.push_body import INACTIVITY, REDEMPTION

FIRST_USER_ID = 9_000_000_000_001
"""Far above any CT user id, and still a number that every JSON reader reads exactly."""

MONTHS = 6
"""The current one and five more, as the platform sends them."""

OFFSETS = (timezone.utc, timezone(timedelta(hours=-4)), timezone(timedelta(hours=5, minutes=30)))  # noqa: UP017 - one of three offsets


@dataclass(frozen=True, slots=True)
class Plan:
    """What is simulated.

    Attributes
    ----------
    members : int
    pushes : int
        Different ones, spread evenly over the members.
    rate : float
        Pushes made a second.
    duplicates, reorder : float
        From 0 to 1: the share of pushes that are delivered twice, and the share of those that the
        member's next push overtakes.
    seed : int
    first_user_id : int
    """

    members: int
    pushes: int
    rate: float
    duplicates: float = 0.0
    reorder: float = 0.0
    seed: int = 1
    first_user_id: int = FIRST_USER_ID

    @property
    def seconds(self) -> float:
        """How long pushes are made."""
        return self.pushes / self.rate


@dataclass(frozen=True, slots=True)
class SimulatedPush:
    """A push. `instant` is its message date in milliseconds since the epoch."""

    number: int
    user_id: int
    instant: int
    document: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        """The push as it is sent, every time the same bytes."""
        return json.dumps(self.document).encode()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A push on its way for the first time. `due` in seconds from the start."""

    due: float
    push: SimulatedPush


def deliveries(plan: Plan, started_at: int) -> Iterator[list[Delivery]]:
    """The deliveries of each push, push by push as they are made.

    Parameters
    ----------
    plan : Plan
    started_at : int
        Milliseconds since the epoch: a push is dated when it is made.
    """
    rng = random.Random(plan.seed)  # noqa: S311 - no secret: the same plan every time
    days = _month_ends(datetime.fromtimestamp(started_at / 1000, UTC).date())
    round_seconds = plan.members / plan.rate
    members = list(range(plan.members))
    newest: dict[int, int] = {}
    for number in range(plan.pushes):
        if number % plan.members == 0:
            rng.shuffle(members)
        made = number / plan.rate
        user_id = plan.first_user_id + members[number % plan.members]
        # Never two of one member at one instant: which of them counts would be left to chance.
        instant = max(started_at + int(made * 1000), newest.get(user_id, 0) + 1)
        newest[user_id] = instant
        push = SimulatedPush(number, user_id, instant, _document(rng, user_id, instant, days))
        # The member's next push is made within two rounds.
        held_back = 2 * round_seconds if rng.random() < plan.reorder else 0.0
        due = made + held_back * rng.uniform(1, 1.5)
        told = [Delivery(due, push)]
        if rng.random() < plan.duplicates:
            told.append(Delivery(due + rng.uniform(0, 2 * round_seconds), push))
        yield told


def cleared(user_id: int, instant: int) -> dict[str, Any]:
    """A push that empties a member's view."""
    return {
        "user_id": user_id,
        "message_date": _written(instant, UTC),
        REDEMPTION: [],
        INACTIVITY: [],
    }


def _document(rng: random.Random, user_id: int, instant: int, days: list[date]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "user_id": user_id,
        "message_date": _written(instant, rng.choice(OFFSETS)),
        REDEMPTION: [
            {
                "points_expired": 0,
                "points_expiring": rng.choice((0, rng.randint(1, 5_000))),
                "points_redeemed": rng.choice((0, 0, rng.randint(1, 500))),
                "expiration_date": f"{day}T00:00:00.000Z",
            }
            for day in days
        ],
        INACTIVITY: [],
    }
    if rng.random() < 0.3:
        document[INACTIVITY] = [
            {
                "last_qualified_date": f"{days[0].replace(day=1)}T08:45:41.000Z",
                "expiration_date": f"{days[-1]}T08:45:41.000Z",
                "days_until_expiry": (days[-1] - days[0]).days,
                "points_expiring": rng.randint(1, 900),
            }
        ]
    return document


def _written(instant: int, zone: timezone) -> str:
    at = datetime.fromtimestamp(instant // 1000, UTC) + timedelta(milliseconds=instant % 1000)
    return at.astimezone(zone).isoformat(timespec="milliseconds")


def _month_ends(today: date) -> list[date]:
    ends = []
    first = today.replace(day=1)
    for _ in range(MONTHS):
        first = (first + timedelta(days=31)).replace(day=1)
        ends.append(first - timedelta(days=1))
    return ends
