"""`pointflow clients`: the loyalty programmes, and how their files are treated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.table import Table

from pointflow.domain.audit import Action
from pointflow.domain.client import CLIENT_ID, Client, DuplicateContent, Matching
from pointflow.domain.expectation import Expectation, parse_expectation
from pointflow.domain.sftp_home import USER_NAME
from pointflow.domain.text import shown
from pointflow_cli.audit_desk import ReasonOption
from pointflow_cli.output import console, fail, note, print_json
from pointflow_cli.programme import Programme, open_programme
from pointflow_cli.sftp_desk import HeldKey, SftpDesk, open_sftp
from pointflow_cli.ssh_key import SshKey, key_given
from pointflow_cli.stack import ClientOption, JsonOption, StackOption, default_client
from pointflow_local.state import LOCAL_STACK, LocalStack, running

app = typer.Typer(no_args_is_help=True, help="Add client programmes; see and change settings.")

MAX_NAME = 100

ClientArgument = Annotated[
    str, typer.Argument(metavar="CLIENT", help="1 to 32 letters, digits or hyphens.")
]
NameOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="The programme's name, for people.")
]
MatchingOption = Annotated[
    Matching | None,
    typer.Option(
        help="What an identifier that matches nobody means: `lenient` tries the row's next one"
        " (default), `strict` rejects the row, as it does when identifiers name different members."
    ),
]
DuplicateOption = Annotated[
    DuplicateContent | None,
    typer.Option(
        help="Known content under a new name: `hold` waits for `pointflow batch release`"
        " (default), `credit` credits it again."
    ),
]
ExpectsOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="When its file is due, in UTC: `06:30`, `06:30 mon-fri`; an alarm tells when none"
        " came by then. `none` (default): nobody waits for one.",
    ),
]

SshKeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ssh-key",
        metavar="KEY",
        help="A public SSH key with which the client gets in over SFTP: a .pub file, or its line."
        " May be given more than once; keys that are there stay.",
    ),
]


@app.command()
def add(
    client_id: ClientArgument,
    *,
    name: NameOption = None,
    matching: MatchingOption = None,
    duplicate_content: DuplicateOption = None,
    expects: ExpectsOption = None,
    ssh_key: SshKeyOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Add a client programme. Adding it again with the same settings changes nothing.

    With --ssh-key the client gets all it needs for SFTP: user, folders, key. A client that is there
    gets the key too; its settings need not be named again. On the local stack every client gets an
    SFTP user at once, with a key of its own.

    Examples
    --------
        pointflow clients add acme --name "Acme Rewards"

        pointflow clients add globex --matching strict --expects "06:30 mon-fri"

        pointflow clients add globex --ssh-key globex.pub
    """
    if not CLIENT_ID.fullmatch(client_id):
        fail(f"{shown(client_id)} is no client id", "use 1 to 32 letters, digits or hyphens")
    keys = [key_given(each) for each in ssh_key or []]
    client = _changed(Client(client_id), name, matching, duplicate_content, expects)
    programme = open_programme(stack)
    sftp = _sftp_for(programme, client_id) if keys else None
    known = programme.catalog.client(client_id)
    no_setting = all(each is None for each in (name, matching, duplicate_content, expects))
    if known is not None and keys and no_setting:
        client = known
    if known is not None and known != client:
        fail(
            f"client {client_id} is there already, with other settings",
            f"change them: pointflow clients set {client_id}",
        )
    if known is None:
        _put_on_record(programme, Action.CLIENT_ADD, client, reason)
        programme.catalog.put_client(client)
    # Also for one that is there: this is what heals a user that could not be made before.
    if programme.stack.name == LOCAL_STACK and (local := running()) is not None:
        _provide_sftp(local, client_id)
    if sftp is not None:
        _let_in(programme, sftp, client_id, keys, reason)
    _print(client, programme, as_json=as_json)


