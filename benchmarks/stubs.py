"""A bucket, a queue and a table that answer over HTTP and keep nothing.

The bucket serves ranges of a file that exists only as a rule: its bytes are worked out from the
offset. The queue accepts every message after a fixed wait and counts. The table knows one planned
submission.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, ClassVar

from pointflow.adapters.submission_items import submission_item
from pointflow.domain.submission import Plan, Status, Submission, SubmissionRef

BLOCK_BYTES = 1 << 20
PAGE_ROWS = 16_411
SERIAL = b"%015d"
SERIAL_MARK = SERIAL % 0

BAD_ROWS = (
    b"no columns at all",
    b"ann@example.com|||ann|126456789|12,5",
    b"|0x1F|||126456789|5",
    b"ben@example.com|||ben|126456789|5|yesterday",
    b"caf\xe9@example.com|||cafe|126456789|5",
    b"|||||5",
)


@dataclass(frozen=True)
class SyntheticFile:
    """A batch file of any size, page after page of the same rows but for a serial number in each.

    Parameters
    ----------
    pages : int
        A page holds `PAGE_ROWS` lines in about a megabyte. Cells never end where pages do.
    bad_share : float
        Share of the lines that are no valid row.
    blank_share : float
        Share of the lines that are blank.
    wider_by : int
        Bytes by which the valid rows are longer than the 44 that they have on average.
    """

    pages: int
    bad_share: float = 0.02
    blank_share: float = 0.0
    wider_by: int = 0

    @cached_property
    def page(self) -> bytes:
        """The first page."""
        return b"".join(line + b"\n" for line in self._lines)

    @cached_property
    def _kinds(self) -> tuple[str, ...]:
        draw = random.Random(4)  # noqa: S311 - rows, no secrets
        weights = (self.bad_share, self.blank_share, 1 - self.bad_share - self.blank_share)
        drawn = draw.choices(("bad", "blank", "row"), weights, k=PAGE_ROWS - 1)
        return ("row", *drawn)

    @cached_property
    def _lines(self) -> tuple[bytes, ...]:
        draw = random.Random(2)  # noqa: S311 - rows, no secrets
        first = b"serial%s@example.com||||126456789|1" % SERIAL_MARK
        wide = b"w" * self.wider_by
        return (first, *(_line(kind, draw, wide) for kind in self._kinds[1:]))

    @property
    def size(self) -> int:
        """Bytes."""
        return self.pages * len(self.page)

    @property
    def rows(self) -> int:
        """Lines that are not blank."""
        return self.pages * (PAGE_ROWS - self._kinds.count("blank"))

    @property
    def rejected(self) -> int:
        """Lines that are no valid row."""
        return self.pages * self._kinds.count("bad")

    @property
    def blank(self) -> int:
        """Blank lines."""
        return self.pages * self._kinds.count("blank")

    @property
    def valid_bytes(self) -> int:
        """Bytes of the valid rows, line ends included."""
        valid = zip(self._kinds, self._lines, strict=True)
        return self.pages * sum(len(line) + 1 for kind, line in valid if kind == "row")

    @property
    def lines(self) -> int:
        """Physical lines."""
        return self.pages * PAGE_ROWS

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end), at most to the end of the file, in blocks."""
        page, size = self.page, len(self.page)
        at = page.index(SERIAL_MARK)
        before, after = page[:at], page[at + len(SERIAL_MARK) :]
        position, end = start, min(end, self.size)
        while position < end:
            number, offset = divmod(position, size)
            stop = min(size, offset + end - position)
            text = b"".join((before, SERIAL % number, after)) if offset < at + 15 else page
            yield text[offset:stop]
            position += stop - offset

    def line_at(self, offset: int) -> int:
        """Number, from 1, of the line that holds the byte at this offset."""
        number, inside = divmod(offset, len(self.page))
        return 1 + number * PAGE_ROWS + self.page.count(b"\n", 0, inside)


def _line(kind: str, draw: random.Random, wide: bytes) -> bytes:
    if kind == "blank":
        return draw.choice((b"", b"  ", b"\r"))
    if kind == "bad":
        return draw.choice(BAD_ROWS)
    user = draw.randrange(1, 10**7)
    form = draw.randrange(4)
    name = b"%s%d" % (draw.choice((b"ann.lee.", b"bertram.bohm.", b"clementine.castellano.")), user)
    points = draw.choice((b"", b"|%d" % draw.randrange(500), b"|%d|1760000000" % draw.randrange(9)))
    member = (
        b"%s@example.com|||%s" % (name, wide),
        b"|%d||%s" % (user, wide),
        b"%s@example.com||%d|%s%s" % (name, user, name, wide),
        b"||%d%s|" % (user, wide),
    )[form]
    return b"%s|%d%s" % (member, draw.choice((126456789, 7001)), points)


