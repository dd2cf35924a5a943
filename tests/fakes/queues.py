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
    """The calls of a low-level SQS client that publishers make; a queue is named by its URL."""

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        assert 1 <= len(entries) <= 10
        self.waiting.extend(Delivery(request["QueueUrl"], each["MessageBody"]) for each in entries)
        return {"Successful": [{"Id": each["Id"]} for each in entries]}

    def put_back(self, delivery: Delivery) -> None:
        """The worker failed: the message comes again."""
        self.waiting.append(replace(delivery, receive_count=delivery.receive_count + 1))
