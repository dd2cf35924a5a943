"""Wires what looks after batches."""

from __future__ import annotations

import time

from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.s3_quarantine import S3Quarantine
from pointflow.adapters.sqs_depths import SqsQueueDepths
from pointflow.adapters.sqs_publishers import SqsPartPublisher, SqsUndoPublisher
from pointflow.bootstrap import batches
from pointflow.config import config
from pointflow.services import look_out
from pointflow.services.look_out import Sights
from pointflow.services.watch_submissions import Watch, WatchSummary


def watch(deadline: float) -> WatchSummary:
    """Look after submissions until `deadline`, a `time.monotonic()` value."""
    settings = config()
    return Watch(
        store=batches.submissions(),
        parts=SqsPartPublisher(client("sqs"), settings.part_queue_url),
        reports=batches.reports(),
        undos=SqsUndoPublisher(client("sqs"), settings.undo_queue_url),
        depths=SqsQueueDepths(client("sqs"), settings.part_queue_url, settings.credit_queue_url),
        credit_visibility=settings.credit_visibility_seconds,
        out_of_time=lambda: time.monotonic() >= deadline,
    ).run(batches.now())


def sights() -> Sights:
    """What a person has to see to now."""
    return look_out.look_out(
        batches.now(),
        catalog=DynamoDBCatalog(client("dynamodb"), config().catalog_table),
        store=batches.submissions(),
        quarantine=S3Quarantine(lambda: client("s3"), config().bucket),
    )
