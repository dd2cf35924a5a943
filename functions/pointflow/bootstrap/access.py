"""Wires the authorizer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial

from pointflow.adapters.cached_credentials import CachedCredentials
from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.secrets_credentials import SecretsCredentials
from pointflow.domain.authorization import AuthMode, Identity
from pointflow.domain.errors import CredentialsUnavailableError
from pointflow.services.authorize_request import authorize_request

type Authorize = Callable[[Mapping[str, Iterable[str]]], Identity]


@cache
def authorize() -> Authorize:
    """Finding out who a request comes from; see `authorize_request`.

    Raises
    ------
    CredentialsUnavailableError
        The function was not told where the secrets are, or not which kind of credential counts.
    """
    prefix = os.environ.get("CREDENTIALS_PREFIX")
    mode = os.environ.get("AUTH_MODE", "any")
    if not prefix:
        # Every secret would look as if it were not there, and every client be told so.
        raise CredentialsUnavailableError("CREDENTIALS_PREFIX is not set")
    if mode not in list(AuthMode):
        raise CredentialsUnavailableError(f"AUTH_MODE is none of {', '.join(AuthMode)}")
    catalog = DynamoDBCatalog(client("dynamodb"), os.environ.get("CATALOG_TABLE", ""))
    live = CachedCredentials(
        SecretsCredentials(client("secretsmanager"), prefix),
        is_client=lambda client_id: catalog.client(client_id) is not None,
    )
    return partial(authorize_request, live=live, mode=AuthMode(mode))
