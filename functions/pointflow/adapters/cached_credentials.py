"""Credentials that a container remembers for a while, read again at most so often."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from pointflow.domain.errors import CredentialsUnavailableError
from pointflow.ports.credentials import Credentials, CredentialStore

TTL_SECONDS = 300.0
"""For how long a revoked credential may still count."""

REFRESH_SECONDS = 5.0
"""Between two reads that mismatches cause, for each client: the price an attacker can put on us.
Also for how long a failed read is believed."""

FRESH_SECONDS = 1.0
"""A copy younger than this is not read again because of a mismatch."""

MOST_STRANGERS = 1_000
"""Names without a secret that are remembered; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """What a read brought.

    `refreshed_at` is the last read that a mismatch caused, `refresh_failure` why that one failed.
    """

    read_at: float
    credentials: Credentials | None = None
    failure: str | None = None
    refreshed_at: float = float("-inf")
    refresh_failure: str | None = None


class CachedCredentials:
    """Remembers what was read of each client. Fulfils `ports.credentials.LiveCredentials`.

    Names that have no secret are kept apart, in bounded number: whoever makes names up can make
    this forget only other made-up names.

    Parameters
    ----------
    store : CredentialStore
        Where to read.
    is_client : callable
        Whether a client of that id exists: one without a secret cannot be checked, and somebody
        must mend that; any other name is a stranger.
    monotonic : callable
        Seconds from any start.
    """

    def __init__(
        self,
        store: CredentialStore,
        is_client: Callable[[str], bool],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._is_client = is_client
        self._monotonic = monotonic
        self._clients: dict[str, _Copy] = {}
        self._strangers: OrderedDict[str, _Copy] = OrderedDict()

    def current(self, client_id: str) -> Credentials | None:
        """A client's credentials, at most five minutes old; None for an unknown client.

        Raises
        ------
        CredentialsUnavailableError
            They cannot be read, or not be used. An older copy is not fallen back to.
        """
        copy = self._copy(client_id)
        age = float("inf") if copy is None else self._monotonic() - copy.read_at
        if copy is None or age >= (REFRESH_SECONDS if copy.failure else TTL_SECONDS):
            refreshed_at = copy.refreshed_at if copy else float("-inf")
            copy = self._keep(client_id, replace(self._fetch(client_id), refreshed_at=refreshed_at))
        return _credentials_of(copy)

    def refreshed(self, client_id: str) -> Credentials | None:
        """The credentials read again; None where that was done a moment ago.

        A copy outlives a read that fails here: somebody's wrong password must not lock out those
        who are known.

        Raises
        ------
        CredentialsUnavailableError
            As for `current`.
        """
        now = self._monotonic()
        copy = self._copy(client_id)
        if copy is not None:
            if now - copy.refreshed_at < REFRESH_SECONDS:
                return _unless_failed(None, copy.refresh_failure)
            if now - copy.read_at < FRESH_SECONDS:
                return None
        read = replace(self._fetch(client_id), refreshed_at=now)
        if copy is not None and copy.credentials is not None and read.failure is not None:
            copy = replace(copy, refreshed_at=now, refresh_failure=read.failure)
            self._keep(client_id, copy)
            return _unless_failed(None, read.failure)
        return _credentials_of(self._keep(client_id, read))

    def _copy(self, client_id: str) -> _Copy | None:
        return self._clients.get(client_id) or self._strangers.get(client_id)

    def _keep(self, client_id: str, copy: _Copy) -> _Copy:
        self._clients.pop(client_id, None)
        self._strangers.pop(client_id, None)
        if copy.credentials is not None:
            self._clients[client_id] = copy
        else:
            self._strangers[client_id] = copy
            if len(self._strangers) > MOST_STRANGERS:
                self._strangers.popitem(last=False)
        return copy

    def _fetch(self, client_id: str) -> _Copy:
        now = self._monotonic()
        try:
            stored = self._store.read(client_id)
        except CredentialsUnavailableError as error:
            return _Copy(now, failure=str(error))
        if stored is not None:
            return _Copy(now, stored.credentials)
        if self._is_client(client_id):
            return _Copy(now, failure=f"client {client_id} has no secret")
        return _Copy(now)


def _credentials_of(copy: _Copy) -> Credentials | None:
    return _unless_failed(copy.credentials, copy.failure)


def _unless_failed(credentials: Credentials | None, failure: str | None) -> Credentials | None:
    if failure is not None:
        raise CredentialsUnavailableError(failure)
    return credentials
