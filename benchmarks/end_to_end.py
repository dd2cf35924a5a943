"""The whole of batch intake, from bucket to queue, against the loop that is usually written.

Both run in a fresh process each round, through boto3, against stubs in another process: a bucket
that serves ranges, and a queue that takes 8 ms a call. Ours is the deployed handler with its real
wiring. The peer reads lines, validates each with a pydantic model, and sends ten rows a call; it
runs on a share of the rows and is scaled.
"""

from __future__ import annotations

import csv
import io
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.memory import peak_kib
from benchmarks.stubs import PAGE_ROWS, REF, SyntheticFile, stub_servers

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

ROUNDS = 5
MILLION = 1_000_000
PEER_ROWS = 3_000
CELL_BYTES = 16 << 20
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class EndToEnd:
    """Medians over the rounds, per million rows of the file; seconds, calls, bytes."""

    rounds: int
    ours_seconds: float
    ours_cpu_seconds: float
    peer_seconds: float
    calls: float
    peak_bytes: int
    cell_seconds: float
    cell_measure_seconds: float

    @property
    def ratio(self) -> float:
        """How many times faster than the peer."""
        return self.peer_seconds / self.ours_seconds


def run(rounds: int = ROUNDS) -> EndToEnd:
    """Run every measurement `rounds` times."""
    file = SyntheticFile(pages=-(-MILLION // PAGE_ROWS))
    full_cell = SyntheticFile(pages=-(-CELL_BYTES // len(file.page)))
    with stub_servers(file, CELL_BYTES) as endpoint:
        share = PEER_ROWS / MILLION
        ours, peer = [], []
        for _ in range(rounds):
            ours.append(_worker("ours", endpoint, file))
            peer.append(_worker("peer", endpoint, file)["seconds"] / share)
    with stub_servers(full_cell, CELL_BYTES) as endpoint:
        cells = [_worker("cell", endpoint, full_cell) for _ in range(rounds)]
    scale = MILLION / file.rows
    return EndToEnd(
        rounds=rounds,
        ours_seconds=statistics.median(each["seconds"] for each in ours) * scale,
        ours_cpu_seconds=statistics.median(each["cpu"] for each in ours) * scale,
        peer_seconds=statistics.median(peer),
        calls=statistics.median(each["calls"] for each in ours) * scale,
        peak_bytes=max(each["peak"] for each in cells),
        cell_seconds=statistics.median(each["seconds"] for each in cells),
        cell_measure_seconds=statistics.median(each["measure_seconds"] for each in cells),
    )


def table(found: EndToEnd) -> str:
    """The rows of the speed table, as Markdown."""
    peak = found.peak_bytes / MEBIBYTE
    rows = (
        ("S3 stub -> validate -> SQS stub, wall, against the batch-of-ten loop",
         f"{found.ratio:,.0f}x", "600x", "800x"),
        ("the same, wall a million rows: ours / the loop",
         f"{found.ours_seconds:.2f} s / {found.peer_seconds:,.0f} s", "", ""),
        ("the same, processor time a million rows", f"{found.ours_cpu_seconds:.2f} s", "", ""),
        ("`SendMessageBatch` calls per 1M rows", f"{found.calls:.0f}", "260", "230"),
        ("whole intake function with clients, peak memory", f"{peak:.0f} MB", "110 MB", "90 MB"),
        ("a full cell of 16 MiB: measured / parsed and sent",
         f"{found.cell_measure_seconds:.1f} s / {found.cell_seconds:.1f} s", "240 s", ""),
    )  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _worker(kind: str, endpoint: str, file: SyntheticFile) -> dict[str, Any]:
    env = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "stub",
        "AWS_SECRET_ACCESS_KEY": "stub",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BUCKET": "stub",
        "BATCHES_TABLE": "stub",
        "CATALOG_TABLE": "stub",
        "PART_QUEUE_URL": f"{endpoint}/000000000000/part",
        "CREDIT_QUEUE_URL": f"{endpoint}/000000000000/credit",
        "REPORT_QUEUE_URL": f"{endpoint}/000000000000/report",
        "POWERTOOLS_SERVICE_NAME": "batch_intake",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "benchmarks.end_to_end", kind, str(file.pages)]
    ran = subprocess.run(command, env=env, check=True, capture_output=True, text=True)  # noqa: S603 - our own command
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


# --- what a fresh process does


class _Context:
    """What Lambda tells a function about its invocation."""

    function_name = "batch_intake"
    memory_limit_in_mb = 1769
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:batch_intake"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """As at the start of an invocation."""
        return 300_000


def _ours(file: SyntheticFile) -> dict[str, Any]:
    """Every cell of the file through the deployed handler, one after the other."""
    handle = _handler()
    before = _counts()
    events = [_part("parse", cell, file) for cell in range(-(-file.size // CELL_BYTES))]
    found = _timed(lambda: [handle(event) for event in events])
    sent = {name: count - before[name] for name, count in _counts().items()}
    rows = sent["lines"] - sent["messages"]
    if rows != file.rows - file.rejected:
        raise SystemExit(f"{rows} rows arrived")
    return found | {"calls": sent["calls"]}


def _cell(file: SyntheticFile) -> dict[str, Any]:
    """One full cell through both passes. The stub's table takes the measure for a late repeat."""
    from pointflow.bootstrap import intake  # noqa: PLC0415
    from pointflow.domain import content  # noqa: PLC0415
    from pointflow.domain.submission import Plan  # noqa: PLC0415

    handle = _handler()
    plan = Plan(file.size, 0, CELL_BYTES, 500, 100_000, 1)
    objects = intake.intake().objects
    blocks = objects.read(REF, *content.measure_span(plan, 0))
    measured = _timed(lambda: content.measure_cell(blocks, plan=plan, cell=0))
    return _timed(lambda: handle(_part("parse", 0, file))) | {
        "measure_seconds": measured["seconds"]
    }


def _handler() -> Callable[[Mapping[str, Any]], None]:
    from batch_intake import app  # noqa: PLC0415
    from pointflow.bootstrap import intake  # noqa: PLC0415

    intake.intake()

    def handle(event: Mapping[str, Any]) -> None:
        answer = app.lambda_handler(dict(event), _Context())  # type: ignore[arg-type]
        if answer != {"batchItemFailures": []}:
            raise SystemExit("the handler failed")

    return handle


def _part(kind: str, cell: int, file: SyntheticFile) -> dict[str, Any]:
    from pointflow.domain.messages import MeasurePart, ParsePart, encode_part  # noqa: PLC0415

    first_line = file.line_at(cell * CELL_BYTES)
    part = MeasurePart(REF, cell) if kind == "measure" else ParsePart(REF, cell, first_line)
    record = {
        "messageId": "1",
        "receiptHandle": "1",
        "body": encode_part(part),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:part",
    }
    return {"Records": [record]}


def _peer(_: SyntheticFile) -> dict[str, Any]:
    """The loop that is usually written: a model a row, ten rows a call."""
    import boto3  # noqa: PLC0415
    from pydantic import BaseModel, Field, ValidationError  # noqa: PLC0415

    class Activity(BaseModel):
        email: str | None = Field(None, max_length=254)
        ct_user_id: int | None = None
        third_party_id: str | None = Field(None, max_length=254)
        username: str | None = Field(None, max_length=254)
        activity_id: int
        points: int | None = Field(None, ge=0, le=10**9)
        activity_date: int | None = None

    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    queue = os.environ["CREDIT_QUEUE_URL"]

    def lines() -> Iterator[str]:
        body = s3.get_object(Bucket="stub", Key=REF.key)["Body"]
        for _, line in zip(range(PEER_ROWS), body.iter_lines(), strict=False):
            yield line.decode("utf-8", errors="replace") + "\n"
        body.close()

    def loop() -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = []
        for number, row in enumerate(csv.DictReader(lines(), list(Activity.model_fields),
                                                    delimiter="|")):  # fmt: skip
            try:
                activity = Activity.model_validate(
                    {name: value or None for name, value in row.items() if name}
                )
            except ValidationError:
                continue
            entries.append({"Id": str(number), "MessageBody": activity.model_dump_json()})
            if len(entries) == 10:
                sqs.send_message_batch(QueueUrl=queue, Entries=entries)
                entries = []
        if entries:
            sqs.send_message_batch(QueueUrl=queue, Entries=entries)

    return _timed(loop)


def _counts() -> dict[str, int]:
    url = os.environ["AWS_ENDPOINT_URL"] + "/counts"
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own stub
        counts: dict[str, int] = json.load(io.TextIOWrapper(answer))
    return counts


def _timed(work: Callable[[], object]) -> dict[str, Any]:
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak": peak_kib() * 1024,
    }


def main() -> None:
    """Print the table; with arguments, be one of the processes it is made of."""
    workers = {"ours": _ours, "peer": _peer, "cell": _cell}
    if sys.argv[1:]:
        kind, pages = sys.argv[1:]
        found = workers[kind](SyntheticFile(int(pages)))
        print(json.dumps(found))  # noqa: T201
        return
    print(table(run()))  # noqa: T201


if __name__ == "__main__":
    main()
