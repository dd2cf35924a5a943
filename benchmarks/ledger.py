"""What crediting costs: processor time, write units, calls under conflicts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from benchmarks.cost import new_bill
from benchmarks.ledger_stub import StubDynamoDB, calls_of, ledger_stub
from benchmarks.units import Bill, BillingDynamoDB, shares
from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.adapters.clients import SETTINGS
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.dynamodb_wire import WireDynamoDB
from pointflow.adapters.submission_items import submission_item
from pointflow.domain.messages import Chunk, decode_chunk, encode_chunk
from pointflow.domain.submission import Plan, Status, Submission, SubmissionRef
from pointflow.services.credit_chunk import Handling, credit_chunk

REF = SubmissionRef("acme", "activities_acme_20251009085320.txt", "v1")
RECEIVED_AT = 1_760_000_000
CONTENT = "c0ffee" * 10 + "c0de"
CHUNK_ROWS = 500
STUB_SECONDS = 0.008


@dataclass(frozen=True)
class Found:
    """Processor time a row in microseconds, the median over the rounds, and the ratio of both."""

    ours: float
    peer: float
    ratio: float
    calls: dict[str, float]  # a row


def row(number: int) -> bytes:
    """A row of a member of its own, in one of the four forms that clients send."""
    form = (
        b"member.%d@example.com||||126456789|25",
        b"|%d|||126456789",
        b"member.%d@example.com||T-%d|user.%d|126456789|5|1759990000",
        b"||T-%d||126456789|40",
    )[number % 4]
    return form % ((number,) * form.count(b"%d"))


def chunk(first: int, rows: int = CHUNK_ROWS, a_member: int = 1) -> Chunk:
    """A chunk of rows, so many of them in a row for each member."""
    numbers = (10_000_000 + first + offset // a_member for offset in range(rows))
    body = b"".join(row(number) + b"\n" for number in numbers)
    return Chunk(REF, 0, CONTENT, RECEIVED_AT, ((first, rows),), body)


def planned() -> dict[str, Any]:
    """The submission that the stub knows, as its item."""
    plan = Plan(1 << 20, RECEIVED_AT, 1 << 20, CHUNK_ROWS, 200_000, rulings=1)
    known = Submission(
        REF, Status.CREDITING, plan, updated_at=1, content=CONTENT, crediting_since=1
    )
    return {**submission_item(known), "content": {"S": CONTENT}, "crediting_since": {"N": "1"}}


def compare(rounds: int, chunks: int = 8, peer_rows: int = 400) -> Found:
    """Credit chunks and, in turn, rows as somebody would with boto3 at hand."""
    with ledger_stub(planned(), STUB_SECONDS) as endpoint:
        credit, peer = _ours(endpoint), _peer(endpoint)
        bodies = [encode_chunk(chunk(1 + CHUNK_ROWS * index)) for index in range(chunks)]
        credit(bodies[0])
        peer(1, 20)
        before = calls_of(endpoint)
        ours = [_seconds(lambda: [credit(body) for body in bodies]) for _ in range(1)]
        after = calls_of(endpoint)
        theirs = [_seconds(lambda: peer(1, peer_rows))]
        for _ in range(rounds - 1):
            ours.append(_seconds(lambda: [credit(body) for body in bodies]))
            theirs.append(_seconds(lambda: peer(1, peer_rows)))
    rows = chunks * CHUNK_ROWS
    per_row = [seconds / rows * 1e6 for seconds in ours]
    per_peer_row = [seconds / peer_rows * 1e6 for seconds in theirs]
    ratios = [theirs / ours for ours, theirs in zip(per_row, per_peer_row, strict=True)]
    calls = {name: (count - before.get(name, 0)) / rows for name, count in after.items()}
    return Found(
        statistics.median(per_row),
        statistics.median(per_peer_row),
        statistics.median(ratios),
        {name: count for name, count in calls.items() if count},
    )


def _seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _client(endpoint: str, config: Config) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",  # noqa: S106 - the stub reads no signature
        config=config,
    )


def _ours(endpoint: str) -> Callable[[str], None]:
    client = _client(endpoint, SETTINGS["dynamodb"])
    credentials = Credentials("bench", "bench")
    http = URLLib3Session(max_pool_connections=32)
    return crediting(client, WireDynamoDB(client, credentials, http))


def crediting(client: Any, short: Any) -> Callable[[str], None]:
    """Credit chunks as the function does; `short` stands for the short way to DynamoDB."""
    store = DynamoDBSubmissions(short, "batches")
    catalog = CachedCatalog(DynamoDBCatalog(client, "catalog"))
    members = DynamoDBMembers(short, "members")
    ledger = DynamoDBLedger(short, "ledger", "members")

    def credit(body: str) -> None:
        done = credit_chunk(
            decode_chunk(body),
            store=store,
            catalog=catalog,
            members=members,
            ledger=ledger,
            objects=_NoObjects(),
            reports=_NoReports(),
            now=RECEIVED_AT,
            deadline=time.monotonic() + 60,
            name_of=lambda error: type(error).__name__,
            receive_count=1,
            max_receive_count=5,
        )
        if done.handling is not Handling.DECIDED or done.tally.credited != CHUNK_ROWS:
            raise AssertionError(done)

    return credit


class _NoObjects:
    """No row is rejected."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


