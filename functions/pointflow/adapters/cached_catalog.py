"""A catalog that a container remembers for a minute, without ever denying what was just added."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client
from pointflow.ports.catalog import Catalog

TTL_SECONDS = 60.0
"""For how long a changed setting may go unnoticed."""


class CachedCatalog:
    """Remembers what exists, never what does not. Fulfils `ports.catalog.Catalog`.

    Whatever the cache does not know is read before it counts as unknown, on every call: a row
    that is rejected for want of an activity stays rejected, so a cache must not decide that. Nor
    that an activity is not active: whoever would reject for it asks for a fresh reading.

    Parameters
    ----------
    catalog : Catalog
        Where to read.
    ttl : float
        Seconds.
    monotonic : callable
        Seconds from any start.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        ttl: float = TTL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._ttl = ttl
        self._monotonic = monotonic
        self._clients: dict[str, tuple[float, Client]] = {}
        self._activities: dict[tuple[str, int], tuple[float, Activity]] = {}

    def client(self, client_id: str) -> Client | None:
        """A client's settings; None for an unknown client."""
        now = self._monotonic()
        known = self._clients.get(client_id)
        if known is not None and now < known[0]:
            return known[1]
        client = self._catalog.client(client_id)
        if client is None:
            self._clients.pop(client_id, None)
        else:
            self._clients[client_id] = (now + self._ttl, client)
        return client

    def activities(
        self, client_id: str, activity_ids: Collection[int], *, fresh: bool = False
    ) -> Mapping[int, Activity]:
        """Those of the client's activities that exist; `fresh`: each read now."""
        now = self._monotonic()
        found: dict[int, Activity] = {}
        for activity_id in () if fresh else activity_ids:
            known = self._activities.get((client_id, activity_id))
            if known is not None and now < known[0]:
                found[activity_id] = known[1]
        missing = frozenset(activity_ids) - found.keys()
        if missing:
            read = self._catalog.activities(client_id, missing)
            for activity_id, activity in read.items():
                self._activities[client_id, activity_id] = (now + self._ttl, activity)
            found |= read
        return found
