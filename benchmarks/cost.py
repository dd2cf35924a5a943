"""What a file of a million rows costs at list prices, from requests that are made and counted.

The rows go through the functions' own code: cells are scanned and packed, chunks sent by the
publisher, received and credited by the service. Clients that answer in this process count every
request on the way. Every twentieth chunk is credited, and counts for twenty.

    python -m benchmarks.cost
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.generate import RECEIVED_AT, rows
from benchmarks.ledger_stub import StubDynamoDB
from benchmarks.units import Bill, BillingDynamoDB
from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.sqs_publishers import SqsChunkPublisher
from pointflow.adapters.submission_items import submission_item
from pointflow.domain.batch_row import RULINGS
from pointflow.domain.messages import Chunk, decode_chunk, encode_chunk
from pointflow.domain.packing import PackedRows, scan_cell, scan_span
from pointflow.domain.submission import Plan, Status, Submission, SubmissionRef
from pointflow.services.credit_chunk import credit_chunk

ROWS = 1_000_000
CELL_BYTES = 16 << 20
CHUNK_ROWS, CHUNK_BYTES = 500, 200_000
CREDITED_SHARE = 20
SQS_UNIT = 64 * 1024

REF = SubmissionRef("acme", "activities_acme_20240101000000.txt", "v1")
CONTENT = "c0ffee" * 10 + "c0de"

# us-east-1, dollars
WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6
SQS_REQUEST = 0.40e-6
LAMBDA_REQUEST = 0.20e-6
LAMBDA_GB_SECOND = 0.0000133334  # Arm
S3_GET, S3_PUT = 0.0004e-3, 0.005e-3
LOG_GB = 0.50

CREDIT_GB, INTAKE_GB = 1.0, 1.769
CALL_SECONDS = 0.008
"""What a call of a function is taken to wait for; calls that run at once count once."""

LOG_BYTES = 1_000
"""A chunk's own line, and Lambda's three."""

ACCOUNT: Mapping[str, Mapping[str, Any]] = {
    "key": {"S": "acme#M#999999999999999999"},
    "user_id": {"N": "999999999999999999"},
    "email": {"S": "e" * 254},
    "username": {"S": "u" * 254},
    "third_party_id": {"S": "t" * 254},
    "status": {"S": "inactive"},
    "balance": {"N": "9" * 15},
    "lifetime": {"N": "9" * 15},
    "created_at": {"N": "1760000000"},
    "updated_at": {"N": "1760000000"},
}
"""As long as an account can be."""


@dataclass
class Sent:
    """An SQS client that accepts and counts. `units` are the requests that are billed."""

    calls: int = 0
    units: int = 0

    def send_message_batch(self, **request: Any) -> Any:
        """Accept everything."""
        entries = request["Entries"]
        self.calls += 1
        size = sum(len(entry["MessageBody"].encode()) for entry in entries)
        self.units += math.ceil(size / SQS_UNIT)
        return {"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []}


@dataclass
class Objects:
    """A bucket that counts."""

    puts: int = 0

    def put(self, _key: str, _body: bytes, _content_type: str) -> None:
        """Take an object."""
        self.puts += 1


class _NoReports:
    def request_report(self, _request: Any) -> None:
        """Nobody asks: every chunk's cell goes on."""


@dataclass(frozen=True)
class Cost:
    """Dollars by service, what they were counted from, and the bill of the tables.

    `rows` are those that were billed; `chunk_seconds` is how long a function credits a chunk,
    `parse_seconds` the processor time of the whole file's intake.
    """

    dollars: Mapping[str, float]
    counted: Mapping[str, str]
    bill: Bill
    rows: int
    chunk_seconds: float
    parse_seconds: float

    @property
    def total(self) -> float:
        """Of all services."""
        return sum(self.dollars.values())


def new_bill() -> Bill:
    """A bill that knows how large an account can be, and the ledger's index."""
    return Bill({"members": ACCOUNT}, {"ledger": "member"})