_NoReports = _NoObjects


def _peer(endpoint: str) -> Callable[[int, int], None]:
    """One transaction of two actions a row, with boto3 as it comes; members are known already."""
    client = _client(endpoint, Config())

    def credit(first: int, rows: int) -> None:
        for line in range(first, first + rows):
            client.transact_write_items(TransactItems=_two_actions(line))

    return credit


def _two_actions(line: int) -> list[dict[str, Any]]:
    user_id = str(10_000_000 + line)
    return [
        {
            "Put": {
                "TableName": "ledger",
                "Item": {
                    "identity": {"S": f"{REF.client_id}/{REF.file_name}/{line}"},
                    "member": {"S": f"acme#{user_id}"},
                    "activity_id": {"N": "126456789"},
                    "activity_at": {"N": "1759990000"},
                    "points": {"N": "25"},
                    "recorded_at": {"N": str(RECEIVED_AT)},
                },
                "ConditionExpression": "attribute_not_exists(#identity)",
                "ExpressionAttributeNames": {"#identity": "identity"},
            }
        },
        {
            "Update": {
                "TableName": "members",
                "Key": {"key": {"S": f"acme#M#{user_id}"}},
                "ConditionExpression": "#status = :active",
                "UpdateExpression": "ADD #balance :points, #lifetime :points",
                "ExpressionAttributeNames": {
                    "#status": "status",
                    "#balance": "balance",
                    "#lifetime": "lifetime",
                },
                "ExpressionAttributeValues": {
                    ":active": {"S": "active"},
                    ":points": {"N": "25"},
                },
            }
        },
    ]


def bill_of(a_member: int, chunks: int = 4) -> Bill:
    """What chunks are billed with so many rows a member."""
    bill = new_bill()
    client = BillingDynamoDB(StubDynamoDB(planned()), bill)
    credit = crediting(client, client)
    for index in range(chunks):
        credit(encode_chunk(chunk(1 + CHUNK_ROWS * index, a_member=a_member)))
    return bill


def units_table(sizes: tuple[int, ...] = (1, 2, 5, 20), chunks: int = 4) -> Iterator[str]:
    """Write and read units a row, as Markdown."""
    yield "| rows a member | write units a row | of them ledger / members / batches | read units |"
    yield "|---|---|---|---|"
    rows = chunks * CHUNK_ROWS
    for size in sizes:
        bill = bill_of(size, chunks)
        parts = {name: writes for name, writes, _ in shares(bill, rows)}
        told = " / ".join(f"{parts[name]:.2f}" for name in ("ledger", "members", "batches"))
        yield f"| {size} | {bill.writes / rows:.2f} | {told} | {bill.reads / rows:.2f} |"
    largest = bill_of(1).largest
    yield ""
    yield (
        f"The largest items: an entry of {largest['ledger']} bytes, an account of"
        f" {largest['members']} (with identifiers of 254 bytes each)."
    )


def table(rounds: int) -> Iterator[str]:
    """The comparison as Markdown."""
    found = compare(rounds)
    yield "| crediting, processor time a row | us | times ours |"
    yield "|---|---|---|"
    yield f"| **ours**, resolution and outcome included | {found.ours:.0f} | |"
    yield f"| boto3, one transaction of two actions a row | {found.peer:.0f} | {found.ratio:.1f}x |"
