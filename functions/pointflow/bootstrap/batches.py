"""Wires the batch job; cached for the life of the process."""

from __future__ import annotations

import time
from functools import cache, partial
from typing import Protocol

from pointflow.adapters.batch_notices import BatchNotices
from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.adapters.clients import SETTINGS, client
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.dynamodb_wire import wire
from pointflow.adapters.eventbridge import EventBridgePublisher
from pointflow.adapters.s3_objects import S3ObjectStore
from pointflow.adapters.s3_results import S3ResultStore
from pointflow.adapters.sqs_depths import SqsQueueDepths
from pointflow.adapters.sqs_publishers import (
    SqsChunkPublisher,
    SqsPartPublisher,
    SqsReportPublisher,
    SqsUndoPublisher,
)
from pointflow.config import config
from pointflow.described_error import error_name
from pointflow.domain.messages import Chunk, ReportRequest
from pointflow.domain.submission import Submission
from pointflow.services.credit_chunk import ChunkResult, credit_chunk
from pointflow.services.intake import Intake
from pointflow.services.look_out import Sights
from pointflow.services.receive_upload import Limits
from pointflow.services.report_submission import Reporting, report_submission
from pointflow.services.watch_submissions import Watch, WatchSummary


class Credit(Protocol):
    """Credits one chunk; see `credit_chunk`."""

    def __call__(self, chunk: Chunk, *, receive_count: int, deadline: float) -> ChunkResult:
        """Decide every row of the chunk and credit the good ones."""
        ...


class Report(Protocol):
    """Writes one submission's results; see `report_submission`."""

    def __call__(
        self, request: ReportRequest, *, again: bool, deadline: float
    ) -> tuple[Submission, ...]:
        """Write the newest revision, unless that is done and this is the first delivery.

        What is not written by `deadline`, a `time.monotonic()` value, is left to another
        invocation.
        """
        ...


@cache
def intake() -> Intake:
    """Batch intake."""
    settings = config()
    return Intake(
        store=_submissions(),
        objects=_objects(),
        catalog=_catalog(),
        parts=SqsPartPublisher(client("sqs"), settings.part_queue_url),
        chunks=SqsChunkPublisher(client("sqs"), settings.credit_queue_url),
        reports=_reports(),
        limits=Limits(settings.cell_bytes, settings.chunk_rows, settings.chunk_bytes),
        clock=_now,
    )


@cache
def credit() -> Credit:
    """Crediting."""
    settings = config()
    short = wire(client("dynamodb"), SETTINGS["dynamodb"])
    wired = partial(
        credit_chunk,
        store=DynamoDBSubmissions(short, settings.batches_table),
        catalog=_catalog(),
        members=DynamoDBMembers(short, settings.members_table),
        ledger=DynamoDBLedger(short, settings.ledger_table, settings.members_table),
        objects=_objects(),
        reports=_reports(),
        max_receive_count=settings.max_receive_count,
        name_of=error_name,
    )

    def run(chunk: Chunk, *, receive_count: int, deadline: float) -> ChunkResult:
        return wired(chunk, now=_now(), receive_count=receive_count, deadline=deadline)

    return run


@cache
def report() -> Report:
    """Result files."""
    results = S3ResultStore(client("s3"), config().bucket)
    notices = BatchNotices(
        EventBridgePublisher(client("events")), client("sns"), config().batch_topic_arn
    )

    def run(request: ReportRequest, *, again: bool, deadline: float) -> tuple[Submission, ...]:
        ports = Reporting(
            _submissions(), results, _reports(), notices, lambda: time.monotonic() >= deadline
        )
        return report_submission(request, ports=ports, again=again)

    return run


def watch(deadline: float) -> WatchSummary:
    """Look after submissions until `deadline`, a `time.monotonic()` value."""
    settings = config()
    return Watch(
        store=_submissions(),
        parts=SqsPartPublisher(client("sqs"), settings.part_queue_url),
        reports=_reports(),
        undos=SqsUndoPublisher(client("sqs"), settings.undo_queue_url),
        depths=SqsQueueDepths(client("sqs"), settings.part_queue_url, settings.credit_queue_url),
        credit_visibility=settings.credit_visibility_seconds,
        out_of_time=lambda: time.monotonic() >= deadline,
    ).run(_now())


def look_out() -> Sights:
    """What a person has to see to now."""
    # Only batch_watch looks out; no other function's cold start reads about quarantines.
    from pointflow.adapters.s3_quarantine import S3Quarantine  # noqa: PLC0415
    from pointflow.services import look_out as service  # noqa: PLC0415

    return service.look_out(
        _now(),
        catalog=DynamoDBCatalog(client("dynamodb"), config().catalog_table),
        store=_submissions(),
        quarantine=S3Quarantine(lambda: client("s3"), config().bucket),
    )


@cache
def _submissions() -> DynamoDBSubmissions:
    return DynamoDBSubmissions(client("dynamodb"), config().batches_table)


@cache
def _objects() -> S3ObjectStore:
    return S3ObjectStore(client("s3"), config().bucket)


@cache
def _catalog() -> CachedCatalog:
    return CachedCatalog(DynamoDBCatalog(client("dynamodb"), config().catalog_table))


@cache
def _reports() -> SqsReportPublisher:
    return SqsReportPublisher(client("sqs"), config().report_queue_url)


def _now() -> int:
    return int(time.time())
