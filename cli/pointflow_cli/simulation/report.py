"""What a simulation found out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pointflow_cli.simulation.api import WrongView
from pointflow_cli.simulation.plan import Plan
from pointflow_cli.simulation.platform import Outcome

PERCENTILES = (50, 90, 99)
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Report:
    """How it went. `seconds` from the first push to the last answer."""

    plan: Plan
    outcome: Outcome
    wrong: Sequence[WrongView]
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether no push was lost, and every view is its member's newest push."""
        return not (self.wrong or self.outcome.lost)

    def document(self) -> dict[str, Any]:
        """The JSON of the report. Latencies are in milliseconds; None without an answer."""
        outcome, plan = self.outcome, self.plan
        return {
            "members": plan.members,
            "pushes": plan.pushes,
            "requests": outcome.sent,
            "seconds": round(self.seconds, 3),
            "seed": plan.seed,
            "answers": dict(sorted(outcome.answers.items())),
            "latency_ms": latencies(outcome.latencies),
            "retries": outcome.retries,
            "given_up": len(outcome.given_up),
            "lost": [
                {"user_id": push.user_id, "message_date": push.document["message_date"]}
                for push in outcome.lost
            ],
            "views_right": plan_members(plan) - len(self.wrong),
            "views_wrong": [
                {"user_id": each.user_id, "newest_push": each.expected, "found": each.found}
                for each in self.wrong
            ],
        }

    def lines(self) -> list[str]:
        """The report for people."""
        outcome, plan = self.outcome, self.plan
        rate = outcome.sent / self.seconds if self.seconds else 0.0
        whole = (
            f"{plan.pushes:,} pushes of {plan_members(plan):,} members in {self.seconds:,.1f} s:"
            f" {outcome.sent:,} requests, {rate:,.1f} a second"
        )
        told = [
            whole,
            *(f"  {number:>9,}  {name}" for name, number in sorted(outcome.answers.items())),
        ]
        spread = latencies(outcome.latencies)
        if spread:
            told.append(f"latency in ms: {'  '.join(f'{k} {v:,}' for k, v in spread.items())}")
        told.append(f"retries: {outcome.retries:,}; given up: {len(outcome.given_up):,}")
        told += [
            f"  error log: gave up the push of {push.document['message_date']} for member"
            f" {push.user_id}, last answer: {answer}"
            for push, answer in outcome.given_up[:MOST_NAMED]
        ]
        told += [
            f"  wrong view: member {each.user_id} has {each.found}, newest push {each.expected}"
            for each in self.wrong[:MOST_NAMED]
        ]
        right = plan_members(plan) - len(self.wrong)
        told.append(
            f"final views: {right:,} of {plan_members(plan):,} are their member's newest push;"
            f" pushes lost: {len(outcome.lost):,}"
        )
        return told


def plan_members(plan: Plan) -> int:
    """How many members a push was made for."""
    return min(plan.members, plan.pushes)


def latencies(seconds: Sequence[float]) -> dict[str, float] | None:
    """Percentiles by nearest rank and the longest, in milliseconds."""
    if not seconds:
        return None
    ordered = sorted(seconds)
    spread = {f"p{each}": ordered[math.ceil(each / 100 * len(ordered)) - 1] for each in PERCENTILES}
    return {name: round(each * 1000, 1) for name, each in {**spread, "max": ordered[-1]}.items()}
