"""SFTP users of the local AWS, made by the API of AWS Transfer Family: one for each client."""

from __future__ import annotations

from typing import Any

from pointflow.adapters.dynamodb_catalog import CLIENT_ITEM
from pointflow.domain.sftp_home import USER_NAME, home
from pointflow_local.clients import local_client
from pointflow_local.sftp_keys import client_public_key
from pointflow_local.state import LocalStack

MADE_HERE = "pointflow-local"
"""Comment of the keys that are made here; keys without it were given by `clients add --ssh-key`."""

_SERVER = {"Protocols": ["SFTP"], "IdentityProviderType": "SERVICE_MANAGED", "Domain": "S3"}
# A user must have one. The local AWS never asks what it may do: see docs/decisions.
_ROLE = "arn:aws:iam::000000000000:role/pointflow-local-sftp"


def open_server(stack: LocalStack) -> str:
    """Create the SFTP server, which opens its port, unless there is one.

    Returns
    -------
    str
        The server's id.
    """
    transfer = local_client(stack, "transfer")
    for server in transfer.list_servers()["Servers"]:
        return str(server["ServerId"])
    return str(transfer.create_server(**_SERVER)["ServerId"])


def provide_users(stack: LocalStack) -> None:
    """Give every client of the catalog its SFTP user and key; those that have both are left alone.

    A client whose id AWS does not take for a user's name (shorter than three characters, or with a
    hyphen in front) gets none, here as there.

    Parameters
    ----------
    stack : LocalStack
        A deployed one.
    """
    server = open_server(stack)
    transfer = local_client(stack, "transfer")
    pages = transfer.get_paginator("list_users").paginate(ServerId=server)
    known = {user["UserName"] for page in pages for user in page["Users"]}
    for client_id in _client_ids(stack):
        if USER_NAME.fullmatch(client_id):
            wanted = user_of(client_id, stack.outputs["BucketName"])
            provide_user(transfer, server, wanted, known=client_id in known)


def _client_ids(stack: LocalStack) -> list[str]:
    # No more than the ids: settings that another version kept need not be readable for an `up`.
    pages = (
        local_client(stack, "dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.outputs["CatalogTableName"],
            ConsistentRead=True,
            ProjectionExpression="client_id",
            FilterExpression="#item = :client",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":client": {"S": CLIENT_ITEM}},
        )
    )
    return [item["client_id"]["S"] for page in pages for item in page["Items"]]


def user_of(client_id: str, bucket: str) -> dict[str, Any]:
    """A client's user, as `CreateUser` takes it: at home in the client's own folders only."""
    return {
        "UserName": client_id,
        "Role": _ROLE,
        "HomeDirectoryType": "LOGICAL",
        "HomeDirectoryMappings": home(client_id, bucket),
        "SshPublicKeyBody": f"{client_public_key(client_id)} {MADE_HERE}",
    }


def provide_user(transfer: Any, server: str, wanted: dict[str, Any], *, known: bool) -> None:
    """Make a user what it should be. Keys that it was given stay.

    Parameters
    ----------
    transfer
        A client of AWS Transfer Family.
    server : str
        The server's id.
    wanted : dict
        See `user_of`.
    known : bool
        Whether the server has a user of that name.
    """
    name = {"ServerId": server, "UserName": wanted["UserName"]}
    given: list[str] = []
    if known:
        found = transfer.describe_user(**name)["User"]
        if _is(found, wanted):
            return
        given = [key for key in _keys(found) if not key.endswith(f" {MADE_HERE}")]
        transfer.delete_user(**name)
    transfer.create_user(ServerId=server, **wanted)
    for key in given:
        transfer.import_ssh_public_key(**name, SshPublicKeyBody=key)


def _is(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    made_here = [key for key in _keys(found) if key.endswith(f" {MADE_HERE}")]
    same = ("Role", "HomeDirectoryType", "HomeDirectoryMappings")
    return made_here == [wanted["SshPublicKeyBody"]] and all(
        found.get(name) == wanted[name] for name in same
    )


def _keys(user: dict[str, Any]) -> list[str]:
    return [key["SshPublicKeyBody"] for key in user["SshPublicKeys"]]
