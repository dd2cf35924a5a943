"""Wires crediting."""

from __future__ import annotations

from functools import cache, partial
from typing import Protocol

from pointflow.adapters.clients import SETTINGS, client
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.dynamodb_wire import wire
from pointflow.bootstrap import batches
from pointflow.config import config
from pointflow.described_error import error_name
from pointflow.domain.messages import Chunk
from pointflow.services.credit_chunk import ChunkResult, credit_chunk


class Credit(Protocol):
    """Credits one chunk; see `credit_chunk`."""

    def __call__(self, chunk: Chunk, *, receive_count: int, deadline: float) -> ChunkResult:
        """Decide every row of the chunk and credit the good ones."""
        ...


@cache
def credit() -> Credit:
    """Crediting."""
    settings = config()
    short = wire(client("dynamodb"), SETTINGS["dynamodb"])
    wired = partial(
        credit_chunk,
        store=DynamoDBSubmissions(short, settings.batches_table),
        catalog=batches.catalog(),
        members=DynamoDBMembers(short, settings.members_table),
        ledger=DynamoDBLedger(short, settings.ledger_table, settings.members_table),
        objects=batches.objects(),
        reports=batches.reports(),
        max_receive_count=settings.max_receive_count,
        name_of=error_name,
    )

    def run(chunk: Chunk, *, receive_count: int, deadline: float) -> ChunkResult:
        return wired(chunk, now=batches.now(), receive_count=receive_count, deadline=deadline)

    return run
