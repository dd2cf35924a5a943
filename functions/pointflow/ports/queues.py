"""The queues, as the use cases see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pointflow.domain.messages import Chunk, Part, ReportRequest


class PartPublisher(Protocol):
    """The way to PartQueue."""

    def send_parts(self, parts: Iterable[Part]) -> None: ...


class ChunkPublisher(Protocol):
    """The way to CreditQueue. Returns when every chunk is accepted; raises `ContentionError`."""

    def send_chunks(self, chunks: Iterable[Chunk]) -> None: ...


class ReportPublisher(Protocol):
    """The way to ReportQueue."""

    def request_report(self, request: ReportRequest) -> None: ...


class QueueDepths(Protocol):
    """How many messages the work queues hold: waiting, delayed or being worked on.

    Approximate while messages come and go; right within a minute or so once nothing does. Nothing
    is taken out of a queue by asking.
    """

    def parts(self) -> int: ...

    def chunks(self) -> int: ...
