"""Queues in memory. Everything travels as the text that the real queues would carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pointflow.domain.errors import ContentionError
from pointflow.domain.messages import (
    Chunk,
    Part,
    ReportRequest,
    decode_chunk,
    decode_part,
    decode_report,
    encode_chunk,
    encode_part,
    encode_report,
)
from pointflow.domain.undo import UndoMessage, decode_undo, encode_undo


class FakeParts:
    """PartQueue. `sent` keeps every part in order, duplicates included."""

    def __init__(self) -> None:
        self.sent: list[Part] = []

    def send_parts(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self.sent.append(decode_part(encode_part(part)))

    def take(self) -> list[Part]:
        """What was sent since the last time, as a consumer would get it."""
        taken, self.sent = self.sent, []
        return taken


class FakeChunks:
    """CreditQueue. `sent` keeps every chunk in order, duplicates included.

    `refuse_after` is how many more chunks are accepted before the queue throttles for good.
    """

    def __init__(self) -> None:
        self.sent: list[Chunk] = []
        self.refuse_after: int | None = None

    def send_chunks(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            if self.refuse_after is not None:
                if self.refuse_after == 0:
                    raise ContentionError("the queue throttles")
                self.refuse_after -= 1
            self.sent.append(decode_chunk(encode_chunk(chunk)))


@dataclass
class FakeDepths:
    """What the queues are said to hold, everybody's messages together."""

    in_parts: int = 0
    in_chunks: int = 0

    def parts(self) -> int:
        return self.in_parts

    def chunks(self) -> int:
        return self.in_chunks


class FakeUndos:
    """UndoQueue. `sent` keeps every message in order, duplicates included."""

    def __init__(self) -> None:
        self.sent: list[UndoMessage] = []

    def send_undo(self, messages: Iterable[UndoMessage]) -> None:
        for message in messages:
            self.sent.append(decode_undo(encode_undo(message)))

    def take(self) -> list[UndoMessage]:
        """What was sent since the last time, as a consumer would get it."""
        taken, self.sent = self.sent, []
        return taken


class FakeReports:
    """ReportQueue. `requested` keeps every request in order, duplicates included."""

    def __init__(self) -> None:
        self.requested: list[ReportRequest] = []

    def request_report(self, request: ReportRequest) -> None:
        self.requested.append(decode_report(encode_report(request)))
