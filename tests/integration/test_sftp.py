"""SFTP as a client sees it: asyncssh against the local AWS, with everything behind it deployed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote_plus
from uuid import uuid4

import asyncssh
import pytest

from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.domain.client import Client
from pointflow_local import launcher
from pointflow_local.clients import local_client
from pointflow_local.errors import LocalStackError
from pointflow_local.processes import alive
from pointflow_local.samples import load_samples
from pointflow_local.sftp_access import SftpAccess, sftp_access
from pointflow_local.sftp_client import upload_over_sftp
from pointflow_local.sftp_keys import host_key_file, known_hosts_file, sftp_folder
from pointflow_local.sftp_users import open_server, user_of
from pointflow_local.stack import bring_down, bring_up
from pointflow_local.state import LocalStack

pytestmark = pytest.mark.timeout(300)

MEMBER = "acme#M#1001"
SECRET = "secret.filepart"

TO_GLOBEX = [
    "/inbound/globex/secret.filepart",
    "/inbound/../globex/secret.filepart",
    "/inbound/../../inbound/globex/secret.filepart",
    "../globex/secret.filepart",
    "inbound/../../../inbound/globex/secret.filepart",
    "/outbound/../../globex/secret.filepart",
    "//inbound//..//..//inbound/globex//secret.filepart",
    "/inbound\\..\\globex\\secret.filepart",
    "/globex/secret.filepart",
    "/BUCKET/inbound/globex/secret.filepart",
    "/inbound/../BUCKET/inbound/globex/secret.filepart",
    "/inboundglobex/secret.filepart",
    "/inbound-globex/secret.filepart",
]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POINTFLOW_HOME", str(tmp_path_factory.mktemp("sftp")))
        yield bring_up(prepare=load_samples).stack
        bring_down()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for a stack of the test's own, which is down afterwards whatever happens."""
    monkeypatch.setenv("POINTFLOW_HOME", str(tmp_path / "own"))
    yield tmp_path / "own"
    bring_down()


def access_of(stack: LocalStack, client_id: str) -> SftpAccess:
    access = sftp_access(stack, client_id)
    assert access is not None
    return access


@contextlib.asynccontextmanager
async def connected(
    access: SftpAccess,
) -> AsyncIterator[tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]]:
    async with (
        asyncssh.connect(
            access.host,
            access.port,
            username=access.username,
            client_keys=[access.key_file],
            known_hosts=access.known_hosts_file,
            config=None,
            agent_path=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        yield connection, sftp


def as_client[Answer](
    access: SftpAccess, act: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, Answer]]
) -> Answer:
    """What somebody gets who logs in, does that, and leaves."""

    async def visit() -> Answer:
        async with connected(access) as (_, sftp):
            return await act(sftp)

    return asyncio.run(visit())


def put(access: SftpAccess, path: str, content: bytes) -> None:
    async def act(sftp: asyncssh.SFTPClient) -> None:
        async with sftp.open(path, "wb") as file:
            await file.write(content)

    as_client(access, act)


def get(access: SftpAccess, path: str) -> bytes:
    async def act(sftp: asyncssh.SFTPClient) -> bytes:
        async with sftp.open(path, "rb") as file:
            content = await file.read()
            assert isinstance(content, bytes)
            return content

    return as_client(access, act)


def names(access: SftpAccess, folder: str) -> set[str]:
    async def act(sftp: asyncssh.SFTPClient) -> set[str]:
        return {str(name) for name in await sftp.listdir(folder)} - {".", ".."}

    return as_client(access, act)


def eventually(what: str, holds: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.1)


def balance(stack: LocalStack) -> int:
    item = local_client(stack, "dynamodb").get_item(
        TableName=stack.outputs["MembersTableName"], Key={"key": {"S": MEMBER}}
    )["Item"]
    return int(item["balance"]["N"])


def versions(stack: LocalStack, prefix: str) -> list[dict[str, Any]]:
    bucket = stack.outputs["BucketName"]
    listed = local_client(stack, "s3").list_object_versions(Bucket=bucket, Prefix=prefix)
    return [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]


def rows(*points: int) -> bytes:
    """A batch for the member; equal ones would be held as sent by mistake."""
    row = "testing@crowdtwist.com|||testusername|126456789|"
    return "".join(f"{row}{each}\n" for each in points).encode()


def batch_name() -> str:
    """A name no other test uses."""
    moment = 1_900_000_000 + uuid4().int % 100_000_000
    return time.strftime("activities_acme_%Y%m%d%H%M%S.txt", time.gmtime(moment))


def result_of(access: SftpAccess, name: str) -> Any:
    result = name.replace(".txt", "_result.json")
    eventually(f"{result} is there", lambda: result in names(access, "/outbound"))
    return json.loads(get(access, f"/outbound/{result}"))


