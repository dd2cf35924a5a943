"""`pointflow clients add --ssh-key` and `revoke-key`: on a server of AWS Transfer Family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh
import pytest

from pointflow.domain.audit import Action
from pointflow.domain.client import Client, Matching
from pointflow.domain.sftp_home import home, session_policy
from pointflow_cli.commands import clients
from pointflow_cli.commands.clients import app
from pointflow_cli.sftp_desk import SftpDesk, open_sftp
from pointflow_cli.stack import Stack
from tests.fakes.transfer import SERVER, FakeMarkers, FakeTransfer
from tests.unit.programme_desk import Desk, answer, desk, failure, run

ROLE = "arn:aws:iam::123456789012:role/sftp-user"


def new_key() -> tuple[str, str]:
    """A public key's line and its fingerprint."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_public_key("openssh").decode().strip(), key.get_fingerprint()


@dataclass(frozen=True)
class Sftp:
    """What stands behind the commands."""

    transfer: FakeTransfer
    bucket: FakeMarkers
    desk: Desk

    @property
    def on_record(self) -> list[tuple[Action, str]]:
        return [(record.action, record.subject) for record in self.desk.audit.kept]


@pytest.fixture(name="sftp")
def _sftp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sftp]:
    transfer, bucket = FakeTransfer(), FakeMarkers()
    of_stack = SftpDesk(transfer, bucket, SERVER, "bucket", ROLE)
    monkeypatch.setattr(clients, "open_sftp", lambda _: of_stack)
    with desk(monkeypatch) as behind:
        yield Sftp(transfer, bucket, behind)


def test_a_client_gets_all_it_needs_in_one_command(sftp: Sftp) -> None:
    line, fingerprint = new_key()
    (key,) = answer(app, "add", "acme", "--ssh-key", line)["sftp_keys"]

    assert key["fingerprint"] == fingerprint
    user = sftp.transfer.users["acme"]
    assert (user["Role"], user["HomeDirectoryType"]) == (ROLE, "LOGICAL")
    assert user["HomeDirectoryMappings"] == home("acme", "bucket")
    assert user["Policy"] == session_policy("acme", "arn:aws:s3:::bucket")
    assert sftp.bucket.puts == ["inbound/acme/", "dryrun/acme/", "outbound/acme/"]
    assert Client("acme") in sftp.desk.catalog
    assert sftp.on_record == [(Action.CLIENT_ADD, "acme"), (Action.SFTP_KEY_ADD, fingerprint)]


def test_again_changes_nothing(sftp: Sftp) -> None:
    line, _ = new_key()
    first = answer(app, "add", "acme", "--ssh-key", line, "--ssh-key", f"{line} again")
    changes, puts, on_record = [*sftp.transfer.changes], [*sftp.bucket.puts], sftp.on_record

    assert answer(app, "add", "acme", "--ssh-key", f"{line} other comment") == first
    assert (sftp.transfer.changes, sftp.bucket.puts) == (changes, puts)
    assert sftp.on_record == on_record


def test_a_client_that_is_there_gets_one_more_key_and_keeps_its_settings(sftp: Sftp) -> None:
    answer(app, "add", "acme", "--matching", "strict", "--ssh-key", new_key()[0])
    added = answer(app, "add", "acme", "--ssh-key", new_key()[0])

    assert (added["matching"], len(added["sftp_keys"])) == ("strict", 2)
    assert Client("acme", matching=Matching.STRICT) in sftp.desk.catalog
    assert sftp.transfer.changes.count("create_user") == 1


def test_a_user_that_was_changed_by_hand_is_put_right_and_keeps_its_keys(sftp: Sftp) -> None:
    answer(app, "add", "acme", "--ssh-key", new_key()[0])
    sftp.transfer.users["acme"]["Policy"] = None
    answer(app, "add", "acme", "--ssh-key", new_key()[0])

    assert sftp.transfer.users["acme"]["Policy"] == session_policy("acme", "arn:aws:s3:::bucket")
    assert len(sftp.transfer.users["acme"]["SshPublicKeys"]) == 2


def test_keys_are_told_by_fingerprint_and_date(sftp: Sftp) -> None:
    line, fingerprint = new_key()
    answer(app, "add", "acme", "--ssh-key", line)
    answer(app, "add", "globex")

    acme, globex = answer(app, "list")
    assert [key["fingerprint"] for key in acme["sftp_keys"]] == [fingerprint]
    assert acme["sftp_keys"][0]["added_at"].startswith("2026-01-01T00:00:0")
    assert globex["sftp_keys"] == []
    assert answer(app, "show", "acme") == acme
    assert fingerprint in run(app, "show", "acme").stdout


def test_one_key_is_revoked_and_the_other_stays(sftp: Sftp) -> None:
    (old, of_old), (new, of_new) = new_key(), new_key()
    answer(app, "add", "acme", "--ssh-key", old, "--ssh-key", new)

    assert answer(app, "revoke-key", "acme", of_old) == {"client_id": "acme", "revoked": [of_old]}
    assert [key["fingerprint"] for key in answer(app, "show", "acme")["sftp_keys"]] == [of_new]
    assert sftp.on_record[-1] == (Action.SFTP_KEY_REVOKE, of_old)
    assert "has no SSH key" in failure(app, "revoke-key", "acme", of_old)


def test_all_keys_go_with_the_user_and_the_client_can_come_back(sftp: Sftp) -> None:
    line, fingerprint = new_key()
    answer(app, "add", "acme", "--ssh-key", line)

    revoked = answer(app, "revoke-key", "acme", "--all", "--reason", "contract ended")
    assert revoked["revoked"] == [fingerprint]
    assert sftp.transfer.users == {}
    assert Client("acme") in sftp.desk.catalog
    assert sftp.on_record[-1] == (Action.SFTP_KEY_REVOKE, "all")
    assert "has no SFTP user" in failure(app, "revoke-key", "acme", "--all")
    assert len(answer(app, "add", "acme", "--ssh-key", line)["sftp_keys"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "ab", "--ssh-key", new_key()[0]), "ab cannot be an SFTP user"),
        (("add", "acme", "--ssh-key", "ssh-dss AAAA"), "keys of type ssh-dss are not taken"),
        (("revoke-key", "acme"), "which key?"),
        (("revoke-key", "acme", "SHA256:x", "--all"), "which key?"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_changed(
    sftp: Sftp, arguments: tuple[str, ...], said: str
) -> None:
    assert said in failure(app, *arguments)
    assert (sftp.transfer.changes, sftp.bucket.puts, sftp.on_record) == ([], [], [])
    assert list(sftp.desk.catalog.clients()) == []


def test_a_stack_without_sftp_says_so_before_anything_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with desk(monkeypatch) as behind:
        said = failure(app, "add", "acme", "--ssh-key", new_key()[0])
        assert "stack test has no SFTP" in said
        assert "Sftp=true" in said
        assert list(behind.catalog.clients()) == []
        assert "has no SFTP" in failure(app, "revoke-key", "acme", "--all")
    assert open_sftp(Stack("test", "eu-west-1", {})) is None
