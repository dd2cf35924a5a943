"""SQS in memory: what one `SendMessageBatch` after another brought, to be delivered by a test."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as a worker gets it. `receive_count` counts from 1."""

    queue: str
    body: str
    receive_count: int = 1


class MemoryQueues:
    """The calls of a low-level SQS client that publishers make; a queue is named by its URL.

    `waiting` is what was not delivered yet, `sent` keeps every message.
    """

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.sent: list[Delivery] = []

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        assert 1 <= len(entries) <= 10
        sent = [Delivery(request["QueueUrl"], each["MessageBody"]) for each in entries]
        self.sent += sent
        self.waiting.extend(sent)
        return {"Successful": [{"Id": each["Id"]} for each in entries]}

    def put_back(self, delivery: Delivery) -> None:
        """The worker failed: the message comes again."""
        self.waiting.append(replace(delivery, receive_count=delivery.receive_count + 1))
