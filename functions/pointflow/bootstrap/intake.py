"""Wires batch intake."""

from __future__ import annotations

from functools import cache

from pointflow.adapters.clients import client
from pointflow.adapters.sqs_publishers import SqsChunkPublisher, SqsPartPublisher
from pointflow.bootstrap import batches
from pointflow.config import config
from pointflow.services.intake import Intake
from pointflow.services.receive_upload import Limits


@cache
def intake() -> Intake:
    """Batch intake."""
    settings = config()
    return Intake(
        store=batches.submissions(),
        objects=batches.objects(),
        catalog=batches.catalog(),
        parts=SqsPartPublisher(client("sqs"), settings.part_queue_url),
        chunks=SqsChunkPublisher(client("sqs"), settings.credit_queue_url),
        reports=batches.reports(),
        limits=Limits(settings.cell_bytes, settings.chunk_rows, settings.chunk_bytes),
        clock=batches.now,
    )
