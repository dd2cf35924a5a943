"""20,000 rows through the whole local stack, and where the time goes.

    python -m benchmarks.local_stack [ROWS] [MEMBERS]

Starts a stack of its own with the `pointflow` command of the environment it runs in, fills it,
uploads one file and watches the submission until its result is written. The local AWS runs every
service and function in Python on this machine: it says how the flow behaves, not how fast AWS is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.domain.submission import SubmissionRef

ROWS, MEMBERS = 20_000, 2_000
NAME = "activities_acme_20260912080000.txt"
ACTIVITY = 126456789
POLL_SECONDS = 0.1
PATIENCE = 1_200.0


def main() -> None:
    """Run, and print what was found as Markdown."""
    rows, members = (int(text) for text in (*sys.argv[1:], *map(str, (ROWS, MEMBERS)))[:2])
    with tempfile.TemporaryDirectory() as folder:
        for line in measure(Path(folder), rows, members):
            sys.stdout.write(line + "\n")


def measure(folder: Path, rows: int, members: int) -> Iterator[str]:
    """Deploy, import, upload, watch."""
    env = {**os.environ, "POINTFLOW_HOME": str(folder), "POINTFLOW_STACK": "local"}
    _pointflow(env, "up", "--json")
    try:
        local = json.loads((folder / "local.json").read_text())
        people = folder / "members.csv"
        people.write_text(_members(members))
        begun = time.monotonic()
        _pointflow(env, "members", "import", str(people), "--json")
        imported = time.monotonic() - begun
        yield f"| {members:,} members imported | {imported:.1f} s |"
        yield "|---|---|"
        yield from _credit(local, rows, members)
        begun = time.monotonic()
        checked = _pointflow(env, "ledger", "verify", "--json")
        yield f"| `ledger verify`, {checked} | {time.monotonic() - begun:.1f} s |"
    finally:
        _pointflow(env, "down")


def _credit(local: dict[str, Any], rows: int, members: int) -> Iterator[str]:
    clients: dict[str, Any] = {
        name: boto3.client(
            name,
            endpoint_url=local["endpoint_url"],
            region_name=local["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local AWS reads none
        )
        for name in ("s3", "dynamodb")
    }
    body = b"".join(b"|%d|||%d|1\n" % (9_000_000 + n % members, ACTIVITY) for n in range(rows))
    begun = time.monotonic()
    put = clients["s3"].put_object(
        Bucket=local["outputs"]["BucketName"], Key=f"inbound/acme/{NAME}", Body=body
    )
    ref = SubmissionRef("acme", NAME, put["VersionId"])
    store = DynamoDBSubmissions(clients["dynamodb"], local["outputs"]["BatchesTableName"])
    reached: dict[str, float] = {}
    while time.monotonic() - begun < PATIENCE:
        known = store.get(ref)
        if known is not None:
            reached.setdefault(known.status.value, time.monotonic() - begun)
            if known.revision and known.reported_revision == known.revision:
                reached["result written"] = time.monotonic() - begun
                break
        time.sleep(POLL_SECONDS)
    for step, seconds in reached.items():
        yield f"| {step} | {seconds:.1f} s |"
    whole = reached["result written"]
    yield f"| {rows:,} rows, upload to result | {whole:.1f} s, {rows / whole:,.0f} rows/s |"


def _members(count: int) -> str:
    header = "client_id,user_id,email,username,third_party_id\n"
    return header + "".join(f"acme,{9_000_000 + number},,,\n" for number in range(count))


def _pointflow(env: dict[str, str], *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("pointflow")), *arguments]
    ran = subprocess.run(command, env=env, check=False, capture_output=True, text=True)  # noqa: S603 - our own command
    if ran.returncode:
        raise SystemExit(f"pointflow {arguments[0]}: {ran.stderr}")
    return "clean"


if __name__ == "__main__":
    main()