@app.command("list")
def list_clients(as_json: JsonOption = False, stack: StackOption = None) -> None:
    """List the client programmes.

    Example:

        pointflow clients list --json
    """
    programme = open_programme(stack)
    clients = list(programme.catalog.clients())
    if as_json:
        sftp = open_sftp(programme.stack)
        users = sftp.users() if sftp else set()
        print_json([_document(client) | _sftp_document(sftp, client, users) for client in clients])
    elif clients:
        _show(clients)
    else:
        note("the stack has no client yet; add one: pointflow clients add ID")


@app.command()
def show(
    client_id: Annotated[
        str | None,
        typer.Argument(metavar="[CLIENT]", help="By default --client, or the only one."),
    ] = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Show a client programme's settings, and the SSH keys with which it gets in over SFTP.

    Example:

        pointflow clients show acme
    """
    programme = open_programme(stack)
    wanted = client_id or default_client(programme.stack, client)
    _print(_known(programme, wanted), programme, as_json=as_json)


@app.command("set")
def set_client(
    client_id: ClientArgument,
    *,
    name: NameOption = None,
    matching: MatchingOption = None,
    duplicate_content: DuplicateOption = None,
    expects: ExpectsOption = None,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Change a client programme's settings; those not named stay. Takes effect within a minute.

    Example:

        pointflow clients set acme --matching strict
    """
    if all(setting is None for setting in (name, matching, duplicate_content, expects)):
        fail("nothing to change", "name a setting: pointflow clients set --help")
    programme = open_programme(stack)
    known = _known(programme, client_id)
    client = _changed(known, name, matching, duplicate_content, expects)
    if client != known:
        _put_on_record(programme, Action.CLIENT_SET, client, reason, known)
        programme.catalog.put_client(client)
    _print(client, programme, as_json=as_json)


@app.command("revoke-key")
def revoke_key(
    client_id: ClientArgument,
    fingerprint: Annotated[
        str | None,
        typer.Argument(metavar="[FINGERPRINT]", help="SHA256:…, as `clients show` tells it."),
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="All of them: the client's SFTP user is removed.")
    ] = False,
    reason: ReasonOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Let a client in over SFTP with a key no more. Files stay; a session that is open may go on.

    Examples
    --------
        pointflow clients revoke-key acme SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE

        pointflow clients revoke-key acme --all --reason "contract ended"
    """
    if (fingerprint is None) == (not every):
        fail("which key?", "name a fingerprint, or --all")
    programme = open_programme(stack)
    sftp = _sftp_of(programme)
    if sftp.user(client_id) is None:
        fail(f"client {shown(client_id)} has no SFTP user", "nothing is left to revoke")
    held = sftp.keys(client_id) if fingerprint is None else [sftp.key(client_id, fingerprint)]
    programme.auditor.record(
        Action.SFTP_KEY_REVOKE,
        fingerprint or "all",
        client_id=client_id,
        reason=reason,
        details={},
    )
    if fingerprint is None:
        sftp.remove_user(client_id)
    else:
        sftp.remove_key(client_id, held[0])
    if as_json:
        print_json({"client_id": client_id, "revoked": [key.fingerprint for key in held]})
        return
    for key in held:
        console.print(f"revoked {key.fingerprint}", soft_wrap=True)
    if fingerprint is None:
        note(f"client {client_id} has no SFTP user any more")


def _sftp_of(programme: Programme) -> SftpDesk:
    sftp = open_sftp(programme.stack)
    if sftp is None:
        fail(
            f"stack {programme.stack.name} has no SFTP",
            "deploy it with the parameter Sftp=true; nothing was changed",
        )
    return sftp


def _sftp_for(programme: Programme, client_id: str) -> SftpDesk:
    if not USER_NAME.fullmatch(client_id):
        fail(
            f"{client_id} cannot be an SFTP user",
            "AWS wants three characters or more, and no hyphen in front",
        )
    return _sftp_of(programme)


def _let_in(
    programme: Programme,
    sftp: SftpDesk,
    client_id: str,
    keys: Sequence[SshKey],
    reason: str | None,
) -> None:
    sftp.provide(client_id)
    for key in sftp.missing(client_id, keys):
        programme.auditor.record(
            Action.SFTP_KEY_ADD, key.fingerprint, client_id=client_id, reason=reason, details={}
        )
        sftp.add_key(client_id, key)


def _put_on_record(
    programme: Programme,
    action: Action,
    client: Client,
    reason: str | None,
    before: Client | None = None,
) -> None:
    new, old = _document(client), _document(before) if before else {}
    changed = {
        name: f"{old[name]} -> {value}" if name in old else str(value)
        for name, value in new.items()
        if name != "client_id" and value is not None and value != old.get(name)
    }
    programme.auditor.record(
        action, client.client_id, client_id=client.client_id, reason=reason, details=changed
    )


def _provide_sftp(stack: LocalStack, client_id: str) -> None:
    # No other command needs what these load.
    from pointflow_local.sftp_access import sftp_access  # noqa: PLC0415
    from pointflow_local.sftp_users import provide_users  # noqa: PLC0415

    provide_users(stack)
    if (access := sftp_access(stack, client_id)) is not None:
        note(f"SFTP as {client_id}: {access.command}")


def _known(programme: Programme, client_id: str) -> Client:
    client = programme.catalog.client(client_id)
    if client is None:
        fail(f"there is no client {shown(client_id)}", "see: pointflow clients list")
    return client


def _changed(
    client: Client,
    name: str | None,
    matching: Matching | None,
    duplicate_content: DuplicateContent | None,
    expects: str | None,
) -> Client:
    if name is not None and (len(name) > MAX_NAME or not name.isprintable()):
        fail(f"{shown(name)} is no name", f"use at most {MAX_NAME} characters that print")
    return replace(
        client,
        name=client.name if name is None else name,
        matching=matching or client.matching,
        duplicate_content=duplicate_content or client.duplicate_content,
        expects=client.expects if expects is None else _expectation(expects),
    )


def _expectation(text: str) -> Expectation | None:
    if text == "none":
        return None
    try:
        return parse_expectation(text)
    except ValueError as error:
        fail(f"{shown(text)} is no time", f"{error}; or none")


def _document(client: Client) -> dict[str, Any]:
    return {
        "client_id": client.client_id,
        "name": client.name,
        "matching": client.matching.value,
        "duplicate_content": client.duplicate_content.value,
        "expects": None if client.expects is None else str(client.expects),
    }


def _sftp_document(
    sftp: SftpDesk | None, client: Client, users: set[str] | None = None
) -> dict[str, Any]:
    keys = _keys(sftp, client, users)
    return {"sftp_keys": None if keys is None else [key.document() for key in keys]}


def _keys(
    sftp: SftpDesk | None, client: Client, users: set[str] | None = None
) -> list[HeldKey] | None:
    if sftp is None:
        return None
    known = USER_NAME.fullmatch(client.client_id) and (users is None or client.client_id in users)
    return sftp.keys(client.client_id) if known else []


def _print(client: Client, programme: Programme, *, as_json: bool) -> None:
    sftp = open_sftp(programme.stack)
    if as_json:
        print_json(_document(client) | _sftp_document(sftp, client))
        return
    _show([client])
    for key in _keys(sftp, client) or []:
        console.print(f"SSH key {key.fingerprint}, since {key.added_at}", soft_wrap=True)


def _show(clients: Iterable[Client]) -> None:
    table = Table("client", "name", "matching", "known content", "file due (UTC)")
    for client in clients:
        due = "" if client.expects is None else str(client.expects)
        settings = (client.matching, client.duplicate_content, due)
        table.add_row(client.client_id, client.name, *settings)
    console.print(table)
