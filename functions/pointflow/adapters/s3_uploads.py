"""Signs uploads that a client then sends straight to the bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pointflow.domain.submission import SubmissionRef
from pointflow.ports.batch_api import UploadGrant

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3UploadGrants:
    """Fulfils `UploadGrants`.

    Parameters
    ----------
    client : callable
        Answers an S3 client that was made with `clients.SIGNING`. Called for each upload only.
    bucket : str
    """

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def grant(self, ref: SubmissionRef, size: int, seconds: int) -> UploadGrant:
        """Sign a PUT. The length is signed with it, so that S3 itself refuses any other."""
        url = self._client().generate_presigned_url(
            "put_object",
            Params={"Bucket": self._bucket, "Key": ref.key, "ContentLength": size},
            ExpiresIn=seconds,
            HttpMethod="PUT",
        )
        return UploadGrant(url, {"Content-Length": str(size)})
