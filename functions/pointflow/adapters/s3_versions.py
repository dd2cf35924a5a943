"""The bucket with every version that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pointflow.adapters.retrying import error_code
from pointflow.adapters.s3_objects import BLOCK_BYTES, S3ObjectStore
from pointflow.ports.erasure import StoredVersion
from pointflow.ports.objects import ObjectWriter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"})


class S3Versions:
    """Fulfils `ports.erasure.ObjectVersions` on one S3 bucket.

    Parameters
    ----------
    client : S3Client
        Safe for threads.
    bucket : str
    """

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._objects = S3ObjectStore(client, bucket)

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Every version under a prefix; delete markers hold nothing and are left out."""
        pages = self._client.get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            for found in page.get("Versions", []):
                yield StoredVersion(found["Key"], found["VersionId"], found["IsLatest"])

    def read(self, stored: StoredVersion) -> Iterator[bytes]:
        """A version in blocks of at most 1 MiB."""
        try:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=stored.key, VersionId=stored.version
            )
        except ClientError as error:
            if error_code(error) in _GONE:
                return
            raise
        with closing(answer["Body"]) as body:
            while block := body.read(BLOCK_BYTES):
                yield block

    def writer(self, key: str, content_type: str) -> AbstractContextManager[ObjectWriter]:
        """Stream a new version in parts."""
        return self._objects.writer(key, content_type)

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Write a small new version."""
        self._objects.put(key, body, content_type)

    def delete(self, stored: StoredVersion) -> None:
        """Delete a version for good."""
        self._client.delete_object(Bucket=self._bucket, Key=stored.key, VersionId=stored.version)
