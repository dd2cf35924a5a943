"""The bucket: uploads read by pinned version, and the objects that pointflow writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from urllib3.exceptions import HTTPError

from pointflow.adapters.retrying import Backoff, error_code, is_contention
from pointflow.domain.errors import ObjectUnreadableError
from pointflow.domain.submission import SubmissionRef
from pointflow.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

BLOCK_BYTES = 1 << 20
PART_BYTES = 5 << 20
"""The smallest part that S3 takes, so that little of an object is in memory."""

PARTS_OF_A_SIZE = 1_000
"""After so many parts they grow: S3 takes 10,000 parts, of 275 GiB altogether then."""

PATIENCE_SECONDS = 20.0

# 405 is what a delete marker answers to a read; InvalidObjectState is a version in an archive.
# AccessDenied is not among them: a policy may be mended, and the file is still there.
_UNREADABLE = frozenset(
    {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405", "InvalidObjectState"}
)


def _in_a_while() -> Backoff:
    return Backoff(time.monotonic() + PATIENCE_SECONDS)


class S3ObjectStore:
    """`ObjectStore` on one S3 bucket.

    Parameters
    ----------
    client : S3Client
    bucket : str
    backoff : callable
        Makes the waiting between the tries of one read; a read that moves on starts afresh.
    """

    def __init__(
        self, client: S3Client, bucket: str, backoff: Callable[[], Backoff] = _in_a_while
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._backoff = backoff

    def read(self, ref: SubmissionRef, start: int, end: int) -> Iterator[bytes]:
        """Bytes [start, end) of the pinned version in blocks of at most 1 MiB."""
        return self._blocks(self._pinned(ref), start, end)

    def read_object(self, key: str) -> Iterator[bytes]:
        """An object that pointflow itself wrote, in blocks of at most 1 MiB."""
        return self._blocks({"Bucket": self._bucket, "Key": key}, 0, None)

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write a small object in one request."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)

    @contextmanager
    def writer(self, key: str, content_type: str) -> Iterator[_StreamedObject]:
        """Stream an object in parts of 5 MiB; it appears, whole, when the block ends well."""
        streamed = _StreamedObject(self._client, self._bucket, key, content_type)
        try:
            yield streamed
            streamed.finish()
        except BaseException:
            streamed.abort()
            raise

    def _pinned(self, ref: SubmissionRef) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": ref.key, "VersionId": ref.version}

    def _blocks(self, request: dict[str, Any], start: int, end: int | None) -> Iterator[bytes]:
        """Read a range; where the connection breaks, take up again at the next byte."""
        position = start
        backoff = self._backoff()
        request = dict(request)
        while end is None or position < end:
            try:
                answer = self._client.get_object(**request, Range=byte_range(position, end))
                request["IfMatch"] = answer["ETag"]
                for block in _body(answer, position, end):
                    position += len(block)
                    yield block
                    backoff = self._backoff()
                return
            except (ClientError, BotoCoreError, HTTPError, OSError) as error:
                if isinstance(error, ClientError) and error_code(error) == "InvalidRange":
                    return  # the range starts where the object ends
                if not _is_broken(error):
                    raise _unreadable(error, request["Key"]) from error
                backoff.wait(f"reading an object: {type(error).__name__}")


class _StreamedObject:
    """Collects what is written into parts; holds at most one part in memory."""

    def __init__(self, client: S3Client, bucket: str, key: str, content_type: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._etags: list[str] = []

    def write(self, data: bytes) -> None:
        """Append bytes; sends every part that is full."""
        self._buffer += data
        while len(self._buffer) >= self._part_bytes:
            self._send_part(self._part_bytes)

    def finish(self) -> None:
        """Make the object appear; does nothing when nothing was written."""
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
        answer = self._client.upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._upload_id,
            PartNumber=len(self._etags) + 1,
            Body=part,
        )
        self._etags.append(answer["ETag"])


def byte_range(start: int, end: int | None) -> str:
    """The HTTP range header of bytes [start, end); HTTP counts the last byte in."""
    return f"bytes={start}-" if end is None else f"bytes={start}-{end - 1}"


def _body(answer: GetObjectOutputTypeDef, start: int, end: int | None) -> Iterator[bytes]:
    """The bytes [start, end) of an answer, in blocks.

    HTTP lets a server ignore a range and send the whole object; the local AWS does so where a
    version is asked for.
    """
    position = start if "ContentRange" in answer else 0
    # Entering the body itself would hand out the raw stream, whose end is not checked.
    with closing(answer["Body"]) as body:
        while block := body.read(BLOCK_BYTES):
            skipped = max(0, start - position)
            kept = block[skipped : None if end is None else max(0, end - position)]
            position += len(block)
            if kept:
                yield kept
            if end is not None and position >= end:
                return


def _is_broken(error: Exception) -> bool:
    """Whether the connection, not the request, is at fault."""
    if isinstance(error, ClientError):
        return is_contention(error)
    return is_contention(error) or isinstance(error, IncompleteReadError | HTTPError | OSError)


def _unreadable(error: Exception, key: str) -> Exception:
    """What to raise for an error that another try cannot cure."""
    if isinstance(error, ClientError) and error_code(error) in _UNREADABLE:
        return ObjectUnreadableError(f"{key} cannot be read: {error_code(error)}")
    return error
