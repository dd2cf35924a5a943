"""Clients and activities, in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client


class FakeCatalog:
    """`FakeCatalog([Client("acme")], [Activity("acme", 7, default_points=50)])`."""

    def __init__(self, clients: Iterable[Client] = (), activities: Iterable[Activity] = ()) -> None:
        self._clients = {client.client_id: client for client in clients}
        self._activities = {(each.client_id, each.activity_id): each for each in activities}
        self.client_reads: list[str] = []
        self.activity_reads: list[frozenset[int]] = []
        self.after_read: Callable[[], None] = lambda: None

    def __contains__(self, what: Client | Activity) -> bool:
        if isinstance(what, Client):
            return self._clients.get(what.client_id) == what
        return self._activities.get((what.client_id, what.activity_id)) == what

    def client(self, client_id: str) -> Client | None:
        self.client_reads.append(client_id)
        return self._clients.get(client_id)

    def activities(
        self,
        client_id: str,
        activity_ids: Collection[int],
        *,
        fresh: bool = False,
    ) -> Mapping[int, Activity]:
        self.activity_reads.append(frozenset(activity_ids))
        found = {
            activity_id: self._activities[client_id, activity_id]
            for activity_id in activity_ids
            if (client_id, activity_id) in self._activities
        }
        self.after_read()
        return found

    def clients(self) -> Iterator[Client]:
        return iter(sorted(self._clients.values(), key=lambda client: client.client_id))

    def expecting(self) -> Iterator[Client]:
        return (client for client in self.clients() if client.expects is not None)

    def put_client(self, client: Client) -> None:
        self._clients[client.client_id] = client

    def put_activity(self, activity: Activity) -> None:
        self._activities[activity.client_id, activity.activity_id] = activity
