"""Every member in MembersTable, a page at a time, with the opening balances in LedgerTable."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pointflow.adapters.batch_get import Patience, batch_get, patient
from pointflow.adapters.ledger_items import entry_of
from pointflow.adapters.member_requests import member_of
from pointflow.adapters.retrying import persist
from pointflow.domain.ledger import account_change, opening_identity
from pointflow.domain.member import Member

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    Item = dict[str, Any]

ENTRY_ATTRIBUTES = ("identity", "content", "decision", "recorded_at", "points")


class DynamoDBMemberList:
    """Lists members. Fulfils `ports.members.MemberList`.

    Parameters
    ----------
    client : DynamoDBClient
    members_table, ledger_table : str
        The ledger's is empty for a stack that credits no points.
    patience : callable
        Makes the back-off of one page.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        members_table: str,
        ledger_table: str,
        *,
        patience: Patience = patient,
    ) -> None:
        self._client = client
        self._members_table = members_table
        self._ledger_table = ledger_table
        self._patience = patience

    def members(self, client_id: str | None) -> Iterator[Member]:
        """Every member of a client, or of all clients."""
        request = build_scan(self._members_table, client_id)
        while True:
            answer = self._page(request)
            for item in answer["Items"]:
                yield member_of(item["key"]["S"].partition("#")[0], item)
            if "LastEvaluatedKey" not in answer:
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def opening_balances(self, members: Collection[Member]) -> Mapping[tuple[str, int], int]:
        """Points by client and user id, of those members that have an opening balance."""
        if not self._ledger_table:
            return {}
        asked = {
            opening_identity(each.client_id, each.user_id): (each.client_id, each.user_id)
            for each in members
        }
        keys: list[Item] = [{"identity": {"S": identity}} for identity in asked]
        items = batch_get(self._client, self._ledger_table, keys, ENTRY_ATTRIBUTES, self._patience)
        entries = map(entry_of, items)
        return {asked[entry.identity]: account_change([entry]).balance for entry in entries}

    def _page(self, request: Item) -> Any:
        return persist(self._patience(), "MembersTable", self._client.scan, **request)


def build_scan(table: str, client_id: str | None) -> Item:
    """The request for a page of accounts, pointers left out."""
    request: Item = {"TableName": table, "ConsistentRead": True}
    if client_id is None:
        # Only accounts have a balance.
        return {
            **request,
            "FilterExpression": "attribute_exists(#balance)",
            "ExpressionAttributeNames": {"#balance": "balance"},
        }
    return {
        **request,
        "FilterExpression": "begins_with(#key, :accounts)",
        "ExpressionAttributeNames": {"#key": "key"},
        "ExpressionAttributeValues": {":accounts": {"S": f"{client_id}#M#"}},
    }