def test_an_uploaded_file_is_credited_and_its_result_comes_back_over_sftp(
    up: LocalStack, tmp_path: Path
) -> None:
    acme = access_of(up, "acme")
    before = balance(up)
    batch = tmp_path / batch_name()
    batch.write_bytes(rows(40))

    upload_over_sftp(up, "acme", batch)

    assert result_of(acme, batch.name)["status"] == "COMPLETED"
    assert balance(up) == before + 40
    assert batch.name in names(acme, "/inbound")
    assert get(acme, f"/inbound/{batch.name}") == rows(40)


def test_a_file_put_under_its_own_name_is_credited_once(up: LocalStack) -> None:
    acme, name = access_of(up, "acme"), batch_name()
    before = balance(up)
    put(acme, f"/inbound/{name}", rows(50, 60))
    assert result_of(acme, name)["rows"] == 2
    assert balance(up) == before + 110
    assert len(versions(up, f"inbound/acme/{name}")) == 1


def test_a_file_is_credited_when_it_is_renamed_and_not_before(up: LocalStack) -> None:
    acme, name = access_of(up, "acme"), batch_name()
    before = balance(up)
    put(acme, f"/inbound/{name}.filepart", rows(70))
    # What comes after it and is through shows that it was passed over.
    other = batch_name()
    put(acme, f"/inbound/{other}", rows(80))
    result_of(acme, other)
    assert balance(up) == before + 80

    as_client(acme, lambda sftp: sftp.rename(f"/inbound/{name}.filepart", f"/inbound/{name}"))

    result_of(acme, name)
    assert balance(up) == before + 150
    assert not any(found.startswith(f"{name}.") for found in names(acme, "/inbound"))


def test_what_is_left_open_when_the_connection_breaks_is_no_file(up: LocalStack) -> None:
    acme, name = access_of(up, "acme"), batch_name()
    ended = "SFTP server exited"
    sessions = launcher.log_file().read_text().count(ended)

    async def break_off() -> None:
        async with connected(acme) as (connection, sftp):
            file = await sftp.open(f"/inbound/{name}", "wb")
            await file.write(rows(90))
            connection.abort()
            await connection.wait_closed()

    with contextlib.suppress(asyncssh.Error):
        asyncio.run(break_off())

    eventually(
        "the server has seen it", lambda: launcher.log_file().read_text().count(ended) > sessions
    )
    assert versions(up, f"inbound/acme/{name}") == []
    assert name not in names(acme, "/inbound")


def test_every_upload_is_told_of_as_s3_tells_of_its_own(up: LocalStack) -> None:
    with own_bucket(up) as (bucket, queue):
        acme = user_in(up, bucket)
        name = "été + 1 (a=b&c).txt"
        local_client(up, "s3").put_object(Bucket=bucket, Key=f"inbound/acme/{name}", Body=b"s3")
        of_s3 = notification(up, queue)
        put(acme, f"/inbound/{name}", b"over sftp")
        of_sftp = notification(up, queue)
        head = local_client(up, "s3").head_object(Bucket=bucket, Key=f"inbound/acme/{name}")
        as_client(acme, lambda sftp: sftp.posix_rename(f"/inbound/{name}", "/inbound/b.txt"))
        of_rename = notification(up, queue)

    told = of_sftp["s3"]["object"]
    assert (told["key"], told["size"]) == (quote_plus(f"inbound/acme/{name}", safe="/"), 9)
    assert (told["versionId"], f'"{told["eTag"]}"') == (head["VersionId"], head["ETag"])
    assert told["sequencer"] > of_s3["s3"]["object"]["sequencer"]
    assert (of_sftp["eventName"], of_sftp.keys()) == (of_s3["eventName"], of_s3.keys())
    assert told.keys() == of_s3["s3"]["object"].keys()
    assert head["Metadata"]["user-agent"] == "AWSTransfer"
    assert of_rename["eventName"] == "ObjectCreated:Copy"
    assert of_rename["s3"]["object"]["key"] == "inbound/acme/b.txt"
    assert of_rename["s3"]["object"]["size"] == 9


@contextlib.contextmanager
def own_bucket(stack: LocalStack) -> Iterator[tuple[str, str]]:
    """A versioned bucket that tells a queue what is created in it."""
    s3, sqs = local_client(stack, "s3"), local_client(stack, "sqs")
    name = f"own-{uuid4().hex}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    arn = f"arn:aws:sqs:{stack.region}:000000000000:{name}"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(
        QueueUrl=queue,
        Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})},
    )
    told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": [told]}
    )
    yield name, queue


def user_in(stack: LocalStack, bucket: str) -> SftpAccess:
    """Somebody with acme's key and acme's folders of another bucket."""
    user = {**user_of("acme", bucket), "UserName": f"user-{uuid4().hex}"}
    local_client(stack, "transfer").create_user(ServerId=open_server(stack), **user)
    return replace(access_of(stack, "acme"), username=user["UserName"])


