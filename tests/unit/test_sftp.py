"""SFTP keys and users of the local AWS: what is worked out without a server."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from pointflow.domain.sftp_home import USER_NAME
from pointflow_cli.commands.up import describe
from pointflow_local.processes import ProcessId
from pointflow_local.sftp_access import sftp_access
from pointflow_local.sftp_keys import (
    client_public_key,
    host_key_file,
    introduce_server,
    key_file,
    known_hosts_file,
    remove_keys,
    sftp_folder,
)
from pointflow_local.sftp_users import provide_user, user_of
from pointflow_local.state import LocalStack


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTFLOW_HOME", str(tmp_path / "home"))


class TransferFamily:
    """As much of AWS Transfer Family as one user takes."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.writes = 0

    def create_user(self, **user: Any) -> None:
        """Refuse a second user of the same name, as AWS does."""
        assert user["UserName"] not in self.users
        key = {"SshPublicKeyBody": user.pop("SshPublicKeyBody")}
        self.users[user["UserName"]] = {**user, "SshPublicKeys": [key]}
        self.writes += 1

    def import_ssh_public_key(
        self,
        *,
        ServerId: str,  # noqa: N803
        UserName: str,  # noqa: N803
        SshPublicKeyBody: str,  # noqa: N803
    ) -> None:
        """Add a key."""
        self.users[UserName]["SshPublicKeys"].append({"SshPublicKeyBody": SshPublicKeyBody})

    def describe_user(self, *, ServerId: str, UserName: str) -> dict[str, Any]:  # noqa: N803
        """Describe a user."""
        return {"ServerId": ServerId, "User": self.users[UserName]}

    def delete_user(self, *, ServerId: str, UserName: str) -> None:  # noqa: N803
        """Delete a user."""
        del self.users[UserName]


def local_stack(sftp_port: int | None) -> LocalStack:
    return LocalStack(
        endpoint_url="http://127.0.0.1:4567",
        region="us-east-1",
        access_key="test",
        secret_key="test",
        process=ProcessId(1, "long ago", "token"),
        sftp_port=sftp_port,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_clients_key_is_made_once_and_only_its_owner_reads_it() -> None:
    public = client_public_key("acme")
    assert client_public_key("acme") == public
    assert client_public_key("globex") != public
    assert (mode(key_file("acme")), mode(key_file("acme").parent)) == (0o600, 0o700)


def test_the_public_key_belongs_to_the_private_one_in_the_file() -> None:
    public = client_public_key("acme")
    pair = asyncssh.read_private_key(key_file("acme"))
    assert pair.export_public_key("openssh").decode().split()[:2] == public.split()


def test_a_key_in_the_making_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            client_public_key("acme")
    assert not key_file("acme").exists()
    assert client_public_key("acme").startswith("ssh-ed25519 ")


def test_clients_know_the_server_by_its_address_and_key() -> None:
    introduce_server("127.0.0.1", 2222)
    address, kind, key = known_hosts_file().read_text().split()
    assert address == "[127.0.0.1]:2222"
    assert mode(host_key_file()) == 0o600
    public = asyncssh.read_private_key(host_key_file()).export_public_key("openssh")
    assert public.decode().split()[:2] == [kind, key]


def test_the_server_keeps_its_key_when_its_port_changes() -> None:
    introduce_server("127.0.0.1", 2222)
    key = known_hosts_file().read_text().split()[2]
    introduce_server("127.0.0.1", 2223)
    assert known_hosts_file().read_text().startswith("[127.0.0.1]:2223 ")
    assert known_hosts_file().read_text().split()[2] == key


def test_removed_keys_are_gone_and_removing_them_again_is_no_error() -> None:
    introduce_server("127.0.0.1", 2222)
    client_public_key("acme")
    remove_keys()
    remove_keys()
    assert not sftp_folder().exists()


def test_a_users_home_is_its_clients_three_folders() -> None:
    user = user_of("acme", "bucket")
    assert user["HomeDirectoryType"] == "LOGICAL"
    assert user["HomeDirectoryMappings"] == [
        {"Entry": "/inbound", "Target": "/bucket/inbound/acme"},
        {"Entry": "/dryrun", "Target": "/bucket/dryrun/acme"},
        {"Entry": "/outbound", "Target": "/bucket/outbound/acme"},
    ]


def test_a_user_that_is_what_it_should_be_is_left_alone() -> None:
    transfer = TransferFamily()
    provide_user(transfer, "s-1", user_of("acme", "bucket"), known=False)
    provide_user(transfer, "s-1", user_of("acme", "bucket"), known=True)
    assert transfer.writes == 1


def test_a_user_with_another_key_or_another_bucket_is_made_anew() -> None:
    transfer = TransferFamily()
    provide_user(transfer, "s-1", user_of("acme", "bucket"), known=False)
    old_key = transfer.users["acme"]["SshPublicKeys"]
    remove_keys()
    provide_user(transfer, "s-1", user_of("acme", "bucket"), known=True)
    assert transfer.users["acme"]["SshPublicKeys"] != old_key
    provide_user(transfer, "s-1", user_of("acme", "other"), known=True)
    assert transfer.users["acme"]["HomeDirectoryMappings"][0]["Target"] == "/other/inbound/acme"


def test_a_key_that_a_client_was_given_outlives_the_key_made_here_and_a_new_bucket() -> None:
    transfer = TransferFamily()
    provide_user(transfer, "s-1", user_of("acme", "bucket"), known=False)
    transfer.import_ssh_public_key(ServerId="s-1", UserName="acme", SshPublicKeyBody="ssh-rsa own")
    provide_user(transfer, "s-1", user_of("acme", "bucket"), known=True)
    assert transfer.writes == 1
    remove_keys()
    provide_user(transfer, "s-1", user_of("acme", "other"), known=True)
    assert [key["SshPublicKeyBody"] for key in transfer.users["acme"]["SshPublicKeys"]] == [
        user_of("acme", "other")["SshPublicKeyBody"],
        "ssh-rsa own",
    ]


@pytest.mark.parametrize(
    ("client_id", "taken"),
    [
        ("acme", True),
        ("abc", True),
        ("a" * 32, True),
        ("1-a", True),
        ("ab", False),
        ("-abc", False),
    ],
)
def test_only_names_that_aws_takes_become_users(client_id: str, *, taken: bool) -> None:
    assert bool(USER_NAME.fullmatch(client_id)) is taken


def test_only_who_has_a_key_gets_in() -> None:
    client_public_key("acme")
    assert sftp_access(local_stack(2222), "globex") is None
    assert sftp_access(local_stack(None), "acme") is None


def test_up_tells_how_the_sample_client_gets_in() -> None:
    assert describe(local_stack(2222))["sftp"] is None
    client_public_key("acme")
    assert describe(local_stack(2222))["sftp"] == {
        "host": "127.0.0.1",
        "port": 2222,
        "username": "acme",
        "key_file": str(key_file("acme")),
    }


def test_the_command_line_names_port_key_and_server() -> None:
    client_public_key("acme")
    access = sftp_access(local_stack(2222), "acme")
    assert access is not None
    assert access.command == (
        f"sftp -P 2222 -i {key_file('acme')} -o IdentitiesOnly=yes "
        f"-o UserKnownHostsFile={known_hosts_file()} acme@127.0.0.1"
    )
