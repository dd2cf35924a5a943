"""What S3 says in UploadQueue, read as uploads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import Upload
from pointflow.domain.submission import SubmissionRef
from pointflow.observability import logger

FOLDERS = {"inbound": False, "dryrun": True}
"""Where uploads appear, and whether they are dry runs."""


def read_uploads(body: str) -> list[Upload]:
    """The uploads that a message of UploadQueue tells of. See `read_notices`."""
    return [upload for _, upload in read_notices(body)]


def read_notices(body: str) -> list[tuple[str, Upload]]:
    """Read a message of UploadQueue: what S3 calls each event, and the upload.

    What is no upload but comes with every bucket is left out, with a line in the log: the test
    event that S3 sends when a notification is configured, folder markers, and zero-byte objects,
    which SFTP servers and consoles create first and fill with a later version. So is an object
    that lies outside a client's folder: nobody could be told about it.

    Parameters
    ----------
    body : str
        The message body as S3 wrote it: JSON, keys percent-encoded, a space as `+`.

    Returns
    -------
    list of (str, Upload)
        In the order of the message's records; the name as in `ObjectCreated:Put`.

    Raises
    ------
    MessageInvalidError
        The body is not an object-created notification of a versioned bucket.
    """
    message = _object(body)
    if message.get("Event") == "s3:TestEvent":
        logger.info("ignored the test event of a bucket notification")
        return []
    records = message.get("Records")
    if not isinstance(records, list) or not records:
        raise MessageInvalidError("message is not an S3 notification: it has no Records")
    return [(record["eventName"], upload) for record in records if (upload := _upload(record))]


def _object(body: str) -> Mapping[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageInvalidError("message is not JSON") from error
    if not isinstance(message, dict):
        raise MessageInvalidError("message is not a JSON object")
    return message


def _upload(record: object) -> Upload | None:
    event = _field(record, "eventName", str)
    if not event.startswith("ObjectCreated:"):
        raise MessageInvalidError(f"expected an S3 ObjectCreated event, got {event[:64]!r}")
    created = _field(_field(record, "s3", dict), "object", dict)
    key = _decoded(_field(created, "key", str))
    version = created.get("versionId")
    if not isinstance(version, str) or version in {"", "null"}:
        raise MessageInvalidError("upload has no version id: the bucket must be versioned")
    size = _field(created, "size", int)

    received_at = _moment(_field(record, "eventTime", str))
    return upload_of(key, version, size, received_at)


def upload_of(key: str, version: str, size: int, received_at: int) -> Upload | None:
    """The upload that an object is; None, and a line in the log, when it is none.

    Parameters
    ----------
    key, version : str
    size : int
        Bytes.
    received_at : int
        Seconds since the epoch.
    """
    folder, _, rest = key.partition("/")
    client_id, slash, file_name = rest.partition("/")
    if folder not in FOLDERS or not slash or not client_id:
        logger.warning("ignored an object outside a client's folder", version=version)
        return None
    if key.endswith("/"):
        logger.info("ignored a folder marker", version=version)
        return None
    if size == 0:
        logger.info("ignored an object of zero bytes", version=version)
        return None
    ref = SubmissionRef(client_id, file_name, version, dry_run=FOLDERS[folder])
    return Upload(ref, size, received_at)


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise MessageInvalidError("S3 notification has no usable 'eventTime'") from error
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _decoded(key: str) -> str:
    try:
        decoded = unquote_plus(key, errors="strict")
        decoded.encode("utf-8")
    except UnicodeError as error:
        raise MessageInvalidError("the key of the upload is not UTF-8") from error
    return decoded


def _field[Value](holder: object, name: str, kind: type[Value]) -> Value:
    value = holder.get(name) if isinstance(holder, dict) else None
    if type(value) is not kind:
        raise MessageInvalidError(f"S3 notification has no usable {name!r}")
    return value