def cost(count: int = ROWS) -> Cost:
    """Count a file of so many rows, two in a hundred of them invalid."""
    file = b"".join(rows(count, bad=0.02))
    plan = Plan(len(file), RECEIVED_AT, CELL_BYTES, CHUNK_ROWS, CHUNK_BYTES, rulings=RULINGS)
    started = time.process_time()
    chunks = list(_chunks(file, plan))
    intake_seconds = time.process_time() - started
    queue = Sent()
    SqsChunkPublisher(queue, "credit").send_chunks(chunks)  # type: ignore[arg-type]
    received = sum(math.ceil(len(encode_chunk(each)) / SQS_UNIT) for each in chunks)

    bill, objects = new_bill(), Objects()
    sample = chunks[::CREDITED_SHARE]
    started = time.process_time()
    _credit(sample, plan, bill, objects)
    cpu = (time.process_time() - started) / len(sample)
    factor = len(chunks) / len(sample)
    writes, reads = bill.writes * factor, bill.reads * factor
    # Reads come one after the other, transactions eight at a time.
    waits = sum(bill.calls.values()) - bill.calls["TransactWriteItems"] * 7 / 8
    credit_seconds = len(chunks) * (cpu + waits / len(sample) * CALL_SECONDS)
    cells = plan.cells
    gets, puts = 2 * cells, objects.puts * factor + cells + 3
    invocations = len(chunks) + 2 * cells + 4
    messages = queue.units + received + len(chunks) + 4 * cells
    dollars = {
        "DynamoDB writes": writes * WRITE_UNIT,
        "DynamoDB reads": reads * READ_UNIT,
        "SQS": messages * SQS_REQUEST,
        "Lambda": invocations * LAMBDA_REQUEST
        + (credit_seconds * CREDIT_GB + 2 * intake_seconds * INTAKE_GB) * LAMBDA_GB_SECOND,
        "S3": gets * S3_GET + puts * S3_PUT,
        "Logs": invocations * LOG_BYTES / 1e9 * LOG_GB,
    }
    counted = {
        "DynamoDB writes": f"{writes:,.0f} units",
        "DynamoDB reads": f"{reads:,.0f} units",
        "SQS": f"{len(chunks):,} messages, {messages:,.0f} billed requests",
        "Lambda": f"{invocations:,} invocations, {credit_seconds:,.0f} s of crediting",
        "S3": f"{gets:,.0f} reads, {puts:,.0f} writes",
        "Logs": f"{invocations * LOG_BYTES / 1e6:.1f} MB",
    }
    return Cost(
        dollars,
        counted,
        bill,
        rows=sum(each.row_count for each in sample),
        chunk_seconds=credit_seconds / len(chunks),
        parse_seconds=intake_seconds,
    )


def _chunks(file: bytes, plan: Plan) -> Iterator[Chunk]:
    line = 1
    for cell in range(plan.cells):
        start, end = scan_span(plan, cell)
        first, last = plan.span(cell)
        for found in scan_cell(
            [file[start:end]], plan=plan, cell=cell, first_line=line, first_row_line=1
        ):
            if isinstance(found, PackedRows):
                yield Chunk(REF, cell, CONTENT, RECEIVED_AT, found.segments, found.rows)
        line += file.count(b"\n", first, last)


def _credit(chunks: list[Chunk], plan: Plan, bill: Bill, objects: Objects) -> None:
    known = Submission(
        REF, Status.CREDITING, plan, updated_at=1, content=CONTENT, crediting_since=1
    )
    item = {
        **submission_item(known),
        "content": {"S": CONTENT},
        "crediting_since": {"N": "1"},
    }
    client: Any = BillingDynamoDB(StubDynamoDB(item), bill)
    catalog = CachedCatalog(DynamoDBCatalog(client, "catalog"))
    for each in chunks:
        credit_chunk(
            decode_chunk(encode_chunk(each)),
            store=DynamoDBSubmissions(client, "batches"),
            catalog=catalog,
            members=DynamoDBMembers(client, "members"),
            ledger=DynamoDBLedger(client, "ledger", "members", workers=1),
            objects=objects,  # type: ignore[arg-type]
            reports=_NoReports(),
            name_of=lambda error: type(error).__name__,
            now=RECEIVED_AT,
            deadline=time.monotonic() + 600,
            receive_count=1,
            max_receive_count=5,
        )


def table(found: Cost) -> Iterator[str]:
    """The bill as Markdown."""
    yield f"| a file of {ROWS:,} rows, 2% invalid, list prices of us-east-1 | counted | dollars |"
    yield "|---|---|---|"
    for service, dollars in found.dollars.items():
        yield f"| {service} | {found.counted[service]} | {dollars:.4f} |"
    yield f"| **in all** | | **{found.total:.2f}** |"


if __name__ == "__main__":
    for line in table(cost()):
        sys.stdout.write(line + "\n")
