"""Clients' SFTP users and their keys, on the server of one stack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from pointflow.domain.sftp_home import home, markers, session_policy
from pointflow.domain.text import shown
from pointflow_cli.errors import fail
from pointflow_cli.ssh_key import SshKey, fingerprint_of
from pointflow_cli.stack import Stack
from pointflow_local.state import LOCAL_STACK


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key with which a client gets in.

    Attributes
    ----------
    key_id : str
        Transfer's own name of it.
    fingerprint : str
        `SHA256:…`.
    added_at : str
        Date and time in UTC, ISO 8601.
    """

    key_id: str
    fingerprint: str
    added_at: str

    def document(self) -> dict[str, str]:
        """What `--json` says of it."""
        return {"fingerprint": self.fingerprint, "added_at": self.added_at}


@dataclass(frozen=True, slots=True)
class SftpDesk:
    """SFTP of one stack.

    Attributes
    ----------
    transfer, s3
        AWS clients.
    server : str
        The server's id.
    bucket : str
        The bucket's name.
    role : str or None
        ARN of the role of every user. None where users are made by `provide_users`: locally.
    """

    transfer: Any
    s3: Any
    server: str
    bucket: str
    role: str | None

    def user(self, client_id: str) -> dict[str, Any] | None:
        """A client's user as Transfer describes it; None when it has none."""
        try:
            answer = self.transfer.describe_user(ServerId=self.server, UserName=client_id)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        user: dict[str, Any] = answer["User"]
        return user

    def keys(self, client_id: str) -> list[HeldKey]:
        """A client's keys, the oldest first; none also when it has no user."""
        user = self.user(client_id)
        return sorted(
            (_held(key) for key in (user or {}).get("SshPublicKeys", [])),
            key=lambda key: (key.added_at, key.fingerprint),
        )

    def users(self) -> set[str]:
        """Names of all users."""
        pages = self.transfer.get_paginator("list_users").paginate(ServerId=self.server)
        return {user["UserName"] for page in pages for user in page["Users"]}

    def provide(self, client_id: str) -> None:
        """Make a client's user and folders what they should be. Nothing changes where they are."""
        if self.role is None:
            return
        wanted = {
            "Role": self.role,
            "HomeDirectoryType": "LOGICAL",
            "HomeDirectoryMappings": home(client_id, self.bucket),
            "Policy": session_policy(client_id, self._bucket_arn),
        }
        found = self.user(client_id)
        name = {"ServerId": self.server, "UserName": client_id}
        if found is None:
            self.transfer.create_user(**name, **wanted)
        elif any(found.get(field) != value for field, value in wanted.items()):
            self.transfer.update_user(**name, **wanted)
        for key in markers(client_id):
            if not self._is_there(key):
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=b"")

    def missing(self, client_id: str, keys: Iterable[SshKey]) -> list[SshKey]:
        """Those of the keys that the client does not have yet, each once."""
        known = {key.fingerprint for key in self.keys(client_id)}
        return [
            key
            for key in {each.fingerprint: each for each in keys}.values()
            if key.fingerprint not in known
        ]

    def add_key(self, client_id: str, key: SshKey) -> None:
        """Let a client in with one more key."""
        self.transfer.import_ssh_public_key(
            ServerId=self.server, UserName=client_id, SshPublicKeyBody=key.body
        )

    def key(self, client_id: str, fingerprint: str) -> HeldKey:
        """The client's key of that fingerprint. A `CommandError` when it has none."""
        held = {key.fingerprint: key for key in self.keys(client_id)}
        if fingerprint not in held:
            fail(
                f"client {shown(client_id)} has no SSH key {shown(fingerprint)}",
                f"see: pointflow clients show {client_id}",
            )
        return held[fingerprint]

    def remove_key(self, client_id: str, key: HeldKey) -> None:
        """Let a client in with that key no more."""
        self.transfer.delete_ssh_public_key(
            ServerId=self.server, UserName=client_id, SshPublicKeyId=key.key_id
        )

    def remove_user(self, client_id: str) -> None:
        """Let a client in no more. Its files stay."""
        self.transfer.delete_user(ServerId=self.server, UserName=client_id)

    @property
    def _bucket_arn(self) -> str:
        partition = str(self.role).split(":")[1]
        return f"arn:{partition}:s3:::{self.bucket}"

    def _is_there(self, key: str) -> bool:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        # The marker is the first of all keys that begin with it.
        return any(found["Key"] == key for found in listed.get("Contents", []))


def open_sftp(stack: Stack) -> SftpDesk | None:
    """SFTP of a stack; None when it has none."""
    if stack.name == LOCAL_STACK:
        transfer = stack.client("transfer")
        for server in transfer.list_servers()["Servers"]:
            return SftpDesk(transfer, stack.client("s3"), server["ServerId"], stack.bucket, None)
        return None
    if "SftpServerId" not in stack.outputs:
        return None
    return SftpDesk(
        stack.client("transfer"),
        stack.client("s3"),
        stack.output("SftpServerId"),
        stack.bucket,
        stack.output("SftpUserRoleArn"),
    )


def _held(key: dict[str, Any]) -> HeldKey:
    moment = key["DateImported"]
    if isinstance(moment, datetime):
        moment = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return HeldKey(key["SshPublicKeyId"], fingerprint_of(key["SshPublicKeyBody"]), str(moment))
