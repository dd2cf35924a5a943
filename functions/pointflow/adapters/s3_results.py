"""The bucket as the report writer sees it: results are looked at again, and removed."""

from __future__ import annotations

from contextlib import closing

from botocore.exceptions import ClientError

from pointflow.adapters.retrying import error_code
from pointflow.adapters.s3_objects import S3ObjectStore

# Without the right to list the bucket, S3 answers AccessDenied for what is not there.
_ABSENT = frozenset({"NoSuchKey", "AccessDenied"})


class S3ResultStore(S3ObjectStore):
    """`ResultStore` on one S3 bucket."""

    def find(self, key: str) -> bytes | None:
        """A small object that pointflow itself wrote; None where there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            raise
        with closing(answer["Body"]) as body:
            return body.read()

    def remove(self, key: str) -> None:
        """Remove an object, if it is there; the bucket keeps its versions for a while."""
        self._client.delete_object(Bucket=self._bucket, Key=key)