@dataclass
class Counts:
    """What the queue was sent."""

    calls: int = 0
    messages: int = 0
    lines: int = 0
    gets: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, body: bytes) -> int:
        """Count a `SendMessageBatch` request; answers how many messages it holds."""
        messages = body.count(b'"MessageBody": "')
        # Each line break of a body is written as \n. A credit message's first line is no row.
        lines = body.count(b"\\n")
        with self.lock:
            self.calls += 1
            self.messages += messages
            self.lines += lines
        return messages


REF = SubmissionRef("acme", "activities_acme_20251009085320.txt", "v1")
RECEIVED_AT = 1_760_000_000
CHUNK_ROWS, CHUNK_BYTES = 500, 100_000


def planned(file: SyntheticFile, cell_bytes: int) -> Submission:
    """The submission that the table knows."""
    plan = Plan(file.size, RECEIVED_AT, cell_bytes, CHUNK_ROWS, CHUNK_BYTES, rulings=1)
    return Submission(REF, Status.PARSING, plan, updated_at=RECEIVED_AT)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    file: ClassVar[SyntheticFile]
    item: ClassVar[Mapping[str, Any]]
    counts: ClassVar[Counts]
    queue_seconds: ClassVar[float]

    def handle_expect_100(self) -> bool:
        """Answer at once: the client waits for it."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def do_GET(self) -> None:
        """A range of the file, or the counts."""
        if self.path == "/counts":
            counts = self.counts
            self._answer({"calls": counts.calls, "messages": counts.messages,
                          "lines": counts.lines})  # fmt: skip
            return
        first, last = re.findall(r"\d+", self.headers.get("Range", f"bytes=0-{self.file.size}"))
        start, end = int(first), min(int(last) + 1, self.file.size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Length", str(end - start))
        self.send_header("Content-Range", f"bytes {start}-{end - 1}/{self.file.size}")
        self.send_header("ETag", '"synthetic"')
        self.end_headers()
        try:
            for block in self.file.read(start, end):
                self.wfile.write(block)
        except ConnectionError:
            self.close_connection = True  # the reader has had enough

    def do_PUT(self) -> None:
        """Take an object and forget it."""
        self._body()
        self.send_response(HTTPStatus.OK)
        self.send_header("ETag", '"forgotten"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """A call of the queue or of the table, or a part of an object."""
        body = self._body()
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        match operation:
            case "":
                self._send(b"<Answer><UploadId>1</UploadId></Answer>", "application/xml")
            case "SendMessageBatch":
                messages = self.counts.add(body)
                time.sleep(self.queue_seconds)
                sent = [
                    {"Id": str(index), "MessageId": str(index), "MD5OfMessageBody": ""}
                    for index in range(messages)
                ]
                self._answer({"Successful": sent})
            case "GetItem":
                key = json.loads(body)["Key"]
                known = key.get("sk", {}).get("S", "").startswith("UPLOAD#")
                self._answer({"Item": self.item} if known else {})
            case "Query":
                self._answer({"Items": [], "Count": 0, "ScannedCount": 0})
            case _:
                self._answer({})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, answer: Mapping[str, Any]) -> None:
        self._send(json.dumps(answer).encode(), "application/x-amz-json-1.0")

    def _send(self, body: bytes, content_type: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the benchmark's output is its table."""


@contextmanager
def stub_servers(
    file: SyntheticFile, cell_bytes: int, queue_seconds: float = 0.008
) -> Iterator[str]:
    """Run the stubs in a process of their own, on a free port of 127.0.0.1.

    Yields
    ------
    str
        The endpoint URL of all three services.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=_serve, args=(theirs, file, cell_bytes, queue_seconds), daemon=True
    )
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _serve(
    connection: Connection, file: SyntheticFile, cell_bytes: int, queue_seconds: float
) -> None:
    item = submission_item(planned(file, cell_bytes)) | {
        "content": {"S": "c0ffee"},
        "first_row_line": {"N": "1"},
        "cells_measured": {"N": "1"},
    }
    served = {"file": file, "item": item, "counts": Counts(), "queue_seconds": queue_seconds}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), served))
    connection.send(server.server_port)
    server.serve_forever()
