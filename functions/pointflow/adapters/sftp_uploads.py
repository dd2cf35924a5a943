"""Uploads over SFTP: taken in when AWS Transfer Family says that they are whole.

When a connection breaks, Transfer stores what had arrived, and S3 tells of that object as of any
other. Only Transfer's own event knows whether all of it came. So where a stack has an SFTP server,
S3's notice of what Transfer put is passed over, and the upload is Transfer's event. A rename is
S3's to tell: with it the client says that the file is done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from pointflow.adapters.s3_events import FOLDERS, read_notices, upload_of
from pointflow.domain.errors import MessageInvalidError, TransientError
from pointflow.domain.messages import Upload
from pointflow.observability import logger, metrics

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SOURCE = "aws.transfer"
WHOLE = "SFTP Server File Upload Completed"
PARTIAL = "SFTP Server File Upload Failed"

_RENAMED = "ObjectCreated:Copy"
_BY_TRANSFER = "AWSTransfer"
"""What Transfer writes into `user-agent` of the metadata of whatever it puts."""


class SftpUploads:
    """Reads messages of UploadQueue for a stack with an SFTP server.

    Parameters
    ----------
    client : S3Client
    bucket : str
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, body: str) -> list[Upload]:
        """Read a message: a notification of S3, or an event of Transfer.

        Returns
        -------
        list of Upload
            Those that are whole. The same upload may be told again, and is the same then.

        Raises
        ------
        MessageInvalidError
            It is neither, or an event without what is needed.
        TransientError
            The version that the event tells of is not to be found.
        """
        event = _transfer_event(body)
        if event is not None:
            return self._told_by_transfer(event)
        return [
            upload
            for name, upload in read_notices(body)
            if name == _RENAMED or not self._waits(upload)
        ]

    def _waits(self, upload: Upload) -> bool:
        ref = upload.ref
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=ref.key, VersionId=ref.version)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == HTTPStatus.NOT_FOUND:
                return False  # as it is anywhere else: intake says what is the matter
            raise
        if head.get("Metadata", {}).get("user-agent") != _BY_TRANSFER:
            return False
        logger.info(
            "put over SFTP: waits for Transfer", client_id=ref.client_id, version=ref.version
        )
        return True

    def _told_by_transfer(self, event: Mapping[str, Any]) -> list[Upload]:
        detail = event.get("detail")
        if event["detail-type"] == PARTIAL:
            # Nothing else is asked of it: a refused write, to outbound say, fails too, and stores
            # nothing that has an ETag. A client could fill the dead-letter queue with such.
            logger.warning("partial upload over SFTP: not taken in", client_id=_username(detail))
            metrics.add_metric("PartialUploads", MetricUnit.Count, 1)
            metrics.flush_metrics()
            return []
        key, etag = _key(detail, self._bucket), _text(detail, "etag").strip('"')
        version, size = self._version(key, etag)
        upload = upload_of(key, version, size, _seconds(event))
        return [] if upload is None else [upload]

    def _version(self, key: str, etag: str) -> tuple[str, int]:
        """Version id and bytes of what was uploaded; another file may have its name by now."""
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=key):
            for found in page.get("Versions", []):
                if found["Key"] == key and found["ETag"].strip('"') == etag:
                    return found["VersionId"], found["Size"]
        raise TransientError("the bucket has no version of what Transfer says was uploaded")


def is_told_by_transfer(body: str) -> bool:
    """Whether a message is an event of Transfer about an upload.

    Raises
    ------
    MessageInvalidError
        It is one that nothing can come of.
    """
    event = _transfer_event(body)
    if event is None:
        return False
    if event["detail-type"] == WHOLE:
        _seconds(event)
        for name in ("file-path", "etag"):
            _text(event.get("detail"), name)
    return True


def _transfer_event(body: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("source") != SOURCE:
        return None
    if event.get("detail-type") not in (WHOLE, PARTIAL):
        raise MessageInvalidError("an event of Transfer, but of no upload over SFTP")
    return event


def _key(detail: object, bucket: str) -> str:
    """The key of a path, whether S3's (`/bucket/inbound/acme/x`) or the user's (`/inbound/x`).

    AWS's documentation does not say which it is. A bucket's name is never a folder's.
    """
    root, _, rest = _text(detail, "file-path").removeprefix("/").partition("/")
    if root == bucket:
        return rest
    if root in FOLDERS:
        return f"{root}/{_text(detail, 'username')}/{rest}"
    raise MessageInvalidError("the event of Transfer tells of another bucket")


def _username(detail: object) -> str | None:
    value = detail.get("username") if isinstance(detail, dict) else None
    return value if isinstance(value, str) else None


def _text(detail: object, name: str) -> str:
    value = detail.get(name) if isinstance(detail, dict) else None
    if not isinstance(value, str) or not value:
        raise MessageInvalidError(f"the event of Transfer has no usable {name!r}")
    return value


def _seconds(event: Mapping[str, Any]) -> int:
    try:
        return int(datetime.fromisoformat(_text(event, "time")).timestamp())
    except ValueError as error:
        raise MessageInvalidError("the event of Transfer has no usable 'time'") from error
