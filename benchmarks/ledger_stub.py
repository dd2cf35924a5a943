"""A DynamoDB that answers over HTTP after a fixed wait, knows everybody and keeps nothing.

It answers as the real one does where that costs its caller time: a checksum over each answer, and
the items that were asked for. Every member exists, is active, and holds the identifiers that end
in its number.
"""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, ClassVar
from urllib.request import urlopen

_NUMBER = re.compile(r"(\d+)(?:@|$)")

type Item = dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    seconds: ClassVar[float]
    submission: ClassVar[Item]
    calls: ClassVar[dict[str, int]]
    lock: ClassVar[threading.Lock]

    def do_GET(self) -> None:
        """How often each operation was called."""
        self._answer(self.calls)

    def do_POST(self) -> None:
        """A call."""
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        with self.lock:
            self.calls[operation] = self.calls.get(operation, 0) + 1
        answer = answer_to(operation, request, self.submission)
        time.sleep(self.seconds)
        self._answer(answer)

    def _answer(self, answer: Mapping[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("x-amz-crc32", str(zlib.crc32(body)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the benchmark's output is its table."""


_CLIENT: Item = {
    "client_id": {"S": "acme"},
    "item": {"S": "CLIENT"},
    "name": {"S": "Acme"},
    "matching": {"S": "lenient"},
    "duplicate_content": {"S": "hold"},
}


def answer_to(operation: str, request: Mapping[str, Any], submission: Item) -> Item:
    """What a DynamoDB answers that knows everybody and keeps nothing."""
    match operation:
        case "BatchGetItem":
            ((table, asked),) = request["RequestItems"].items()
            wanted = set(asked["ExpressionAttributeNames"].values())
            items = [
                {name: value for name, value in _item(key).items() if name in wanted}
                for key in asked["Keys"]
            ]
            return {"Responses": {table: items}, "UnprocessedKeys": {}}
        case "GetItem":
            key = request["Key"]
            if key.get("item", {}).get("S") == "CLIENT":
                return {"Item": _CLIENT}
            known = key.get("sk", {}).get("S", "").startswith("UPLOAD#")
            return {"Item": submission} if known else {}
        case "Query":
            return {"Items": [], "Count": 0, "ScannedCount": 0}
    return {}


class StubDynamoDB:
    """The same in this process, as a client of botocore's form."""

    def __init__(self, submission: Item) -> None:
        self._submission = submission

    def __getattr__(self, name: str) -> Any:
        operation = "".join(part.title() for part in name.split("_"))
        return lambda **request: answer_to(operation, request, self._submission)


def _item(key: Item) -> Item:
    if "item" in key:
        return {
            **key,
            "activity_id": {"N": key["item"]["S"].rpartition("#")[2]},
            "default_points": {"N": "10"},
            "name": {"S": "Purchase"},
        }
    text = key["key"]["S"]
    found = _NUMBER.search(text)
    number = found[1] if found else "1"
    if "#THIRD#" in text:
        return {**key, "user_ids": {"NS": [number]}}
    return {**key, "user_id": {"N": number}, "status": {"S": "active"}}


@contextmanager
def ledger_stub(submission: Item, seconds: float) -> Iterator[str]:
    """Run the stub in a process of its own, on a free port of 127.0.0.1.

    Yields
    ------
    str
        Its endpoint URL.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, submission, seconds), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def calls_of(endpoint: str) -> dict[str, int]:
    """How often each operation was called."""
    with urlopen(endpoint) as answer:  # noqa: S310 - our own server
        found: dict[str, int] = json.load(answer)
    return found


def _serve(connection: Connection, submission: Item, seconds: float) -> None:
    served = {
        "submission": submission,
        "seconds": seconds,
        "calls": {},
        "lock": threading.Lock(),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), served))
    connection.send(server.server_port)
    server.serve_forever()
