"""An object that is written to S3 as it comes, in parts, by one process or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.retrying import error_code
from pointflow.domain.errors import DraftLostError
from pointflow.observability import logger
from pointflow.ports.objects import Draft

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 5 << 20
"""The smallest part that S3 takes, so that little of an object is in memory."""

PARTS_OF_A_SIZE = 1_000
"""After so many parts they grow: S3 takes 10,000 parts, of 275 GiB altogether then."""


class StreamedObject:
    """Collects what is written into parts; holds at most one part in memory."""

    def __init__(
        self, client: S3Client, bucket: str, key: str, content_type: str, draft: Draft | None = None
    ) -> None:
        begun = draft or Draft()
        self._client = client
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._buffer = bytearray(begun.tail)
        self._upload_id = begun.upload_id
        self._etags = list(begun.etags)
        self._suspended = False

    def write(self, data: bytes) -> None:
        """Append bytes; sends every part that is full."""
        self._buffer += data
        while len(self._buffer) >= self._part_bytes:
            self._send_part(self._part_bytes)

    def suspend(self) -> Draft:
        """Leave the object half written."""
        self._suspended = True
        return Draft(self._upload_id, tuple(self._etags), bytes(self._buffer))

    def finish(self) -> None:
        """Make the object appear; does nothing when it was suspended or nothing was written."""
        if self._suspended:
            return
        if self._upload_id is None:
            if self._buffer:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key,
                    Body=bytes(self._buffer),
                    ContentType=self._content_type,
                )
            return
        if self._buffer:
            self._send_part(len(self._buffer))
        with _lost_as_such(self._key):
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={
                    "Parts": [
                        {"PartNumber": number, "ETag": etag}
                        for number, etag in enumerate(self._etags, start=1)
                    ]
                },
            )

    def abort(self) -> None:
        """Give the parts back. The bucket's lifecycle rule clears what cannot be given back."""
        if self._upload_id is None:
            return
        try:
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._upload_id
            )
        except (ClientError, BotoCoreError):
            logger.exception("parts of an upload not given back", key=self._key)

    @property
    def _part_bytes(self) -> int:
        return PART_BYTES * (1 + len(self._etags) // PARTS_OF_A_SIZE)

    def _send_part(self, size: int) -> None:
        if self._upload_id is None:
            self._upload_id = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=self._key, ContentType=self._content_type
            )["UploadId"]
        with memoryview(self._buffer) as written:
            part = written[:size].tobytes()
        del self._buffer[:size]
        with _lost_as_such(self._key):
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._key,
                UploadId=self._upload_id,
                PartNumber=len(self._etags) + 1,
                Body=part,
            )
        self._etags.append(answer["ETag"])


@contextmanager
def _lost_as_such(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error_code(error) == "NoSuchUpload":
            raise DraftLostError(f"what was written of {key} is gone") from error
        raise
