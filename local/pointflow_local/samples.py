"""The sample clients, members and activities of `samples/`, and a credential for one of them."""

from __future__ import annotations

import csv
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.secrets_credentials import SecretsCredentials
from pointflow.domain.client import Client, Matching
from pointflow.domain.credential import Credential, Scope
from pointflow.domain.errors import ConflictError, CredentialsUnavailableError
from pointflow.ports.credentials import CredentialStore
from pointflow.services.import_activities import import_activities
from pointflow.services.import_members import import_members
from pointflow.services.import_source import ImportReport
from pointflow.services.manage_credentials import Minting, add_credential, list_credentials
from pointflow_local.clients import local_client
from pointflow_local.errors import LocalStackError
from pointflow_local.state import LocalStack, project_root, write_state

SAMPLE_CLIENT = "acme"
"""The client whose details `up --json` prints."""

CLIENTS = "clients.csv"
MEMBERS = "members.csv"
ACTIVITIES = "activities.csv"


def load_samples(stack: LocalStack) -> None:
    """Import the samples.

    Safe to repeat: balances and the settings of clients that are there already are left alone.

    Raises
    ------
    LocalStackError
        A line of the samples cannot be imported.
    """
    dynamodb = local_client(stack, "dynamodb")
    outputs = stack.outputs
    catalog = DynamoDBCatalog(dynamodb, outputs["CatalogTableName"])
    ledger = outputs.get("LedgerTableName", "")  # there is none where only pushes are taken in
    members = DynamoDBMembers(dynamodb, outputs["MembersTableName"], ledger)
    for client in sample_clients():
        if catalog.client(client.client_id) is None:
            catalog.put_client(client)
    _check(
        ACTIVITIES,
        import_activities(_path(ACTIVITIES), catalog=catalog),
    )
    _check(
        MEMBERS,
        import_members(_path(MEMBERS), members=members, catalog=catalog, at=int(time.time())),
    )


def with_sample_credentials(stack: LocalStack) -> LocalStack:
    """The stack with credentials of the sample client, written down where they are new.

    A live credential that may do everything is taken, also one that was kept or rotated; the
    client gets one where it has none. The stack is given back without credentials where there is
    no such client or no API, and where its secret takes none: that must not keep a stack from
    coming up.

    Parameters
    ----------
    stack : LocalStack
        A running one.
    """
    catalog = DynamoDBCatalog(local_client(stack, "dynamodb"), stack.outputs["CatalogTableName"])
    found = None
    prefix = stack.outputs.get("CredentialsPrefix")
    if prefix is not None and catalog.client(SAMPLE_CLIENT) is not None:
        found = sample_credentials(
            SecretsCredentials(local_client(stack, "secretsmanager"), prefix)
        )
    if found != stack.credentials:
        stack = replace(stack, credentials=found)
        write_state(stack)
    return stack


def sample_credentials(store: CredentialStore) -> dict[str, str] | None:
    """User name, password and API key of the sample client; None where its secret takes none."""
    everything = frozenset(Scope)
    try:
        live = list_credentials(SAMPLE_CLIENT, store=store)
        for credential in live:
            if credential.scopes == everything and (known := _presentable(credential)):
                return known
        minted = add_credential(SAMPLE_CLIENT, everything, None, store=store, minting=_minting())
    except (ConflictError, CredentialsUnavailableError):
        return None
    return _presentable(minted)


def _presentable(credential: Credential) -> dict[str, str] | None:
    username, password, key = credential.username, credential.password, credential.api_key
    if username is None or password is None or key is None:
        return None
    return {"username": username, "password": password, "api_key": key}


def _minting() -> Minting:
    return Minting(
        secret=lambda: secrets.token_urlsafe(32),
        credential_id=lambda: secrets.token_hex(4),
        now=int(time.time()),
    )


def sample_clients() -> Iterator[Client]:
    """The clients of the samples, with their settings."""
    for row in _rows(CLIENTS):
        yield Client(row["client_id"], name=row["name"], matching=Matching(row["matching"]))


def sample_members() -> list[tuple[str, int]]:
    """Client and CT user id of every sample member, in the order of the file."""
    return [(row["client_id"], int(row["user_id"])) for row in _rows(MEMBERS)]


def _check(name: str, report: ImportReport) -> None:
    for error in report.errors:
        raise LocalStackError(f"samples/{name}, line {error.line}: {error}", "mend the sample")


def _rows(name: str) -> Iterator[dict[str, str]]:
    with _path(name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _path(name: str) -> Path:
    return project_root() / "samples" / name
