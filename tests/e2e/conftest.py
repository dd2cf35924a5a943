"""One deployed local stack for all end-to-end tests, with IAM policies enforced.

Tests speak to it as a user does: through the `pointflow` command, S3 and SQS.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

CELL_BYTES = 65536  # so small that ordinary test files have several cells
PATIENCE = 60.0  # seconds until something that must happen has happened


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class DeployedStack:
    """The stack under test."""

    env: Mapping[str, str]
    outputs: Mapping[str, str]
    endpoint_url: str
    region: str

    def pointflow(self, *arguments: str) -> Answer:
        """Run the command as a person does."""
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("pointflow")), *arguments],
            env=dict(self.env),
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        return Answer(ran.returncode, ran.stdout, ran.stderr)

    def aws(self, service: str) -> Any:
        """A client with the account owner's rights."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def upload(self, key: str, body: bytes) -> str:
        """Put an object where a client would; answers its version."""
        answer = self.aws("s3").put_object(Bucket=self.outputs["BucketName"], Key=key, Body=body)
        return str(answer["VersionId"])

    def result(self, key: str) -> Any:
        """Wait for a result file and read it."""
        return json.loads(self.object(key))

    def object(self, key: str) -> bytes:
        """Wait for an object and read it."""
        s3 = self.aws("s3")

        def read() -> bytes | None:
            try:
                answer = s3.get_object(Bucket=self.outputs["BucketName"], Key=key)
            except s3.exceptions.NoSuchKey:
                return None
            body: bytes = answer["Body"].read()
            return body

        return eventually(read, f"object {key}")

    def balance(self, user_id: int, client: str = "acme") -> int:
        """A member's balance in points."""
        shown = self.pointflow("member", "show", str(user_id), "--client", client, "--json")
        assert shown.code == 0, shown.err
        return int(shown.json["balance"])


def eventually[T](probe: Callable[[], T | None], what: str, patience: float = PATIENCE) -> T:
    """Ask again and again until there is an answer; fail when there is none in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answer = probe()
        if answer is not None:
            return answer
        time.sleep(0.2)
    pytest.fail(f"{what} did not come within {patience:.0f} seconds")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    """The stack, deployed from template.yaml with small cells, filled with the samples."""
    home = tmp_path_factory.mktemp("pointflow")
    env = {
        "PATH": os.environ["PATH"],
        "POINTFLOW_HOME": str(home),
        "POINTFLOW_STACK": "local",
        "POINTFLOW_CLIENT": "acme",
        "HOME": str(home),
    }
    deployed = DeployedStack(env, {}, "", "")
    up = deployed.pointflow("up", "--auth", "--parameter", f"CellBytes={CELL_BYTES}", "--json")
    assert up.code == 0, up.err
    try:
        local = json.loads((home / "local.json").read_text())
        yield DeployedStack(env, local["outputs"], local["endpoint_url"], local["region"])
    finally:
        down = deployed.pointflow("down")
        assert down.code == 0, down.err
