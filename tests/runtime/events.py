"""The events in events/, and copies of them that speak of something that is there."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from pointflow.domain.messages import decode_chunk
from pointflow.domain.submission import SubmissionRef

EVENTS = Path(__file__).parents[2] / "events"
MEMBER = "348399"
"""The user id in every event about a member."""


def names() -> list[str]:
    """Every event, as `<function's folder>/<file>`."""
    return sorted(path.relative_to(EVENTS).as_posix() for path in EVENTS.rglob("*.json"))


def load(name: str) -> Any:
    """An event as it stands in its file."""
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def chunk_rows(event: Any) -> list[bytes]:
    """The rows of a credit message, each with its line feed."""
    return decode_chunk(event["Records"][0]["body"]).rows.splitlines(keepends=True)


def about(
    event: Any, ref: SubmissionRef, *, content: str | None = None, size: int | None = None
) -> Any:
    """A copy of a queue's event whose messages speak of another submission.

    Parameters
    ----------
    event : JSON value
    ref : SubmissionRef
        What messages that name a file and a version shall name.
    content : str, optional
        Digest of the file, for messages that carry one.
    size : int, optional
        Bytes of the file, for notifications of an upload.
    """

    def changed(head: dict[str, Any]) -> None:
        if "version" in head:
            head |= {"client": ref.client_id, "file": ref.file_name, "version": ref.version}
        if "content" in head and content:
            head["content"] = content
        for created in _created_objects(head):
            key = quote_plus(f"inbound/{ref.client_id}/{ref.file_name}", safe="/")
            created |= {"key": key, "versionId": ref.version}
            created["size"] = created["size"] if size is None else size

    return _with_bodies(event, changed)


def about_member(event: Any, user_id: int) -> Any:
    """A copy of an event about another member than the one that all events about members name."""
    copied = copy.deepcopy(event)
    encoded = copied.get("isBase64Encoded")
    if encoded:
        copied["body"] = base64.b64decode(copied["body"]).decode()
    copied = json.loads(json.dumps(copied).replace(MEMBER, str(user_id)))
    if encoded:
        copied["body"] = base64.b64encode(copied["body"].encode()).decode()
    return copied


def with_uploads(event: Any, put: Callable[[str, bytes], str]) -> Any:
    """A copy of a notification whose objects have been uploaded and have the versions it names.

    Parameters
    ----------
    event : JSON value
    put : callable
        Takes a key and a body, answers the version.
    """

    def changed(head: dict[str, Any]) -> None:
        for created in _created_objects(head):
            # A size that only a multipart upload reaches is announced, not uploaded.
            body = b"\n".rjust(min(created["size"], 4096), b"x")
            created["versionId"] = put(unquote_plus(created["key"]), body)

    return _with_bodies(event, changed)


def _created_objects(head: dict[str, Any]) -> list[dict[str, Any]]:
    """What a notification says of the versions it announces; not of what is no version."""
    found = [record["s3"]["object"] for record in head.get("Records", ())]
    return [created for created in found if created.get("versionId") and created["size"]]


def _with_bodies(event: Any, change: Callable[[dict[str, Any]], None]) -> Any:
    copied = copy.deepcopy(event)
    for record in copied["Records"]:
        record["body"] = _changed(record["body"], change)
        record["md5OfBody"] = hashlib.md5(record["body"].encode()).hexdigest()  # noqa: S324 - SQS says so
    return copied


def _changed(body: str, change: Callable[[dict[str, Any]], None]) -> str:
    # The head of a credit message is its first line, every other message is all head.
    head, line_feed, rows = body.partition("\n")
    try:
        document = json.loads(head)
    except ValueError:
        return body  # poison stays as it is
    change(document)
    return json.dumps(document) + line_feed + rows
