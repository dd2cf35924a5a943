"""Wires the push job."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial

from pointflow.adapters.clients import SETTINGS, client
from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations
from pointflow.adapters.dynamodb_wire import wire
from pointflow.adapters.s3_quarantine import S3Quarantine
from pointflow.domain.problem import Problem
from pointflow.ports.pushes import Delivery
from pointflow.services.accept_push import Receipt, take_in

type TakeIn = Callable[[Delivery], Receipt | Problem]


@dataclass(frozen=True, slots=True)
class PushConfig:
    """What template.yaml hands to the functions of the push job."""

    expirations_table: str
    bucket: str
    history_days: int
    forgotten_key: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> PushConfig:
        """Read the settings from environment variables."""
        return cls(
            expirations_table=env.get("EXPIRATIONS_TABLE", ""),
            bucket=env.get("BUCKET", ""),
            forgotten_key=env.get("FORGOTTEN_KEY", ""),
            history_days=int(env.get("PUSH_HISTORY_DAYS", 400)),
        )


@cache
def push_config() -> PushConfig:
    """The settings of this process."""
    return PushConfig.from_env(os.environ)


@cache
def intake() -> TakeIn:
    """Push intake."""
    # The S3 client is made when something is refused: a push that is stored never waits for it.
    quarantine = S3Quarantine(lambda: client("s3"), push_config().bucket)
    return partial(take_in, store=expirations(), quarantine=quarantine)


@cache
def expirations() -> DynamoDBExpirations:
    """Views, history and month index."""
    settings = push_config()
    short = wire(client("dynamodb"), SETTINGS["dynamodb"])
    return DynamoDBExpirations(
        short, settings.expirations_table, history_days=settings.history_days
    )


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
