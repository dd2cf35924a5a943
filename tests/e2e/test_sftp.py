"""SFTP as two clients see it, one's id the beginning of the other's: each is alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from tests.e2e.conftest import DeployedStack

PAIR = ("mile", "mile2")
FOLDERS = ("inbound", "dryrun", "outbound")
SECRET = "secret.filepart"  # a temporary name: nobody takes it in

type Act = Callable[[asyncssh.SFTPClient], Awaitable[object]]


@dataclass(frozen=True)
class Person:
    """Somebody at a client, with a key that was given to `clients add`."""

    stack: DeployedStack
    client_id: str
    key: asyncssh.SSHKey

    @property
    def public(self) -> str:
        return self.key.export_public_key("openssh").decode().strip()

    @property
    def fingerprint(self) -> str:
        return self.key.get_fingerprint()

    def does(self, *acts: Act, name: str | None = None) -> list[str]:
        """Log in and try each; `done`, or the error's name."""

        async def tried(sftp: asyncssh.SFTPClient, act: Act) -> str:
            try:
                await act(sftp)
            except asyncssh.SFTPError as error:
                return type(error).__name__
            return "done"

        async def visit() -> list[str]:
            async with (
                asyncssh.connect(
                    "127.0.0.1",
                    self.port,
                    username=name or self.client_id,
                    client_keys=[self.key],
                    known_hosts=str(self.home / "sftp" / "known_hosts"),
                    config=None,
                    agent_path=None,
                ) as connection,
                connection.start_sftp_client() as sftp,
            ):
                return [await tried(sftp, act) for act in acts]

        return asyncio.run(visit())

    @property
    def home(self) -> Path:
        return Path(self.stack.env["POINTFLOW_HOME"])

    @property
    def port(self) -> int:
        return int(json.loads((self.home / "local.json").read_text())["sftp_port"])


def person(stack: DeployedStack, client_id: str) -> Person:
    return Person(stack, client_id, asyncssh.generate_private_key("ssh-ed25519"))


@pytest.fixture(scope="module")
def people(stack: DeployedStack) -> tuple[Person, Person]:
    """One person at each of the two clients, whose folders hold a secret each."""
    one, other = (person(stack, client_id) for client_id in PAIR)
    for each in (one, other):
        added = stack.pointflow("clients", "add", each.client_id, "--ssh-key", each.public)
        assert added.code == 0, added.err
        for folder in FOLDERS:
            stack.upload(f"{folder}/{each.client_id}/{SECRET}", each.client_id.encode())
    return one, other


def of(stack: DeployedStack, client_id: str) -> list[tuple[str, str]]:
    """Every version and delete marker in a client's folders."""
    s3, bucket = stack.aws("s3"), stack.outputs["BucketName"]
    found: list[tuple[str, str]] = []
    for folder in FOLDERS:
        listed = s3.list_object_versions(Bucket=bucket, Prefix=f"{folder}/{client_id}/")
        entries = [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]
        found += [(each["Key"], each["VersionId"]) for each in entries]
    return found


def names_of(owner: str, bucket: str) -> list[str]:
    """Ways to name a file of that client from within another's session."""
    return [
        way
        for folder in FOLDERS
        for way in (
            f"/{folder}/../{owner}/{SECRET}",
            f"/{folder}/../../{folder}/{owner}/{SECRET}",
            f"../{owner}/{SECRET}",
            f"/{folder}/{owner}/{SECRET}",
            f"/{owner}/{SECRET}",
            f"/{bucket}/{folder}/{owner}/{SECRET}",
            f"//{folder}//..//..//{folder}/{owner}//{SECRET}",
            f"/{folder}\\..\\{owner}\\{SECRET}",
            f"/{folder}2/{SECRET}",
            f"/{folder}/..{owner}/{SECRET}",
        )
    ]


async def listing(sftp: asyncssh.SFTPClient, path: str) -> None:
    """List a folder; an empty answer tells nothing and counts as refused."""
    if not {str(name) for name in await sftp.listdir(path)} - {".", ".."}:
        raise asyncssh.SFTPNoSuchFile("nothing there")


