"""How a client gets into the local SFTP server."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from pointflow_local.launcher import HOST
from pointflow_local.sftp_keys import key_file, known_hosts_file
from pointflow_local.state import LocalStack


@dataclass(frozen=True, slots=True)
class SftpAccess:
    """What a client needs to get in.

    Attributes
    ----------
    host : str
    port : int
    username : str
        The client's id.
    key_file, known_hosts_file : str
        Paths: the client's private key, and by what it knows the server.
    """

    host: str
    port: int
    username: str
    key_file: str
    known_hosts_file: str

    def document(self) -> dict[str, Any]:
        """What `up --json` says of it."""
        return {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "key_file": self.key_file,
        }

    @property
    def command(self) -> str:
        """The command line that opens a session."""
        return shlex.join(
            [
                *("sftp", "-P", str(self.port), "-i", self.key_file),
                *("-o", "IdentitiesOnly=yes"),
                *("-o", f"UserKnownHostsFile={self.known_hosts_file}"),
                f"{self.username}@{self.host}",
            ]
        )


def sftp_access(stack: LocalStack, client_id: str) -> SftpAccess | None:
    """How a client gets in; None when it has no SFTP user."""
    if stack.sftp_port is None or not key_file(client_id).is_file():
        return None
    return SftpAccess(
        host=HOST,
        port=stack.sftp_port,
        username=client_id,
        key_file=str(key_file(client_id)),
        known_hosts_file=str(known_hosts_file()),
    )
