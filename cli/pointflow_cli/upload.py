"""Put a file into a client's folder, and learn which object version it became."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

from pointflow.domain.submission import SubmissionRef
from pointflow_cli.output import fail

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

ONE_REQUEST_BYTES = 16 << 20
MOST_PARTS = 10_000  # S3's limit
THREADS = 4

Sent = Callable[[int], None]
"""Told how many more bytes were sent."""


class Uploader:
    """Uploads files of any size; at most a few parts are in memory.

    boto3's own file transfer does not tell the version it made, and to ask afterwards could
    name somebody else's.
    """

    def __init__(self, client: S3Client, bucket: str, part_bytes: int = ONE_REQUEST_BYTES) -> None:
        self._client = client
        self._bucket = bucket
        self._part_bytes = part_bytes

    def upload(
        self, path: Path, client_id: str, sent: Sent, *, dry_run: bool = False
    ) -> SubmissionRef:
        """Upload a file under its own name.

        Parameters
        ----------
        path : Path
        client_id : str
            Whose folder it goes to.
        sent : callable
            Told the bytes as they are sent.
        dry_run : bool
            Whether it goes to the folder of dry runs.

        Returns
        -------
        SubmissionRef
            With the object version that this very upload made.
        """
        key = SubmissionRef(client_id, path.name, "", dry_run).key
        size = path.stat().st_size
        if size <= self._part_bytes:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=key, Body=path.read_bytes(), ContentType="text/plain"
            )
            sent(size)
            version: str | None = answer.get("VersionId")
        else:
            version = self._upload_parts(path, key, size, sent)
        if not version:
            fail(
                f"bucket {self._bucket} gave {path.name} no version",
                "turn versioning on: template.yaml has it on",
            )
        return SubmissionRef(client_id, path.name, version, dry_run)

    def _upload_parts(self, path: Path, key: str, size: int, sent: Sent) -> str | None:
        upload_id = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=key, ContentType="text/plain"
        )["UploadId"]
        try:
            parts = list(self._send_parts(path, key, size, upload_id, sent))
            answer = self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
            )
        except BaseException:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
            raise
        return answer.get("VersionId")

    def _send_parts(
        self, path: Path, key: str, size: int, upload_id: str, sent: Sent
    ) -> Iterator[CompletedPartTypeDef]:
        part_bytes = max(self._part_bytes, -(-size // MOST_PARTS))

        def send(number: int) -> CompletedPartTypeDef:
            with path.open("rb") as file:
                file.seek((number - 1) * part_bytes)
                body = file.read(part_bytes)
            etag = self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body
            )["ETag"]
            sent(len(body))
            return {"PartNumber": number, "ETag": etag}

        numbers = range(1, -(-size // part_bytes) + 1)
        with ThreadPoolExecutor(THREADS) as pool:
            # A few at a time, so that an interrupted upload ends soon.
            for group in batched(numbers, THREADS, strict=False):
                yield from pool.map(send, group)
