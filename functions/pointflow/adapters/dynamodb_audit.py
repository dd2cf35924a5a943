"""The audit records in BatchesTable: a partition of their own, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pointflow.adapters.submission_keys import Attribute, Item, number, text
from pointflow.adapters.submission_table import SubmissionTable
from pointflow.adapters.write_requests import Request, put
from pointflow.domain.audit import Action, AuditQuery, AuditRecord
from pointflow.domain.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AUDIT = "AUDIT"
"""No batch's partition can be named so: those begin with a client and a slash. The template
forbids everybody to change or to delete what lies in this one."""


class DynamoDBAudit:
    """Fulfils `ports.audit.AuditLog`.

    Parameters
    ----------
    client : DynamoDBClient
        Low-level client.
    table : str
        BatchesTable.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._table = SubmissionTable(client, table)

    def record(self, record: AuditRecord) -> None:
        """Write a record where there is none."""
        in_the_way = self._table.put(build_record_request(self._table.name, record))
        # A write whose answer was lost is sent again, and then finds itself.
        if in_the_way is not None and read_record(in_the_way) != record:
            raise ConflictError("another audit record has that time and id; nothing was done")

    def records(self, query: AuditQuery) -> Iterator[AuditRecord]:
        """Records, newest first."""
        items = self._table.pages(
            KeyConditionExpression="pk = :pk AND sk >= :since",
            ExpressionAttributeValues={":pk": text(AUDIT), ":since": text(f"{query.since:015d}")},
            ScanIndexForward=False,
            ConsistentRead=True,
        )
        return filter(query.wants, map(read_record, items))


def build_record_request(table: str, record: AuditRecord) -> Request:
    """PutItem of a record, on the condition that it overwrites nothing."""
    item: dict[str, Attribute] = {
        "pk": text(AUDIT),
        "sk": text(f"{record.at:015d}#{record.record_id}"),
        "at": number(record.at),
        "record_id": text(record.record_id),
        "actor": text(record.actor),
        "action": text(record.action.value),
        "subject": text(record.subject),
        "details": {"M": {name: text(value) for name, value in record.details.items()}},
    }
    if record.client_id is not None:
        # Not `client_id`: records have no place in the index of a client's submissions.
        item["client"] = text(record.client_id)
    if record.reason is not None:
        item["reason"] = text(record.reason)
    request = put(table, item, "attribute_not_exists(#pk)")
    return {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def read_record(item: Item) -> AuditRecord:
    """Read what `build_record_request` wrote."""
    return AuditRecord(
        at=int(item["at"]["N"]),
        record_id=item["record_id"]["S"],
        actor=item["actor"]["S"],
        action=Action(item["action"]["S"]),
        client_id=item["client"]["S"] if "client" in item else None,
        subject=item["subject"]["S"],
        reason=item["reason"]["S"] if "reason" in item else None,
        details={name: value["S"] for name, value in item["details"]["M"].items()},
    )
