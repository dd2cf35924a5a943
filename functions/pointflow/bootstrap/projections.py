"""Wires what follows the members' current views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from pointflow.adapters.clients import client
from pointflow.adapters.eventbridge import EventBridgePublisher
from pointflow.bootstrap import pushes
from pointflow.domain.expiration_view import ViewChange
from pointflow.services.announce_changes import announce_changes
from pointflow.services.project_expirations import project_expirations

type Project = Callable[[ViewChange], int]
type Announce = Callable[[Sequence[ViewChange]], int]


@cache
def projection() -> Project:
    """The month index."""
    index = pushes.expirations()
    return lambda change: project_expirations(change, at=pushes.now(), index=index)


@cache
def announcement() -> Announce:
    """The change events."""
    events = EventBridgePublisher(client("events"))
    return lambda changes: announce_changes(changes, at=pushes.now(), events=events)
