"""The bucket: uploads read by pinned version, and the objects that pointflow writes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError
from urllib3.exceptions import HTTPError

from pointflow.adapters.retrying import Backoff, error_code, is_contention
from pointflow.adapters.s3_streams import StreamedObject
from pointflow.domain.errors import ObjectUnreadableError
from pointflow.domain.submission import SubmissionRef
from pointflow.ports.objects import Draft

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

BLOCK_BYTES = 1 << 20

READ_AHEAD = 8
"""Small objects that are read at once: one answers in some ten milliseconds."""

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

    def read_objects(self, keys: Iterable[str]) -> Iterator[bytes]:
        """Small objects that pointflow itself wrote, whole, in order; a few are read ahead."""
        with ThreadPoolExecutor(READ_AHEAD) as pool:
            ahead: deque[Future[bytes]] = deque()
            for key in keys:
                ahead.append(pool.submit(self._whole, key))
                if len(ahead) == READ_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    @contextmanager
    def writer(
        self, key: str, content_type: str, draft: Draft | None = None
    ) -> Iterator[StreamedObject]:
        """Stream an object in parts of 5 MiB; it appears, whole, when the block ends well."""
        streamed = StreamedObject(self._client, self._bucket, key, content_type, draft)
        try:
            yield streamed
            streamed.finish()
        except BaseException:
            # Parts that an earlier process sent stay: its draft is still good for another try.
            if draft is None:
                streamed.abort()
            raise

    def _whole(self, key: str) -> bytes:
        return b"".join(self.read_object(key))

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
