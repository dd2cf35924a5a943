"""What the use cases around credentials need of the world. Adapters fulfil it; tests fake it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pointflow.domain.credential import Credential

Credentials = tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class StoredCredentials:
    """A client's credentials, and the version of the secret they were read from."""

    credentials: Credentials
    version: str


class CredentialStore(Protocol):
    """The secrets, one a client.

    Every method raises `CredentialsUnavailableError` when the secret is there but cannot be used,
    or cannot be reached.
    """

    def read(self, client_id: str) -> StoredCredentials | None:
        """What is current; None for a client without a secret."""
        ...

    def create(self, client_id: str, credentials: Credentials) -> None:
        """Make a client's secret. Raises `ConflictError` when there is one already."""
        ...

    def replace(self, client_id: str, credentials: Credentials, version: str) -> None:
        """Put others in the place of those of a version.

        Raises `ConflictError` when that version is not the current one any more, and then changes
        nothing.
        """
        ...


class LiveCredentials(Protocol):
    """A client's credentials as the authorizer sees them: remembered for a while."""

    def current(self, client_id: str) -> Credentials | None:
        """None for an unknown client. Raises `CredentialsUnavailableError`."""
        ...

    def refreshed(self, client_id: str) -> Credentials | None:
        """Read again, because what was presented did not match.

        None where that was done a moment ago, or where there is nothing. Raises
        `CredentialsUnavailableError`.
        """
        ...
