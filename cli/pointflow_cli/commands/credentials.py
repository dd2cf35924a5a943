"""`pointflow credentials`: what a client proves itself with when it calls the API."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from pointflow.domain.audit import Action
from pointflow.domain.credential import LABEL, Credential, Scope
from pointflow.domain.result import iso_time
from pointflow.domain.text import shown
from pointflow.ports.credentials import Credentials, CredentialStore
from pointflow.services.manage_credentials import (
    Minting,
    add_credential,
    list_credentials,
    revoke_credential,
    rotate_credential,
)
from pointflow_cli.audit_desk import Auditor, ReasonOption, open_auditor
from pointflow_cli.output import console, fail, note, print_json
from pointflow_cli.stack import ClientOption, JsonOption, StackOption, known_client, open_stack

app = typer.Typer(
    no_args_is_help=True,
    help="Add, replace and withdraw the credentials with which a client calls the API.",
)

CredentialArgument = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="The credential's id; by default the client's only one."),
]


@dataclass(frozen=True, slots=True)
class CredentialDesk:
    """One client's credentials on one stack."""

    client_id: str
    store: CredentialStore
    auditor: Auditor

    def put_on_record(self, action: Action, subject: str, reason: str | None, told: str) -> None:
        """Put on record what is about to be done to a credential."""
        details = {"what": told} if told else {}
        self.auditor.record(
            action, subject, client_id=self.client_id, reason=reason, details=details
        )


def open_credentials(stack_name: str | None, client: str | None) -> CredentialDesk:
    """Find the stack and the client; it must be one that the catalog knows."""
    # boto3 costs a tenth of a second that `--help` does not need.
    from pointflow.adapters.secrets_credentials import SecretsCredentials  # noqa: PLC0415

    stack = open_stack(stack_name)
    client_id = known_client(stack, client)
    store = SecretsCredentials(stack.client("secretsmanager"), stack.credentials_prefix)
    return CredentialDesk(client_id, store, open_auditor(stack))


@app.command()
def add(
    *,
    scopes: Annotated[
        str,
        typer.Option(
            metavar="LIST", help="What it may be used for: any of push, read, upload, with commas."
        ),
    ] = "push",
    label: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Makes the user name CLIENT.TEXT, such as the sending system."
        ),
    ] = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Give the client one more credential, and show it: it cannot be shown again.

    It can be presented as Basic user name and password, as x-api-key, or both. Those that the
    client has already stay live.

    Examples
    --------
        pointflow credentials add --client acme

        pointflow credentials add --client acme --scopes push,read --label loyalty --json
    """
    wanted = _scopes(scopes)
    if label is not None and not LABEL.fullmatch(label):
        fail(f"{shown(label)} is no label", "use 1 to 32 letters, digits, hyphens or underscores")
    desk = open_credentials(stack, client)
    minting = _minting()
    told = f"scopes {','.join(sorted(wanted))}"
    desk.put_on_record(Action.CREDENTIAL_ADD, minting.credential_id(), reason, told)
    added = add_credential(desk.client_id, wanted, label, store=desk.store, minting=minting)
    _print_once(desk.client_id, added, as_json=as_json)


@app.command("list")
def list_all(
    as_json: JsonOption = False, stack: StackOption = None, client: ClientOption = None
) -> None:
    """List the client's live credentials, never what is secret about them.

    Example:

        pointflow credentials list --client acme
    """
    desk = open_credentials(stack, client)
    found = list_credentials(desk.client_id, store=desk.store)
    if as_json:
        print_json([_public(desk.client_id, credential) for credential in found])
    elif found:
        _show(found)
    else:
        note(f"client {desk.client_id} has no credential; add one: pointflow credentials add")


@app.command()
def rotate(
    credential_id: CredentialArgument = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Add a credential with the user name and scopes of another, which stays live until revoked.

    Give the new one to the sender, see that it is used, then revoke the old one: no request is
    lost in between. A new credential counts within five seconds.

    Examples
    --------
        pointflow credentials rotate --client acme

        pointflow credentials rotate 1f2e3d4c --client acme
    """
    desk = open_credentials(stack, client)
    old = credential_id or _only_one(desk)
    minting = _minting()
    desk.put_on_record(Action.CREDENTIAL_ROTATE, minting.credential_id(), reason, f"beside {old}")
    new = rotate_credential(desk.client_id, old, store=desk.store, minting=minting)
    _print_once(desk.client_id, new, as_json=as_json)
    note(f"credential {old} stays live until: pointflow credentials revoke {old}")


@app.command()
def revoke(
    credential_id: Annotated[str, typer.Argument(metavar="ID", help="The credential's id.")],
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Withdraw a credential. It may still be let in for up to five minutes.

    Example:

        pointflow credentials revoke 1f2e3d4c --client acme
    """
    desk = open_credentials(stack, client)
    desk.put_on_record(Action.CREDENTIAL_REVOKE, credential_id, reason, "")
    revoked = revoke_credential(desk.client_id, credential_id, store=desk.store)
    if as_json:
        print_json(_public(desk.client_id, revoked))
    else:
        console.print(f"revoked {revoked.credential_id}", soft_wrap=True)
    if not list_credentials(desk.client_id, store=desk.store):
        note(f"client {desk.client_id} has no live credential left")


def _scopes(text: str) -> frozenset[Scope]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(Scope)]
    if unknown or not names:
        fail(f"{shown(text)} is no list of scopes", f"use any of {', '.join(Scope)}")
    return frozenset(Scope(name) for name in names)


def _minting() -> Minting:
    # Known before the credential is made: the audit record that comes first names it.
    credential_id = secrets.token_hex(4)
    return Minting(
        secret=lambda: secrets.token_urlsafe(32),
        credential_id=lambda: credential_id,
        now=int(time.time()),
    )


def _only_one(desk: CredentialDesk) -> str:
    found = list_credentials(desk.client_id, store=desk.store)
    if len(found) != 1:
        fail(
            f"client {desk.client_id} has {len(found)} live credentials",
            "name one: pointflow credentials list",
        )
    return found[0].credential_id


def _public(client_id: str, credential: Credential) -> dict[str, Any]:
    return {
        "client_id": client_id,
        "id": credential.credential_id,
        "username": credential.username,
        "scopes": sorted(credential.scopes),
        "created_at": iso_time(credential.created_at),
    }


def _print_once(client_id: str, credential: Credential, *, as_json: bool) -> None:
    secret = {"password": credential.password, "api_key": credential.api_key}
    if as_json:
        print_json({**_public(client_id, credential), **secret})
    else:
        # Lines, not a table: a narrow window must not cut a secret off.
        console.print(f"id        {credential.credential_id}", soft_wrap=True)
        console.print(f"scopes    {','.join(sorted(credential.scopes))}", soft_wrap=True)
        console.print(f"username  {credential.username}", soft_wrap=True)
        console.print(f"password  {credential.password}", soft_wrap=True)
        console.print(f"api key   {credential.api_key}", soft_wrap=True)
    note("keep password and API key now: they cannot be shown again")


def _show(credentials: Credentials) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("ID", "USERNAME", "SCOPES", "CREATED"):
        table.add_column(heading, overflow="fold")
    for credential in credentials:
        table.add_row(
            credential.credential_id,
            credential.username or "-",
            ",".join(sorted(credential.scopes)),
            iso_time(credential.created_at) or "",
        )
    console.print(table, crop=False)
