"""The local AWS, really started with template.yaml, and really gone afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pointflow_local import launcher, processes
from pointflow_local.errors import LocalStackError
from pointflow_local.processes import ProcessId, alive, carriers, started
from pointflow_local.stack import bring_down, bring_up
from pointflow_local.state import LocalStack, home, read_state, running, write_state

pytestmark = pytest.mark.timeout(300)

OWN_NETWORK_TABLES = ("tcp", "tcp6", "udp", "udp6")
TCP_LISTENS = "0A"
LOOPBACK = "0100007F"


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POINTFLOW_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def up(shared_home: Path) -> Iterator[LocalStack]:
    """A stack that several tests look at and none changes."""
    yield bring_up().stack
    bring_down()


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for a stack of the test's own, which is down afterwards whatever happens."""
    monkeypatch.setenv("POINTFLOW_HOME", str(tmp_path / "own"))
    yield tmp_path / "own"
    bring_down()


def client(stack: LocalStack, service: str, *, key: str | None = None) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=stack.region,
        endpoint_url=stack.endpoint_url,
        aws_access_key_id=key or stack.access_key,
        aws_secret_access_key=key or stack.secret_key,
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )


def eventually(what: str, holds: Callable[[], bool], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.1)


def start_a_worker(stack: LocalStack) -> None:
    """Have a function refuse a record, so that a worker process stands."""
    record = {
        "messageId": "1",
        "receiptHandle": "nobody's",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:nowhere",
    }
    answer = client(stack, "lambda").invoke(
        FunctionName=stack.outputs["BatchReportFunctionName"],
        Payload=json.dumps({"Records": [record]}),
    )
    assert json.load(answer["Payload"]) == {"batchItemFailures": [{"itemIdentifier": "1"}]}


def listening_addresses(process: ProcessId) -> set[str]:
    """Local addresses, as the kernel writes them, that the process or a child listens on."""
    addresses = set()
    for pid in [carrier.pid for carrier in carriers(process.token)]:
        sockets = {
            str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()
        }
        for table in OWN_NETWORK_TABLES:
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                listens = fields[3] == TCP_LISTENS or table.startswith("udp")
                if listens and f"socket:[{fields[9]}]" in sockets:
                    addresses.add(fields[1].partition(":")[0])
    return addresses


