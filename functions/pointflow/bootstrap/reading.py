"""Wires what the API reads from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_history import DynamoDBHistory
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.bootstrap import pushes
from pointflow.ports.history import CreditHistory
from pointflow.ports.pushes import MemberLookup, MonthIndex, ViewReader


@dataclass(frozen=True, slots=True)
class Reading:
    """What the handlers of the API read from. `now` answers milliseconds since the epoch."""

    views: ViewReader
    members: MemberLookup
    index: MonthIndex
    history: CreditHistory
    now: Callable[[], int]


@cache
def reading() -> Reading:
    """What this process reads from."""
    expirations = pushes.expirations()
    return Reading(
        views=expirations,
        members=DynamoDBMembers(client("dynamodb"), os.environ.get("MEMBERS_TABLE", "")),
        index=expirations,
        history=DynamoDBHistory(client("dynamodb"), os.environ.get("LEDGER_TABLE", "")),
        now=pushes.now,
    )
