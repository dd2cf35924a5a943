"""Wires the taking back of batches; cached for the life of the process."""

from __future__ import annotations

import time
from functools import cache
from typing import Protocol

from pointflow.adapters.clients import client
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.dynamodb_undo import DynamoDBLedgerReader, DynamoDBUndo
from pointflow.adapters.sqs_publishers import SqsReportPublisher, SqsUndoPublisher
from pointflow.config import config
from pointflow.domain.submission import Undone
from pointflow.domain.undo import UndoMessage
from pointflow.services.in_time import OutOfTime
from pointflow.services.take_back import TakeBack


class Undo(Protocol):
    """Takes back what one message names; see `TakeBack`."""

    def __call__(self, message: UndoMessage, *, deadline: float, out_of_time: OutOfTime) -> Undone:
        """Take the credits back, and hand on what there is no time for."""
        ...


@cache
def undo() -> Undo:
    """Taking back."""
    settings = config()
    service = TakeBack(
        store=DynamoDBUndo(client("dynamodb"), settings.batches_table),
        entries=DynamoDBLedgerReader(client("dynamodb"), settings.ledger_table),
        ledger=DynamoDBLedger(client("dynamodb"), settings.ledger_table, settings.members_table),
        undos=SqsUndoPublisher(client("sqs"), settings.undo_queue_url),
        reports=SqsReportPublisher(client("sqs"), settings.report_queue_url),
    )

    def run(message: UndoMessage, *, deadline: float, out_of_time: OutOfTime) -> Undone:
        return service.run(
            message, now=int(time.time()), deadline=deadline, out_of_time=out_of_time
        )

    return run
