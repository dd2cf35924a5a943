"""A client's side of SFTP: uploads a file whole or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh

from pointflow_local.errors import LocalStackError
from pointflow_local.sftp_access import SftpAccess, sftp_access
from pointflow_local.state import LocalStack

UNFINISHED = ".filepart"
"""Ends the name of a file on its way; intake waits for the file's own name."""

PATIENCE = 30  # seconds for the connection


def upload_over_sftp(
    stack: LocalStack, client_id: str, path: Path, folder: str = "inbound"
) -> None:
    """Upload a file as a client would: under an unfinished name first, then under its own.

    Parameters
    ----------
    stack : LocalStack
        A running one.
    client_id : str
        To whose folder, with whose key.
    path : Path
        The file; it keeps its name.
    folder : str
        `inbound`, or `dryrun`.

    Raises
    ------
    LocalStackError
        The client has no SFTP user, or the upload failed.
    """
    access = sftp_access(stack, client_id)
    if access is None:
        raise LocalStackError(
            f"client {client_id} has no SFTP user", "make users for new clients: pointflow up"
        )
    try:
        asyncio.run(_upload(access, path, folder))
    except (asyncssh.Error, OSError) as error:
        raise LocalStackError(
            f"{path.name} was not uploaded over SFTP: {error}",
            "see that the local stack runs: pointflow up",
        ) from error


async def _upload(access: SftpAccess, path: Path, folder: str) -> None:
    target = f"/{folder}/{path.name}"
    async with (
        asyncssh.connect(
            access.host,
            access.port,
            username=access.username,
            client_keys=[access.key_file],
            known_hosts=access.known_hosts_file,
            # Nothing of the person's own settings: neither ~/.ssh/config nor an agent.
            config=None,
            agent_path=None,
            connect_timeout=PATIENCE,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        await sftp.put(str(path), f"{target}{UNFINISHED}")
        await sftp.posix_rename(f"{target}{UNFINISHED}", target)
