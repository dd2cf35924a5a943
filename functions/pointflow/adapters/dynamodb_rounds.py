"""The round of verification in progress: one item of BatchesTable."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pointflow.adapters.submission_keys import Item, text
from pointflow.adapters.submission_table import SubmissionTable, patient
from pointflow.adapters.write_requests import update
from pointflow.domain.verification import Position, Round

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = {"pk": text("#VERIFY"), "sk": text("LEDGER")}
"""No client id begins with `#`, so no batch's key is like it."""


class DynamoDBRounds:
    """Fulfils `ports.books.Rounds`.

    Parameters
    ----------
    client : DynamoDBClient
    table_name : str
        BatchesTable.
    """

    def __init__(self, client: DynamoDBClient, table_name: str) -> None:
        self._table = SubmissionTable(client, table_name, patient)

    def load(self) -> Round | None:
        """The round in progress, or the last one; None before the first."""
        item = self._table.get(KEY)
        return None if item is None else _read(item)

    def save(self, found: Round | None, round_: Round) -> bool:
        """Keep a round unless another was kept since `found` was."""
        sets = {"round": text(_encoded(round_))}
        if found is None:
            request = update(self._table.name, KEY, "attribute_not_exists(#pk)", sets=sets)
        else:
            values = {":found": text(_encoded(found))}
            request = update(self._table.name, KEY, "#round = :found", values, sets=sets)
        # A write whose answer was lost is sent again, and finds what it wrote itself.
        return self._table.update(request) or self.load() == round_


def _encoded(round_: Round) -> str:
    return json.dumps(asdict(round_), sort_keys=True)


def _read(item: Item) -> Round:
    fields = json.loads(item["round"]["S"])
    positions = {name: Position(**position) for name, position in fields.pop("positions").items()}
    return Round(positions=positions, **fields)
