"""`BatchList` on the index of BatchesTable that holds a client's submissions by receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pointflow.adapters.retrying import Backoff
from pointflow.adapters.submission_items import read_submission, received_sort
from pointflow.adapters.submission_keys import text, upload_key
from pointflow.adapters.submission_table import SubmissionTable, patient
from pointflow.domain.submission import Status, Submission
from pointflow.ports.batch_api import BatchPosition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_LOOKED_AT = 2_000
"""Submissions that one page looks at: where few have the status asked for, the page is short
rather than late."""

_DAY_SECONDS = 86_400


class DynamoDBBatchList:
    """Reads pages of ClientIndex.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    table_name : str
        BatchesTable.
    most : int
        Submissions that one page looks at, at most.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        *,
        most: int = MOST_LOOKED_AT,
        backoff: Callable[[], Backoff] = patient,
    ) -> None:
        self._table = SubmissionTable(client, table_name, backoff)
        self._most = most

    def page(
        self,
        client_id: str,
        *,
        status: Status | None,
        day: date | None,
        after: BatchPosition | None,
        limit: int,
    ) -> tuple[Sequence[Submission], BatchPosition | None]:
        """A page of the list. See `BatchList.page`."""
        found: list[Submission] = []
        last: Submission | None = None
        for looked_at, submission in enumerate(self._newest_first(client_id, day, after)):
            if last is not None and (len(found) == limit or looked_at == self._most):
                return found, _position(last)
            last = submission
            if status in {None, submission.status}:
                found.append(submission)
        return found, None

    def _newest_first(
        self, client_id: str, day: date | None, after: BatchPosition | None
    ) -> Iterator[Submission]:
        return map(read_submission, self._table.pages(**listing_query(client_id, day, after)))


def listing_query(client_id: str, day: date | None, after: BatchPosition | None) -> dict[str, Any]:
    """The Query of a client's submissions, but for the table."""
    query: dict[str, Any] = {
        "IndexName": "ClientIndex",
        "KeyConditionExpression": "client_id = :client",
        "ExpressionAttributeValues": {":client": text(client_id)},
        "ScanIndexForward": False,
    }
    if day is not None:
        begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        # What was received at `end` sorts after the bare number: the day does not reach into it.
        end = begin + _DAY_SECONDS
        query["KeyConditionExpression"] += " AND received_sort BETWEEN :begin AND :end"
        query["ExpressionAttributeValues"] |= {
            ":begin": text(f"{max(0, begin):012d}"),
            ":end": text(f"{max(0, end):012d}"),
        }
    if after is not None:
        query["ExclusiveStartKey"] = upload_key(after.ref) | {
            "client_id": text(client_id),
            "received_sort": text(received_sort(after.ref, after.received_at)),
        }
    return query


def _position(submission: Submission) -> BatchPosition:
    return BatchPosition(submission.plan.received_at, submission.ref)
