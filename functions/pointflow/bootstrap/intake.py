"""Wires batch intake."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from pointflow.adapters.clients import client
from pointflow.adapters.s3_events import read_uploads
from pointflow.adapters.sqs_publishers import SqsChunkPublisher, SqsPartPublisher
from pointflow.bootstrap import batches
from pointflow.config import config
from pointflow.domain.messages import Upload
from pointflow.services.intake import Intake
from pointflow.services.receive_upload import Limits


@cache
def reader() -> Callable[[str], list[Upload]]:
    """What reads the messages of UploadQueue."""
    settings = config()
    if not settings.sftp_server:
        return read_uploads
    # Not loaded where there is no SFTP: it would be part of each cold start.
    from pointflow.adapters.sftp_uploads import SftpUploads  # noqa: PLC0415

    return SftpUploads(client("s3"), settings.bucket).read


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
