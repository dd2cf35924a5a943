"""Clients and activities, as the use cases see them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client


class Catalog(Protocol):
    """Clients and activities."""

    def client(self, client_id: str) -> Client | None: ...

    def activities(
        self, client_id: str, activity_ids: Collection[int], *, fresh: bool = False
    ) -> Mapping[int, Activity]:
        """Those that exist; `fresh`: as they stand now, whatever is remembered of them."""
        ...


class ExpectingClients(Protocol):
    """Whose files are waited for."""

    def expecting(self) -> Iterator[Client]:
        """Those clients, found without reading all that the catalog holds."""
        ...


class CatalogAdmin(Catalog, Protocol):
    """What the command line changes in the catalog."""

    def clients(self) -> Iterator[Client]: ...

    def put_client(self, client: Client) -> None: ...

    def put_activity(self, activity: Activity) -> None: ...
