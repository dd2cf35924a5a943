"""Find out who a request comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from pointflow.domain.authorization import AuthMode, Identity, presented_credentials
from pointflow.domain.credential import Credential, Presented, find_match
from pointflow.domain.errors import UnauthorizedError
from pointflow.ports.credentials import Credentials, LiveCredentials


def authorize_request(
    headers: Mapping[str, Iterable[str]], *, live: LiveCredentials, mode: AuthMode
) -> Identity:
    """Find out who a request comes from.

    Every credential that is presented must be a live one of the same client; two of them may do
    what both may do. A name that is no client's is answered like a wrong password, after the same
    comparisons. A mismatch is believed only after the secret was read again, at most once in a
    while, so that a new credential counts at once and an attacker cannot make us read for ever.

    Parameters
    ----------
    headers : mapping of str to iterable of str
        Names in any case, with every value.
    live : LiveCredentials
    mode : AuthMode

    Raises
    ------
    UnauthorizedError
        Nothing is presented, or anything wrong.
    CredentialsUnavailableError
        The secret cannot be read, or not be used: nobody can be let in.
    """
    presented = presented_credentials(headers, mode)
    client_id = presented[0].client_id
    matches = _matches(presented, live.current(client_id))
    if matches is None:
        matches = _matches(presented, live.refreshed(client_id))
    if matches is None:
        raise UnauthorizedError
    return Identity(
        client_id=client_id,
        credential_id="+".join(sorted({match.credential_id for match in matches})),
        scopes=reduce(frozenset.intersection, (match.scopes for match in matches)),
    )


def _matches(
    presented: tuple[Presented, ...], credentials: Credentials | None
) -> list[Credential] | None:
    """What was presented, found again; None when anything was not."""
    found = [find_match(each, credentials or ()) for each in presented]
    matches = [match for match in found if match is not None]
    return matches if credentials and len(matches) == len(presented) else None
