"""AWS Transfer Family and the bucket behind it, as far as `clients` asks them. In memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

SERVER = "s-0123456789abcdef0"


class FakeTransfer:
    """One server's users. Every call that changes something is noted by its name."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []

    def describe_user(self, **name: str) -> dict[str, Any]:
        return {"ServerId": SERVER, "User": self._user("DescribeUser", name)}

    def create_user(self, **user: Any) -> None:
        assert user["UserName"] not in self.users
        self._note("create_user", user)
        self.users[user["UserName"]] = {**user, "SshPublicKeys": []}

    def update_user(self, **user: Any) -> None:
        self._user("UpdateUser", user).update(user)
        self._note("update_user", user)

    def delete_user(self, **name: str) -> None:
        self._user("DeleteUser", name)
        self._note("delete_user", name)
        del self.users[name["UserName"]]

    def import_ssh_public_key(self, **key: str) -> None:
        user = self._user("ImportSshPublicKey", key)
        self._note("import_ssh_public_key", key)
        number = len(self.changes)
        user["SshPublicKeys"].append(
            {
                "SshPublicKeyId": f"key-{number}",
                "SshPublicKeyBody": key["SshPublicKeyBody"],
                "DateImported": datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC),
            }
        )

    def delete_ssh_public_key(self, **key: str) -> None:
        user = self._user("DeleteSshPublicKey", key)
        self._note("delete_ssh_public_key", key)
        kept = [k for k in user["SshPublicKeys"] if k["SshPublicKeyId"] != key["SshPublicKeyId"]]
        assert len(kept) == len(user["SshPublicKeys"]) - 1
        user["SshPublicKeys"] = kept

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "list_users"
        return _Pages(self)

    def _user(self, operation: str, name: dict[str, Any]) -> dict[str, Any]:
        assert name["ServerId"] == SERVER
        if name["UserName"] not in self.users:
            code = "ResourceNotFoundException"
            raise ClientError({"Error": {"Code": code, "Message": "Unknown user"}}, operation)
        return self.users[name["UserName"]]

    def _note(self, change: str, request: dict[str, Any]) -> None:
        assert request["ServerId"] == SERVER
        self.changes.append(change)


class _Pages:
    def __init__(self, transfer: FakeTransfer) -> None:
        self._transfer = transfer

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        for name in self._transfer.users:
            yield {"Users": [{"UserName": name}]}


class FakeMarkers:
    """A bucket of empty objects."""

    def __init__(self) -> None:
        self.puts: list[str] = []

    def list_objects_v2(self, **wanted: Any) -> dict[str, Any]:
        found = sorted(key for key in self.puts if key.startswith(wanted["Prefix"]))
        return {"Contents": [{"Key": key} for key in found[: wanted["MaxKeys"]]]} if found else {}

    def put_object(self, **wanted: Any) -> None:
        assert wanted["Body"] == b""
        self.puts.append(wanted["Key"])
