"""Results in the bucket: found again, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from pointflow.adapters.s3_results import S3ResultStore

BUCKET = "results"
KEY = "outbound/acme/a_result.json"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


def test_what_was_put_is_found_until_it_is_removed(s3: S3Client) -> None:
    store = S3ResultStore(s3, BUCKET)
    assert store.find(KEY) is None

    store.put(KEY, b"{}", "application/json")
    assert store.find(KEY) == b"{}"

    for _ in range(2):
        store.remove(KEY)
        assert store.find(KEY) is None


def test_what_was_removed_can_be_written_again(s3: S3Client) -> None:
    store = S3ResultStore(s3, BUCKET)
    store.put(KEY, b"first", "text/plain")
    store.remove(KEY)

    with store.writer(KEY, "text/plain") as out:
        out.write(b"second")

    assert store.find(KEY) == b"second"


class Refusing:
    """An S3 client that answers every read with an error."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_object(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self._code}}, "GetObject")


def test_what_s3_will_not_say_is_absent_counts_as_absent() -> None:
    """Without the right to list, an absent object is answered with AccessDenied."""
    assert S3ResultStore(cast("S3Client", Refusing("AccessDenied")), BUCKET).find(KEY) is None


def test_any_other_error_is_told() -> None:
    store = S3ResultStore(cast("S3Client", Refusing("InternalError")), BUCKET)
    with pytest.raises(ClientError, match="InternalError"):
        store.find(KEY)
