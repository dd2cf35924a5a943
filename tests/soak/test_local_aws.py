"""A gigabyte through the stack on the local AWS, crediting switched off, counted from the messages.

`SOAK_LOCAL_GIGABYTES` says how many; 1 when it is not set. The local AWS keeps the object and every
message in memory, reads an object from its first byte for each cell, and looks through all of a
queue for each call: so cells are large here, and rows wide, for few messages.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from benchmarks.stubs import SyntheticFile
from pointflow.domain.messages import Chunk, decode_chunk

GIGABYTES = float(os.environ.get("SOAK_LOCAL_GIGABYTES", "1"))
CELL_BYTES = 128 << 20
PART_BYTES = 64 << 20
WIDER_BY = 140  # 500 rows are just under the 100,000 bytes of a chunk then
PATIENCE = 1800.0
NAME = "activities_acme_20261101000000.txt"


class Stack:
    """A stack of this test's own."""

    def __init__(self, home: Path) -> None:
        self._env = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
            "HOME": str(home),
            "POINTFLOW_HOME": str(home),
            "POINTFLOW_STACK": "local",
            "POINTFLOW_CLIENT": "acme",
        }
        self._home = home
        self.trouble = ""

    def pointflow(self, *arguments: str) -> str:
        ran = self._run(*arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("pointflow")), *arguments]
        return subprocess.run(
            command, env=self._env, capture_output=True, text=True, timeout=300, check=False
        )

    @property
    def local(self) -> Any:
        return json.loads((self._home / "local.json").read_text())

    def aws(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.local["endpoint_url"],
            region_name=self.local["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def batch(self) -> Any:
        return json.loads(self.pointflow("batch", "show", NAME, "--json"))

    def parsed(self) -> bool:
        # A local AWS that is busy with a gigabyte may be too slow for the command.
        ran = self._run("batch", "list", "--json")
        self.trouble = ran.stderr
        batches = json.loads(ran.stdout) if ran.returncode == 0 else []
        return [batch["status"] for batch in batches if batch["file"] == NAME] == ["CREDITING"]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """The stack, with nobody who credits."""
    stack = Stack(tmp_path)
    stack.pointflow("up", "--parameter", f"CellBytes={CELL_BYTES}", "--json")
    try:
        outputs, functions = stack.local["outputs"], stack.aws("lambda")
        mappings = functions.list_event_source_mappings(
            FunctionName=outputs["ActivityCreditFunctionName"]
        )["EventSourceMappings"]
        for mapping in mappings:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield stack
    finally:
        stack.pointflow("down")


@pytest.mark.timeout(3600)
def test_every_row_of_a_gigabyte_reaches_the_credit_queue_once(stack: Stack) -> None:
    page = len(SyntheticFile(1, wider_by=WIDER_BY).page)
    file = SyntheticFile(pages=int(GIGABYTES * 1e9 / page), wider_by=WIDER_BY)
    upload(stack, file)

    deadline = time.monotonic() + PATIENCE
    while not stack.parsed():
        assert time.monotonic() < deadline, f"the file was never parsed: {stack.trouble}"
        time.sleep(2)

    batch = stack.batch()
    assert (batch["rows"], batch["rejected"]) == (file.rows, file.rejected)
    chunks = Spans()
    for chunk in drained(stack):
        chunks.add(chunk)
    assert chunks.rows == file.rows - file.rejected
    assert chunks.row_bytes == file.valid_bytes
    assert chunks.lines() == file.rows - file.rejected


class Spans:
    """Chunks as they come off the queue, each counted once."""

    def __init__(self) -> None:
        self.rows = 0
        self.row_bytes = 0
        self._digests: dict[tuple[int, int], str] = {}
        self._segments: list[tuple[int, int]] = []

    def add(self, chunk: Chunk) -> None:
        key = chunk.cell, chunk.first_line
        if key in self._digests:
            assert self._digests[key] == chunk.digest, "a chunk was cut in two ways"
            return
        self._digests[key] = chunk.digest
        self._segments += chunk.segments
        self.rows += chunk.row_count
        self.row_bytes += len(chunk.rows)

    def lines(self) -> int:
        """How many different lines the chunks hold."""
        last = lines = 0
        for first, count in sorted(self._segments):
            assert first > last, f"line {first} was sent in two chunks"
            last, lines = first + count - 1, lines + count
        return lines


def upload(stack: Stack, file: SyntheticFile) -> None:
    s3, place = stack.aws("s3"), {"Bucket": stack.local["outputs"]["BucketName"]}
    place |= {"Key": f"inbound/acme/{NAME}"}
    upload_id = s3.create_multipart_upload(**place)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, file.size, PART_BYTES), 1):
        body = b"".join(file.read(start, start + PART_BYTES))
        answer = s3.upload_part(**place, UploadId=upload_id, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    s3.complete_multipart_upload(**place, UploadId=upload_id, MultipartUpload={"Parts": parts})


def drained(stack: Stack) -> Iterator[Chunk]:
    """Everything in CreditQueue."""
    sqs, url = stack.aws("sqs"), stack.local["outputs"]["CreditQueueUrl"]

    def take(_: int) -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=900)
        taken: list[dict[str, Any]] = messages.get("Messages", [])
        if taken:
            done = [
                {"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]}
                for at, message in enumerate(taken)
            ]
            assert not sqs.delete_message_batch(QueueUrl=url, Entries=done).get("Failed")
        return taken

    with ThreadPoolExecutor(4) as pool:
        while any(taken := list(pool.map(take, range(8)))):
            for message in (each for some in taken for each in some):
                yield decode_chunk(message["Body"])
