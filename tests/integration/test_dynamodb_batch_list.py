"""A client's list of submissions on DynamoDB, held to what the fake answers."""

from collections.abc import Mapping
from datetime import date

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_batch_list import DynamoDBBatchList
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.domain.submission import Status
from pointflow.ports.batch_api import BatchList
from tests.fakes.batch_api import FakeBatchList
from tests.fakes.batch_stage import NOW, BatchStage, ref_of

DAY = 86_400


def listed(
    batches: BatchList, limit: int, status: Status | None = None, day: date | None = None
) -> list[list[str]]:
    """Versions, page by page."""
    pages, after = [], None
    while True:
        found, after = batches.page("acme", status=status, day=day, after=after, limit=limit)
        pages.append([each.ref.version for each in found])
        if after is None:
            return pages


def test_pages_are_those_of_the_fake(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> None:
    stage = BatchStage()
    store = DynamoDBSubmissions(dynamodb, tables["BatchesTable"])
    for at in (-1, 0, 0, 1, DAY - 1, DAY, DAY + 1):
        version = f"v{len(list(stage.store.listing('acme')))}"
        store.receive(stage.received(ref_of(version), at=NOW + at))
    store.receive(stage.received(ref_of("other", client_id="globex")))
    for each in (store, stage.store):
        each.start_planning(ref_of("v3"), NOW + DAY)
    days = (None, date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3))

    for most in (2, 2_000):
        real = DynamoDBBatchList(dynamodb, tables["BatchesTable"], most=most)
        fake = FakeBatchList(stage.store, most=most)
        for limit in (1, 2, 7):
            for status in (None, Status.PLANNING, Status.HELD):
                for day in days:
                    assert listed(real, limit, status, day) == listed(fake, limit, status, day)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_the_ends_of_the_calendar_are_days_without_uploads(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], day: date
) -> None:
    batches = DynamoDBBatchList(dynamodb, tables["BatchesTable"])

    assert batches.page("acme", status=None, day=day, after=None, limit=5) == ([], None)
