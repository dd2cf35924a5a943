"""Add, replace and withdraw the credentials of a client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pointflow.domain.credential import MOST_CREDENTIALS, Credential, Scope
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.ports.credentials import Credentials, CredentialStore

EDITS_TRIED = 5
"""How often an edit is tried while somebody else edits the same secret."""


@dataclass(frozen=True, slots=True)
class Minting:
    """Where new credentials come from.

    Attributes
    ----------
    secret : callable
        43 random characters of the URL-safe alphabet, others on every call.
    credential_id : callable
        A short random name, another one on every call.
    now : int
        Seconds since the epoch.
    """

    secret: Callable[[], str]
    credential_id: Callable[[], str]
    now: int

    def credential(self, client_id: str, username: str, scopes: frozenset[Scope]) -> Credential:
        """A credential that nobody has had before."""
        return Credential(
            credential_id=self.credential_id(),
            scopes=scopes,
            created_at=self.now,
            username=username,
            password=self.secret(),
            api_key=f"{client_id}.{self.secret()}",
        )


def list_credentials(client_id: str, *, store: CredentialStore) -> Credentials:
    """The live credentials of a client, oldest first. Raises `CredentialsUnavailableError`."""
    stored = store.read(client_id)
    return tuple(sorted(stored.credentials, key=_age)) if stored else ()


def add_credential(
    client_id: str,
    scopes: frozenset[Scope],
    label: str | None,
    *,
    store: CredentialStore,
    minting: Minting,
) -> Credential:
    """Give a client one more credential; those it has stay as they are.

    Parameters
    ----------
    client_id : str
    scopes : frozenset of Scope
    label : str or None
        Makes the user name `<client>.<label>` instead of `<client>`.
    store : CredentialStore
    minting : Minting

    Returns
    -------
    Credential
        With password and API key, which cannot be shown a second time.

    Raises
    ------
    ConflictError
        The client has 20 live credentials already, or others keep editing them.
    CredentialsUnavailableError
        The secret cannot be used as it is.
    """
    username = f"{client_id}.{label}" if label else client_id
    added = minting.credential(client_id, username, scopes)
    _edit(client_id, store, lambda credentials: _with(credentials, added))
    return added


def rotate_credential(
    client_id: str, credential_id: str, *, store: CredentialStore, minting: Minting
) -> Credential:
    """Add a credential with the user name and the scopes of another, which stays live.

    Both count until the old one is revoked, so that no request is lost in between.

    Raises
    ------
    NotFoundError
        The client has no such credential.
    ConflictError, CredentialsUnavailableError
        As for `add_credential`.
    """
    minted = minting.credential(client_id, client_id, frozenset())

    def successor(credentials: Credentials) -> Credential:
        old = _find(client_id, credentials, credential_id)
        return replace(minted, username=old.username or client_id, scopes=old.scopes)

    edited = _edit(client_id, store, lambda known: _with(known, successor(known)))
    return _find(client_id, edited, minted.credential_id)


def revoke_credential(client_id: str, credential_id: str, *, store: CredentialStore) -> Credential:
    """Withdraw a credential; answers which one it was.

    Raises
    ------
    NotFoundError
        The client has no such credential.
    ConflictError, CredentialsUnavailableError
        As for `add_credential`.
    """
    revoked: list[Credential] = []

    def without(credentials: Credentials) -> Credentials:
        revoked[:] = [_find(client_id, credentials, credential_id)]
        return tuple(each for each in credentials if each.credential_id != credential_id)

    _edit(client_id, store, without)
    return revoked[0]


def _edit(
    client_id: str, store: CredentialStore, change: Callable[[Credentials], Credentials]
) -> Credentials:
    """Change what is current, and only that: where it changed meanwhile, start over."""
    for _ in range(EDITS_TRIED):
        stored = store.read(client_id)
        changed = change(stored.credentials if stored else ())
        try:
            if stored is None:
                store.create(client_id, changed)
            else:
                store.replace(client_id, changed, stored.version)
        except ConflictError:
            continue
        return changed
    raise ConflictError(f"the credentials of client {client_id} keep changing")


def _with(credentials: Credentials, added: Credential) -> Credentials:
    if len(credentials) >= MOST_CREDENTIALS:
        raise ConflictError(
            f"there are {MOST_CREDENTIALS} live credentials already",
            "withdraw one: pointflow credentials revoke ID",
        )
    return (*credentials, added)


def _find(client_id: str, credentials: Credentials, credential_id: str) -> Credential:
    for credential in credentials:
        if credential.credential_id == credential_id:
            return credential
    raise NotFoundError(f"client {client_id} has no credential {credential_id}")


def _age(credential: Credential) -> tuple[int, str]:
    return credential.created_at, credential.credential_id