def notification(stack: LocalStack, queue: str) -> Any:
    """The next record in the queue."""
    sqs = local_client(stack, "sqs")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            if "Records" in (body := json.loads(message["Body"])):
                return body["Records"][0]
    raise AssertionError("nothing was told")


def test_a_client_sees_its_three_folders_and_nothing_else(up: LocalStack) -> None:
    for client_id in ("acme", "globex"):
        access = access_of(up, client_id)
        assert names(access, "/") == {"inbound", "dryrun", "outbound"}
        assert names(access, "/..") == {"inbound", "dryrun", "outbound"}
        assert as_client(access, lambda sftp: sftp.isdir("/inbound"))


def refused(access: SftpAccess, act: Callable[[asyncssh.SFTPClient], Any]) -> bool:
    async def attempt(sftp: asyncssh.SFTPClient) -> bool:
        try:
            await act(sftp)
        except asyncssh.SFTPError:
            return True
        return False

    return as_client(access, attempt)


@pytest.fixture
def secrets(up: LocalStack) -> Iterator[LocalStack]:
    """A file in each of globex's folders; nothing but acme's folders may change meanwhile."""
    s3, bucket = local_client(up, "s3"), up.outputs["BucketName"]
    for folder in ("inbound", "dryrun", "outbound"):
        s3.put_object(Bucket=bucket, Key=f"{folder}/globex/{SECRET}", Body=b"globex's own")
    before = foreign(up)
    yield up
    assert foreign(up) == before


def foreign(stack: LocalStack) -> list[dict[str, Any]]:
    """Every version of what is not acme's."""
    acmes = ("inbound/acme/", "dryrun/acme/", "outbound/acme/", "rejects/acme/")
    return [found for found in versions(stack, "") if not found["Key"].startswith(acmes)]


@pytest.mark.parametrize("path", TO_GLOBEX)
def test_a_client_cannot_reach_another_ones_files_by_any_name(
    secrets: LocalStack, path: str
) -> None:
    acme = access_of(secrets, "acme")
    theirs = path.replace("BUCKET", secrets.outputs["BucketName"])
    put(acme, "/inbound/mine.filepart", b"mine")

    assert refused(acme, lambda sftp: sftp.stat(theirs))
    assert refused(acme, lambda sftp: sftp.open(theirs, "rb"))
    assert refused(acme, lambda sftp: sftp.remove(theirs))
    assert refused(acme, lambda sftp: sftp.rename(theirs, "/inbound/stolen.filepart"))
    assert refused(acme, lambda sftp: sftp.posix_rename(theirs, "/inbound/stolen.filepart"))
    assert refused(acme, lambda sftp: sftp.listdir(theirs)) or names(acme, theirs) == set()
    folder = str(PurePosixPath(theirs).parent)
    assert refused(acme, lambda sftp: sftp.listdir(folder)) or SECRET not in names(acme, folder)
    # Where the name lies in acme's own folders it may be written: `secrets` sees to the rest.
    for write, undo in (
        (lambda sftp: sftp.put(os.devnull, theirs), lambda sftp: sftp.remove(theirs)),
        (lambda sftp: sftp.mkdir(theirs), lambda sftp: sftp.rmdir(theirs)),
        (
            lambda sftp: sftp.posix_rename("/inbound/mine.filepart", theirs),
            lambda sftp: sftp.remove(theirs),
        ),
    ):
        assert refused(acme, write) or not refused(acme, undo)


def test_there_are_no_links_and_no_view_of_this_machine(secrets: LocalStack) -> None:
    acme = access_of(secrets, "acme")
    target = "/inbound/../../inbound/globex/secret.filepart"
    assert refused(acme, lambda sftp: sftp.symlink(target, "/inbound/link.filepart"))
    assert refused(acme, lambda sftp: sftp.link(target, "/inbound/link.filepart"))
    assert refused(acme, lambda sftp: sftp.readlink(target))
    assert refused(acme, lambda sftp: sftp.statvfs("/"))
    for path in ("/etc/passwd", "/inbound/../../../../etc/passwd"):
        assert refused(acme, lambda sftp, path=path: sftp.open(path, "rb"))  # type: ignore[misc]
    for home in ("/", "/inbound", "/outbound"):
        assert refused(acme, lambda sftp, home=home: sftp.open(home, "wb"))  # type: ignore[misc]
        assert refused(acme, lambda sftp, home=home: sftp.remove(home))  # type: ignore[misc]


@pytest.mark.parametrize("name", ["globex", "nobody", "acme/../globex", ""])
def test_a_key_opens_its_own_clients_door_only(up: LocalStack, name: str) -> None:
    with pytest.raises(asyncssh.Error, match="denied"):
        names(replace(access_of(up, "acme"), username=name), "/")


