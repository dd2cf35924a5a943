"""What a request presents to be let in, what each route asks for, and how API Gateway is told."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pointflow.domain.credential import (
    BasicPair,
    Presented,
    PresentedKey,
    Scope,
    client_of_key,
    client_of_username,
)
from pointflow.domain.errors import UnauthorizedError

MAX_HEADER_CHARACTERS = 2048
"""More than any credential needs; what is longer is not even decoded."""

ROUTES: Mapping[tuple[str, str], Scope] = {
    ("POST", "/v1/points-expirations"): Scope.PUSH,
    ("GET", "/v1/points-expirations"): Scope.READ,
    ("GET", "/v1/members/{user_id}/points-expiration"): Scope.READ,
    ("GET", "/v1/members/{user_id}/points-expiration/history"): Scope.READ,
    ("GET", "/v1/members/{user_id}/credits"): Scope.READ,
    ("GET", "/v1/batches"): Scope.READ,
    ("GET", "/v1/batches/{file_name}"): Scope.READ,
    ("GET", "/v1/batches/{file_name}/rejects"): Scope.READ,
    ("POST", "/v1/uploads"): Scope.UPLOAD,
}
"""Every route of the API, by method and path as the template writes them, and its scope."""


class AuthMode(StrEnum):
    """Which kind of credential a request must present.

    What it presents beside that is checked all the same.
    """

    ANY = "any"
    BASIC = "basic"
    API_KEY = "api-key"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from. `credential_id` joins the ids of two credentials with `+`."""

    client_id: str
    credential_id: str
    scopes: frozenset[Scope]


def required_scope(method: str, resource: str) -> Scope | None:
    """The scope that a route asks for; None for a route that nobody may use."""
    return ROUTES.get((method.upper(), resource))


def presented_credentials(
    headers: Mapping[str, Iterable[str]], mode: AuthMode
) -> tuple[Presented, ...]:
    """Everything that a request presents to prove who it is; all of one client, at least one.

    Parameters
    ----------
    headers : mapping of str to iterable of str
        Names in any case, with every value. An empty value presents nothing.
    mode : AuthMode

    Raises
    ------
    UnauthorizedError
        Nothing is presented, or not what the mode asks for, or something that cannot be a
        credential, or credentials of two clients.
    """
    pairs = tuple(_basic_pair(value) for value in _values(headers, "authorization"))
    keys = tuple(_presented_key(value) for value in _values(headers, "x-api-key"))
    presented: tuple[Presented, ...] = (*pairs, *keys)
    missing = {AuthMode.BASIC: not pairs, AuthMode.API_KEY: not keys}.get(mode, not presented)
    if missing or len({each.client_id for each in presented}) != 1:
        raise UnauthorizedError
    return presented


def _values(headers: Mapping[str, Iterable[str]], name: str) -> set[str]:
    """The distinct values of a header that are not empty."""
    found = (
        value.strip(" \t")
        for given, values in headers.items()
        if given.lower() == name
        for value in values
    )
    return {value for value in found if value}


def _basic_pair(value: str) -> BasicPair:
    scheme, _, encoded = value.partition(" ")
    if len(value) > MAX_HEADER_CHARACTERS or scheme.lower() != "basic":
        raise UnauthorizedError
    username, colon, password = _base64(encoded.strip(" \t")).partition(b":")
    # A client's user names are ASCII; anything else is nobody's.
    client_id = client_of_username(username.decode("ascii", "replace"))
    if not colon or client_id is None:
        raise UnauthorizedError
    return BasicPair(client_id, username, password)


def _presented_key(value: str) -> PresentedKey:
    client_id = client_of_key(value) if len(value) <= MAX_HEADER_CHARACTERS else None
    if client_id is None:
        raise UnauthorizedError
    return PresentedKey(client_id, value.encode())


def _base64(encoded: str) -> bytes:
    """Decode strictly, but for the padding, which some clients leave out."""
    text = encoded.rstrip("=")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnauthorizedError from None


def policy(identity: Identity, scope: Scope | None, method_arn: str, route: str) -> dict[str, Any]:
    """The answer of a REQUEST authorizer to API Gateway.

    Parameters
    ----------
    identity : Identity
    scope : Scope or None
        What the route asks for. Without it the answer is an explicit Deny.
    method_arn : str
        `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`.
    route : str
        The route's path as the template writes it.

    Returns
    -------
    dict
        A policy for this very method. Parameters of the path stand as `*`: text of the caller's in
        a policy could make it one that API Gateway cannot read.
    """
    method = "/".join(method_arn.split("/", 3)[:3])
    path = re.sub(r"\{[^}]*\}", "*", route.removeprefix("/"))
    allowed = scope is not None and scope in identity.scopes
    return {
        "principalId": identity.client_id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if allowed else "Deny",
                    "Resource": f"{method}/{path}",
                }
            ],
        },
        "context": {
            "client_id": identity.client_id,
            "credential_id": identity.credential_id,
            "scopes": " ".join(sorted(identity.scopes)),
        },
    }