async def reading(sftp: asyncssh.SFTPClient, path: str) -> None:
    async with sftp.open(path, "rb") as file:
        await file.read()


def test_a_client_is_at_home_in_its_own_folders(people: tuple[Person, Person]) -> None:
    for each in people:
        assert (
            each.does(
                lambda sftp: reading(sftp, f"/inbound/{SECRET}"),
                lambda sftp: listing(sftp, "/outbound"),
                lambda sftp: sftp.posix_rename(f"/dryrun/{SECRET}", f"/dryrun/b{SECRET}"),
                lambda sftp: sftp.posix_rename(f"/dryrun/b{SECRET}", f"/dryrun/{SECRET}"),
            )
            == ["done"] * 4
        )


@pytest.mark.parametrize("direction", [(0, 1), (1, 0)], ids=["to the longer", "to the shorter"])
def test_neither_reaches_the_other_ones_files_by_any_name(
    stack: DeployedStack, people: tuple[Person, Person], direction: tuple[int, int]
) -> None:
    intruder, owner = (people[index] for index in direction)
    before = of(stack, owner.client_id)
    ways = names_of(owner.client_id, stack.outputs["BucketName"])
    reads: list[Act] = []
    for way in ways:
        reads += [
            lambda sftp, way=way: sftp.stat(way),  # type: ignore[misc]
            lambda sftp, way=way: sftp.lstat(way),  # type: ignore[misc]
            lambda sftp, way=way: reading(sftp, way),  # type: ignore[misc]
            lambda sftp, way=way: sftp.remove(way),  # type: ignore[misc]
            lambda sftp, way=way: sftp.rename(way, "/inbound/stolen.filepart"),  # type: ignore[misc]
            lambda sftp, way=way: sftp.posix_rename(way, "/inbound/stolen.filepart"),  # type: ignore[misc]
            lambda sftp, way=way: sftp.symlink(way, "/inbound/link.filepart"),  # type: ignore[misc]
            lambda sftp, way=way: sftp.link(way, "/inbound/link.filepart"),  # type: ignore[misc]
        ]
    folders = {way.rpartition("/")[0] for way in ways} - {""}  # the root is the intruder's own
    assert folders
    reads += [lambda sftp, folder=folder: listing(sftp, folder) for folder in folders]  # type: ignore[misc]

    assert "done" not in intruder.does(*reads)

    # Where such a name lies in the intruder's own folders it may be written: not in the owner's.
    intruder.does(
        *(lambda sftp, way=way: sftp.put(__file__, way) for way in ways),
        *(lambda sftp, way=way: sftp.mkdir(way) for way in ways),
        *(lambda sftp, way=way: sftp.posix_rename(f"/inbound/{SECRET}", way) for way in ways),
    )
    assert of(stack, owner.client_id) == before


def test_a_key_opens_one_clients_door(people: tuple[Person, Person]) -> None:
    one, other = people
    for intruder, owner in ((one, other), (other, one)):
        with pytest.raises(asyncssh.PermissionDenied):
            intruder.does(name=owner.client_id)


def test_an_unknown_key_and_a_revoked_one_are_refused(
    stack: DeployedStack, people: tuple[Person, Person]
) -> None:
    owner = people[0]
    newcomer = person(stack, owner.client_id)
    with pytest.raises(asyncssh.PermissionDenied):
        newcomer.does()

    added = stack.pointflow(
        "clients", "add", owner.client_id, "--ssh-key", newcomer.public, "--json"
    )
    assert added.code == 0, added.err
    fingerprints = {key["fingerprint"] for key in added.json["sftp_keys"]}
    assert {owner.fingerprint, newcomer.fingerprint} < fingerprints  # and the one made here
    assert newcomer.does(lambda sftp: listing(sftp, "/")) == ["done"]

    revoked = stack.pointflow("clients", "revoke-key", owner.client_id, newcomer.fingerprint)
    assert revoked.code == 0, revoked.err
    with pytest.raises(asyncssh.PermissionDenied):
        newcomer.does()
    assert owner.does(lambda sftp: listing(sftp, "/")) == ["done"]
