"""Wires the proof that the ledger adds up."""

from __future__ import annotations

import time

from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_books import DynamoDBBooks
from pointflow.adapters.dynamodb_rounds import DynamoDBRounds
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.config import config
from pointflow.services.verify_ledger import Verify
from pointflow.services.verify_slice import Run, verify_slice


def verify(deadline: float) -> Run:
    """Do a slice that ends about `deadline`, a `time.monotonic()` value."""
    settings = config()
    dynamodb = client("dynamodb")
    books = DynamoDBBooks(
        dynamodb, settings.members_table, settings.ledger_table, settings.batches_table
    )
    store = DynamoDBSubmissions(dynamodb, settings.batches_table)
    return verify_slice(
        Verify(books, store, out_of_time=lambda: time.monotonic() >= deadline),
        DynamoDBRounds(dynamodb, settings.batches_table),
        int(time.time()),
    )