def test_there_is_no_way_in_but_sftp(up: LocalStack) -> None:
    async def run_a_command() -> None:
        async with connected(access_of(up, "acme")) as (connection, _):
            await connection.run("id", check=True)

    async def forward_a_port() -> None:
        async with connected(access_of(up, "acme")) as (connection, _):
            await connection.open_connection("127.0.0.1", up.port)

    for attempt in (run_a_command, forward_a_port):
        with pytest.raises(asyncssh.ChannelOpenError):
            asyncio.run(attempt())


def test_files_can_be_replaced_continued_and_removed(up: LocalStack) -> None:
    acme = access_of(up, "acme")
    put(acme, "/inbound/a.filepart", b"first")
    put(acme, "/inbound/a.filepart", b"second")

    async def change(sftp: asyncssh.SFTPClient) -> None:
        async with sftp.open("/inbound/a.filepart", "r+b") as file:
            await file.seek(6)
            await file.write(b" and third")

    as_client(acme, change)
    assert get(acme, "/inbound/a.filepart") == b"second and third"
    put(acme, "/inbound/b.filepart", b"b")
    assert refused(acme, lambda sftp: sftp.rename("/inbound/b.filepart", "/inbound/a.filepart"))
    assert refused(acme, lambda sftp: sftp.open("/inbound/a.filepart", "xb"))

    as_client(acme, lambda sftp: sftp.posix_rename("/inbound/a.filepart", "/inbound/a.filepart"))
    assert get(acme, "/inbound/a.filepart") == b"second and third"
    as_client(acme, lambda sftp: sftp.remove("/inbound/a.filepart"))
    assert "a.filepart" not in names(acme, "/inbound")
    assert refused(acme, lambda sftp: sftp.remove("/inbound/a.filepart"))
    assert len(versions(up, "inbound/acme/a.filepart")) == 4


def test_a_client_that_is_added_gets_its_user_at_the_next_up(up: LocalStack) -> None:
    catalog = DynamoDBCatalog(local_client(up, "dynamodb"), up.outputs["CatalogTableName"])
    for added in ("initech", "ab"):
        catalog.put_client(Client(added))
    assert sftp_access(up, "initech") is None

    assert not bring_up().started

    assert names(access_of(up, "initech"), "/") == {"inbound", "dryrun", "outbound"}
    assert names(access_of(up, "initech"), "/inbound") == set()
    # AWS takes no user's name of two characters, so there is none here either.
    assert sftp_access(up, "ab") is None


def test_an_upload_for_a_client_without_a_user_says_what_to_do(
    up: LocalStack, tmp_path: Path
) -> None:
    with pytest.raises(LocalStackError, match="nobody has no SFTP user"):
        upload_over_sftp(up, "nobody", tmp_path / "batch.txt")


def test_keys_are_private_and_gone_after_down(own_home: Path) -> None:
    stack = bring_up(prepare=load_samples).stack
    keys = [host_key_file(), Path(access_of(stack, "acme").key_file)]
    assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600, 0o600]
    bring_down()
    assert not sftp_folder().exists()


def test_a_server_that_is_killed_takes_its_sftp_along(own_home: Path, tmp_path: Path) -> None:
    stack = bring_up(prepare=load_samples).stack
    os.kill(stack.process.pid, signal.SIGKILL)
    eventually("the server is gone", lambda: not alive(stack.process))
    batch = tmp_path / batch_name()
    batch.write_bytes(rows(40))
    with pytest.raises(LocalStackError, match="was not uploaded"):
        upload_over_sftp(stack, "acme", batch)


def test_files_keys_and_the_servers_identity_are_kept(own_home: Path) -> None:
    first = bring_up(keep=True, prepare=load_samples).stack
    acme = access_of(first, "acme")
    put(acme, "/inbound/kept.filepart", b"kept")
    assert get(acme, "/inbound/kept.filepart") == b"kept"
    key = known_hosts_file().read_text().split()[2]
    bring_down()

    second = bring_up(keep=True).stack

    acme = access_of(second, "acme")
    assert known_hosts_file().read_text().split()[2] == key
    assert get(acme, "/inbound/kept.filepart") == b"kept"
    as_client(acme, lambda sftp: sftp.rename("/inbound/kept.filepart", "/inbound/on.filepart"))
    assert get(acme, "/inbound/on.filepart") == b"kept"


def test_an_sftp_port_that_is_taken_at_the_last_moment_costs_another_try(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = launcher.free_ports(0)
        offered = iter([launcher.Ports(free.gateway, taken.getsockname()[1]), free])
        monkeypatch.setattr(launcher, "free_ports", lambda _: next(offered))
        assert launcher.start(keep=False, auth=False).sftp_port == free.sftp
