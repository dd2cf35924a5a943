"""What the functions of the batch job share; each has a module of its own beside this one."""

from __future__ import annotations

import time
from functools import cache

from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.s3_objects import S3ObjectStore
from pointflow.adapters.sqs_publishers import SqsReportPublisher
from pointflow.config import config


@cache
def submissions() -> DynamoDBSubmissions:
    """Submissions and what they claim."""
    return DynamoDBSubmissions(client("dynamodb"), config().batches_table)


@cache
def objects() -> S3ObjectStore:
    """The bucket."""
    return S3ObjectStore(client("s3"), config().bucket)


@cache
def catalog() -> CachedCatalog:
    """Clients and activities, remembered for a minute."""
    return CachedCatalog(DynamoDBCatalog(client("dynamodb"), config().catalog_table))


@cache
def reports() -> SqsReportPublisher:
    """The way to ReportQueue."""
    return SqsReportPublisher(client("sqs"), config().report_queue_url)


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())
