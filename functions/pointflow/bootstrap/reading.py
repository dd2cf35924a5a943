"""Wires what the API reads from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pointflow.adapters.clients import client, signing_client
from pointflow.adapters.dynamodb_batch_list import DynamoDBBatchList
from pointflow.adapters.dynamodb_history import DynamoDBHistory
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.s3_objects import S3ObjectStore
from pointflow.adapters.s3_uploads import S3UploadGrants
from pointflow.bootstrap import pushes
from pointflow.config import config
from pointflow.ports.batch_api import BatchList, UploadGrants
from pointflow.ports.history import CreditHistory
from pointflow.ports.objects import ObjectStore
from pointflow.ports.pushes import MemberLookup, MonthIndex, ViewReader
from pointflow.ports.submissions import SubmissionStore


@dataclass(frozen=True, slots=True)
class BatchDesk:
    """What the handlers of the routes about batches work with."""

    store: SubmissionStore
    listing: BatchList
    objects: ObjectStore
    uploads: UploadGrants


@dataclass(frozen=True, slots=True)
class Reading:
    """What the handlers of the API read from.

    `now` answers milliseconds since the epoch, `batches` what is made only when the first request
    about batches comes.
    """

    views: ViewReader
    members: MemberLookup
    index: MonthIndex
    history: CreditHistory
    now: Callable[[], int]
    batches: Callable[[], BatchDesk]


@cache
def reading() -> Reading:
    """What this process reads from."""
    expirations = pushes.expirations()
    return Reading(
        views=expirations,
        members=DynamoDBMembers(client("dynamodb"), os.environ.get("MEMBERS_TABLE", "")),
        index=expirations,
        history=DynamoDBHistory(client("dynamodb"), os.environ.get("LEDGER_TABLE", "")),
        now=pushes.now,
        batches=batch_desk,
    )


@cache
def batch_desk() -> BatchDesk:
    """What this process answers about batches with."""
    settings = config()
    return BatchDesk(
        store=DynamoDBSubmissions(client("dynamodb"), settings.batches_table),
        listing=DynamoDBBatchList(client("dynamodb"), settings.batches_table),
        objects=S3ObjectStore(client("s3"), settings.bucket),
        uploads=S3UploadGrants(signing_client, settings.bucket),
    )