def test_it_is_deployed_from_the_template_with_all_that_the_template_promises(
    up: LocalStack,
) -> None:
    queues = [up.outputs[f"{name}QueueUrl"] for name in ("Upload", "Part", "Credit", "Report")]
    for queue in queues:
        client(up, "sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    client(up, "s3").head_bucket(Bucket=up.outputs["BucketName"])
    for name in ("Catalog", "Members", "Ledger", "Batches"):
        table = up.outputs[f"{name}TableName"]
        backups = client(up, "dynamodb").describe_continuous_backups(TableName=table)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    mappings = client(up, "lambda").list_event_source_mappings()["EventSourceMappings"]
    assert len(mappings) >= len(queues)


def test_it_listens_on_the_loopback_address_only(up: LocalStack) -> None:
    start_a_worker(up)
    assert len(carriers(up.process.token)) > 1
    assert listening_addresses(up.process) == {LOOPBACK}


def test_a_second_up_reports_the_running_stack_and_changes_nothing(up: LocalStack) -> None:
    again = bring_up()
    assert not again.started
    assert again.stack == up
    assert running() == up


def test_down_leaves_no_process_and_no_temporary_file(own_home: Path) -> None:
    stack = bring_up().stack
    start_a_worker(stack)
    scratch = own_home / "tmp"
    assert list(scratch.rglob("ministack-lambda-*"))
    assert len(carriers(stack.process.token)) > 1

    assert bring_down()

    assert carriers(stack.process.token) == []
    assert list(scratch.iterdir()) == []
    assert running() is None
    assert not bring_down()


def test_workers_of_a_server_that_was_killed_are_ended_by_down(own_home: Path) -> None:
    stack = bring_up().stack
    start_a_worker(stack)
    os.kill(stack.process.pid, signal.SIGKILL)
    eventually("the server is gone", lambda: not alive(stack.process))
    assert running() is None

    bring_down()

    assert carriers(stack.process.token) == []
    assert list((own_home / "tmp").iterdir()) == []


def test_up_after_a_killed_server_starts_afresh(own_home: Path) -> None:
    first = bring_up().stack
    os.kill(first.process.pid, signal.SIGKILL)
    eventually("the server is gone", lambda: not alive(first.process))

    second = bring_up()

    assert second.started
    assert carriers(first.process.token) == []


def test_a_server_that_does_not_end_in_its_own_time_is_killed() -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{deaf}; time.sleep(600)"], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        start = started(server.pid)
        assert start is not None
        processes.end(ProcessId(server.pid, start, "carried by nobody"), patience=0.2)
        assert server.wait(5) == -signal.SIGKILL


def test_down_never_ends_a_stranger_that_got_the_same_pid(own_home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        try:
            write_state(
                LocalStack(
                    endpoint_url="http://127.0.0.1:4566",
                    region="us-east-1",
                    access_key="test",
                    secret_key="test",
                    process=ProcessId(stranger.pid, "long ago", "carried by nobody"),
                    outputs={"BucketName": "b"},
                )
            )
            assert not bring_down()
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_free_port_is_taken_when_the_usual_one_is_not(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        usual = taken.getsockname()[1]
        monkeypatch.setattr(launcher, "DEFAULT_PORT", usual)
        stack = launcher.start(keep=False, auth=False)
        assert stack.port != usual
        client(stack, "sqs").list_queues()


def test_a_port_that_is_taken_at_the_last_moment_costs_another_try(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        usual = taken.getsockname()[1]
        free = launcher.free_ports(0)
        offered = iter([launcher.Ports(usual, free.sftp), free])
        monkeypatch.setattr(launcher, "free_ports", lambda _: next(offered))
        assert launcher.start(keep=False, auth=False).port == free.gateway


def test_a_server_that_cannot_start_is_told_with_the_end_of_its_log(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "HOST", "192.0.2.1")  # an address that no machine has
    monkeypatch.setattr(launcher, "free_ports", lambda _: launcher.Ports(4999, 4998))
    with pytest.raises(LocalStackError, match=r"ended while starting: .*[Aa]ddress") as told:
        launcher.start(keep=False, auth=False)
    assert str(launcher.log_file()) in told.value.next_step
    assert read_state() is None


def test_a_template_that_cannot_be_deployed_is_told_in_one_line_and_nothing_runs_on(
    own_home: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text("Resources:\n  Gate:\n    Type: AWS::Transfer::Server\n")
    with pytest.raises(LocalStackError, match="AWS::Transfer::Server") as told:
        bring_up(template=broken)
    assert "\n" not in str(told.value)
    assert read_state() is None
    assert list((own_home / "tmp").iterdir()) == []


def test_a_parameter_that_the_template_does_not_have_is_named_with_those_it_has(
    own_home: Path,
) -> None:
    with pytest.raises(LocalStackError, match="no parameter CellSize") as told:
        bring_up(parameters={"CellSize": "1"})
    assert "CellBytes" in told.value.next_step


def test_what_was_kept_is_there_and_works_after_down_and_up(own_home: Path) -> None:
    first = bring_up(keep=True).stack
    client(first, "dynamodb").put_item(
        TableName=first.outputs["CatalogTableName"],
        Item={"client_id": {"S": "acme"}, "item": {"S": "CLIENT"}},
    )
    client(first, "s3").put_object(
        Bucket=first.outputs["BucketName"], Key="outbound/acme/kept.json", Body=b"{}"
    )
    # What is in flight when the stack goes down stays hidden for half an hour.
    assert_uploads_still_arrive(first)
    bring_down()

    second = bring_up(keep=True).stack

    assert second.outputs == first.outputs
    assert second.process != first.process
    kept = client(second, "dynamodb").get_item(
        TableName=second.outputs["CatalogTableName"],
        Key={"client_id": {"S": "acme"}, "item": {"S": "CLIENT"}},
    )
    assert kept["Item"]["client_id"] == {"S": "acme"}
    body = client(second, "s3").get_object(
        Bucket=second.outputs["BucketName"], Key="outbound/acme/kept.json"
    )["Body"]
    assert body.read() == b"{}"
    assert_uploads_still_arrive(second)


def assert_uploads_still_arrive(stack: LocalStack) -> None:
    """A message that batch_intake ignores is taken from the queue: mapping and code work."""
    queue = stack.outputs["UploadQueueUrl"]
    client(stack, "sqs").send_message(
        QueueUrl=queue, MessageBody='{"Service": "Amazon S3", "Event": "s3:TestEvent"}'
    )

    def consumed() -> bool:
        counts = client(stack, "sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])[
            "Attributes"
        ]
        waiting = counts["ApproximateNumberOfMessages"]
        in_flight = counts["ApproximateNumberOfMessagesNotVisible"]
        return (waiting, in_flight) == ("0", "0")

    eventually("the upload queue is empty", consumed)


def test_an_up_without_keep_starts_empty_and_leaves_what_was_kept(own_home: Path) -> None:
    def put_and_list(stack: LocalStack, key: str) -> list[str]:
        s3 = client(stack, "s3")
        s3.put_object(Bucket=stack.outputs["BucketName"], Key=key, Body=b"")
        listed = s3.list_objects_v2(Bucket=stack.outputs["BucketName"])
        return [item["Key"] for item in listed["Contents"]]

    put_and_list(bring_up(keep=True).stack, "outbound/kept")
    bring_down()
    assert put_and_list(bring_up().stack, "outbound/passing") == ["outbound/passing"]
    bring_down()
    assert put_and_list(bring_up(keep=True).stack, "outbound/new") == [
        "outbound/kept",
        "outbound/new",
    ]


def test_kept_state_whose_port_is_taken_is_told_with_the_port(own_home: Path) -> None:
    port = launcher.start(keep=True, auth=False).port
    bring_down()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(LocalStackError, match=f"lives on port {port}"),
    ):
        bring_up(keep=True)


def test_with_auth_only_the_owner_is_let_in(own_home: Path) -> None:
    stack = bring_up(auth=True).stack
    client(stack, "sqs").list_queues()
    with pytest.raises(ClientError, match=r"InvalidClientTokenId|security token"):
        client(stack, "sqs", key="AKIAIOSFODNN7EXAMPLE").list_queues()


def test_while_one_command_starts_the_stack_another_is_turned_away(own_home: Path) -> None:
    def try_another(_: LocalStack) -> None:
        with pytest.raises(LocalStackError, match="right now"):
            bring_down()

    assert bring_up(prepare=try_another).started


def test_when_filling_the_stack_fails_nothing_runs_on(own_home: Path) -> None:
    def refuse(_: LocalStack) -> None:
        raise ValueError("no samples today")

    with pytest.raises(ValueError, match="no samples today"):
        bring_up(prepare=refuse)
    assert read_state() is None
    assert home() == own_home


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"ApiDomainName": "points.example.com"}, "ApiDomainName wants ApiCertificateArn"),
        ({"WarmWriteUnits": "5"}, "must be 0, or lie from 4000"),
    ],
)
@pytest.mark.usefixtures("own_home")
def test_parameters_that_cannot_be_meant_are_refused_with_what_is_wrong(
    parameters: dict[str, str], said: str
) -> None:
    with pytest.raises(LocalStackError, match=said) as refused:
        bring_up(parameters=parameters)

    assert str(refused.value).startswith("the parameters are refused")
    assert running() is None
