"""Secrets in memory, with versions, outages and other people's edits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from pointflow.domain.credential import Credential, Scope
from pointflow.domain.errors import ConflictError, CredentialsUnavailableError
from pointflow.ports.credentials import Credentials, StoredCredentials

PUSH_AND_READ = frozenset({Scope.PUSH, Scope.READ})


def credential(
    credential_id: str = "c1",
    client_id: str = "acme",
    *,
    password: str | None = "pass:word",  # noqa: S107 - nobody's
    scopes: frozenset[Scope] = PUSH_AND_READ,
) -> Credential:
    """A credential whose key is made of its id."""
    return Credential(
        credential_id=credential_id,
        scopes=scopes,
        created_at=1_760_000_000,
        username=client_id,
        password=password,
        api_key=f"{client_id}.{credential_id:k<43}",
    )


class FakeCredentialStore:
    """`CredentialStore`, and `LiveCredentials` of a container that remembers nothing.

    Attributes
    ----------
    reads : list of str
        The clients whose secret was read, in order.
    before_writing : list of callable
        Called before the next writes, one each: somebody else's edit.
    """

    def __init__(self, *secrets: tuple[str, Credentials]) -> None:
        self._versions = count(1)
        self._secrets: dict[str, StoredCredentials] = {}
        self._broken: set[str] = set()
        self.reads: list[str] = []
        self.before_writing: list[Callable[[], None]] = []
        for client_id, credentials in secrets:
            self.put(client_id, credentials)

    def put(self, client_id: str, credentials: Credentials) -> None:
        """Write a secret, whatever is there."""
        self._secrets[client_id] = StoredCredentials(credentials, f"v{next(self._versions)}")

    def delete(self, client_id: str) -> None:
        del self._secrets[client_id]

    def break_down(self, client_id: str) -> None:
        """From now on the client's secret cannot be read."""
        self._broken.add(client_id)

    def mend(self, client_id: str) -> None:
        self._broken.remove(client_id)

    def of(self, client_id: str) -> Credentials:
        """What the secret holds."""
        return self._secrets[client_id].credentials

    def read(self, client_id: str) -> StoredCredentials | None:
        self.reads.append(client_id)
        if client_id in self._broken:
            raise CredentialsUnavailableError(f"the secret of client {client_id} is out of reach")
        return self._secrets.get(client_id)

    def create(self, client_id: str, credentials: Credentials) -> None:
        self._meet_others()
        if client_id in self._secrets:
            raise ConflictError("there is one")
        self.put(client_id, credentials)

    def replace(self, client_id: str, credentials: Credentials, version: str) -> None:
        self._meet_others()
        if self._secrets[client_id].version != version:
            raise ConflictError("changed")
        self.put(client_id, credentials)

    def current(self, client_id: str) -> Credentials | None:
        stored = self.read(client_id)
        return stored.credentials if stored else None

    def refreshed(self, client_id: str) -> Credentials | None:
        return self.current(client_id)

    def _meet_others(self) -> None:
        if self.before_writing:
            self.before_writing.pop(0)()
