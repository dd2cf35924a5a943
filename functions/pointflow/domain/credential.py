"""What a client proves itself with: Basic user names and passwords, API keys, and their scopes.

Nothing in here is ever part of a message or a `repr`: neither what is stored nor what was sent.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from pointflow.domain.client import CLIENT_ID
from pointflow.domain.errors import CredentialsUnavailableError

API_KEY = re.compile(rf"({CLIENT_ID.pattern})\.[A-Za-z0-9_-]{{1,200}}", re.ASCII)
"""A key names its client. Those that pointflow makes go on with 43 characters: 256 random bits."""

LABEL = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
USERNAME = re.compile(rf"({CLIENT_ID.pattern})(?:\.{LABEL.pattern})?", re.ASCII)
"""A user name is the client's id, or that and a label, such as the system that sends."""


LAST_SECOND = 253_402_300_799
"""Of the year 9999."""


class Scope(StrEnum):
    """What a credential may be used for."""

    PUSH = "push"
    READ = "read"
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class Credential:
    """One live credential of a client.

    Attributes
    ----------
    credential_id : str
        Names it in logs and on the command line; no secret.
    username, password, api_key : str or None
        Both ways to present it; a credential may have only one of the two.
    scopes : frozenset of Scope
    created_at : int
        Seconds since the epoch.
    """

    credential_id: str
    scopes: frozenset[Scope]
    created_at: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BasicPair:
    """User name and password as they were presented, still bytes: their encoding is not told."""

    client_id: str
    username: bytes
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """An API key as it was presented."""

    client_id: str
    api_key: bytes = field(repr=False)


Presented = BasicPair | PresentedKey

MOST_CREDENTIALS = 20
"""Live ones of one client: each request is compared with so many, whoever it names."""

_NOBODY = Credential("nobody", frozenset(), 0, "nobody", "nobody", "nobody")
"""Takes the places that are left, and is never what was presented."""


def find_match(presented: Presented, credentials: tuple[Credential, ...]) -> Credential | None:
    """The credential that was presented.

    Compares digests of one length, as many for a client with one credential, or for a name that is
    nobody's, as for a client with `MOST_CREDENTIALS`, whatever the outcome: the time it takes tells
    neither who there is nor what a secret holds.
    """
    found = None
    wanted = _presented_digest(presented)
    for place in range(max(MOST_CREDENTIALS, len(credentials))):
        candidate = credentials[place] if place < len(credentials) else _NOBODY
        for digest in _digests(candidate, presented):
            if compare_digest(digest, wanted) and candidate is not _NOBODY:
                found = candidate
    return found


def _presented_digest(presented: Presented) -> bytes:
    if isinstance(presented, PresentedKey):
        return sha256(presented.api_key).digest()
    return _pair_digest(presented.username, presented.password)


def _digests(credential: Credential, presented: Presented) -> tuple[bytes, ...]:
    """What the credential looks like when it is presented in that way."""
    if isinstance(presented, PresentedKey):
        if credential.api_key is None:
            return ()
        return (sha256(credential.api_key.encode()).digest(),)
    if credential.username is None or credential.password is None:
        return ()
    username = credential.username.encode()
    return tuple(_pair_digest(username, password) for password in _encodings(credential.password))


def _encodings(password: str) -> set[bytes]:
    """RFC 7617 leaves the encoding open: old clients send Latin-1, new ones UTF-8."""
    encoded = {password.encode()}
    with suppress(UnicodeEncodeError):
        encoded.add(password.encode("latin-1"))
    return encoded


def _pair_digest(username: bytes, password: bytes) -> bytes:
    # Digest by digest, so that no other split of the same bytes looks alike.
    return sha256(sha256(username).digest() + sha256(password).digest()).digest()


def client_of_username(username: str) -> str | None:
    """The client that a Basic user name names; None where it names none."""
    match = USERNAME.fullmatch(username)
    return match[1] if match else None


def client_of_key(api_key: str) -> str | None:
    """The client that an API key names; None where it is no key."""
    match = API_KEY.fullmatch(api_key)
    return match[1] if match else None


def decode_credentials(client_id: str, text: str) -> tuple[Credential, ...]:
    """Read the document that a client's secret holds.

    Parameters
    ----------
    client_id : str
        Whose secret it is; every user name and key in it must name this client.
    text : str
        `{"credentials": [{"id", "username", "password", "api_key", "scopes", "created_at"}]}`.

    Raises
    ------
    CredentialsUnavailableError
        It is anything else. The message names the fault, never a value.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _unusable(client_id, "it is not JSON") from None
    listed = document.get("credentials") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise _unusable(client_id, "it has no list `credentials`")
    credentials = tuple(_decoded(client_id, number, item) for number, item in enumerate(listed))
    if len({credential.credential_id for credential in credentials}) < len(credentials):
        raise _unusable(client_id, "two credentials have one id")
    return credentials


def encode_credentials(credentials: tuple[Credential, ...]) -> str:
    """Write the document that a client's secret holds."""
    return json.dumps(
        {
            "credentials": [
                {
                    "id": credential.credential_id,
                    "username": credential.username,
                    "password": credential.password,
                    "api_key": credential.api_key,
                    "scopes": sorted(credential.scopes),
                    "created_at": credential.created_at,
                }
                for credential in credentials
            ]
        }
    )


def _decoded(client_id: str, number: int, item: object) -> Credential:
    def fault(what: str) -> CredentialsUnavailableError:
        return _unusable(client_id, f"credential {number}: {what}")

    if not isinstance(item, dict):
        raise fault("not an object")
    texts = {name: item.get(name) for name in ("id", "username", "password", "api_key")}
    if any(not _is_text_or_none(value) for value in texts.values()):
        raise fault("an id, username, password or api_key that is no text, or empty")
    scopes, created_at = item.get("scopes"), item.get("created_at")
    if texts["id"] is None:
        raise fault("no id")
    if not isinstance(scopes, list) or not all(scope in list(Scope) for scope in scopes):
        raise fault(f"scopes are not a list of {', '.join(Scope)}")
    if type(created_at) is not int or not 0 <= created_at <= LAST_SECOND:
        raise fault("created_at is not seconds since the epoch")
    if (texts["username"] is None) != (texts["password"] is None):
        raise fault("username and password belong together")
    if texts["username"] is not None and client_of_username(texts["username"]) != client_id:
        raise fault("the username names another client")
    if texts["api_key"] is not None and client_of_key(texts["api_key"]) != client_id:
        raise fault("the api_key names another client, or is no key")
    return Credential(
        credential_id=texts["id"],
        scopes=frozenset(Scope(scope) for scope in scopes),
        created_at=created_at,
        username=texts["username"],
        password=texts["password"],
        api_key=texts["api_key"],
    )


def _unusable(client_id: str, what: str) -> CredentialsUnavailableError:
    return CredentialsUnavailableError(f"the secret of client {client_id} cannot be used: {what}")


def _is_text_or_none(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, str) or not value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
