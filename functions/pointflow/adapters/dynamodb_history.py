"""Members' credits in LedgerTable, read through its MemberIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pointflow.adapters.ledger_items import entry_of, history_key
from pointflow.domain.ledger import Entry
from pointflow.ports.history import CreditPosition

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    Item = dict[str, Any]

MEMBER_INDEX = "MemberIndex"


class DynamoDBHistory:
    """Reads what members were credited. Fulfils `ports.history.CreditHistory`.

    Parameters
    ----------
    client : DynamoDBClient
    ledger_table : str
    """

    def __init__(self, client: DynamoDBClient, ledger_table: str) -> None:
        self._client = client
        self._ledger_table = ledger_table

    def credits(
        self, client_id: str, user_id: int, before: CreditPosition | None, limit: int
    ) -> Sequence[Entry]:
        """Read entries, newest activity date first."""
        request = build_history_query(self._ledger_table, client_id, user_id, before)
        found: list[Entry] = []
        while len(found) < limit:
            answer: Any = self._client.query(**request, Limit=limit - len(found))
            found += map(entry_of, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                break
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found


def build_history_query(
    table: str, client_id: str, user_id: int, before: CreditPosition | None
) -> Item:
    """The request for a member's entries that come after a position."""
    member = {"S": history_key(client_id, user_id)}
    request: Item = {
        "TableName": table,
        "IndexName": MEMBER_INDEX,
        "KeyConditionExpression": "#member = :member",
        "ExpressionAttributeNames": {"#member": "member"},
        "ExpressionAttributeValues": {":member": member},
        "ScanIndexForward": False,
    }
    if before is not None:
        request["ExclusiveStartKey"] = {
            "member": member,
            "activity_at": {"N": str(before.activity_at)},
            "identity": {"S": before.identity},
        }
    return request
