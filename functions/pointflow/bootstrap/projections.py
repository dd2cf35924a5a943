"""Wires what follows the members' current views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_tombstones import DynamoDBTombstones
from pointflow.adapters.eventbridge import EventBridgePublisher
from pointflow.adapters.expiration_eraser import ExpirationEraser
from pointflow.adapters.secret_key import SecretKey
from pointflow.bootstrap import pushes
from pointflow.domain.expiration_view import ViewChange
from pointflow.services.announce_changes import announce_changes
from pointflow.services.project_expirations import erase_forgotten, project_expirations

type Project = Callable[[ViewChange], int | None]
"""Answers how many entries were written; None for a member that was forgotten."""
type Announce = Callable[[Sequence[ViewChange]], int]


@cache
def projection() -> Project:
    """The month index."""
    index, settings = pushes.expirations(), pushes.push_config()
    key = SecretKey(lambda: client("secretsmanager"), settings.forgotten_key)
    forgotten = DynamoDBTombstones(client("dynamodb"), settings.expirations_table, key)
    eraser = ExpirationEraser(client("dynamodb"), settings.expirations_table)

    def project(change: ViewChange) -> int | None:
        if erase_forgotten(change, forgotten=forgotten, eraser=eraser):
            return None
        return project_expirations(change, at=pushes.now(), index=index)

    return project


@cache
def announcement() -> Announce:
    """The change events."""
    events = EventBridgePublisher(client("events"))
    return lambda changes: announce_changes(changes, at=pushes.now(), events=events)
