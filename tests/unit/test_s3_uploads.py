"""What is signed of an upload."""

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from pointflow.adapters.clients import SIGNING
from pointflow.adapters.s3_uploads import S3UploadGrants
from pointflow.domain.submission import SubmissionRef

NAME = "activities_acme_20260101000000.txt"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_key_size_and_end_are_signed_and_the_host_is_the_regions_own(region: str) -> None:
    client = boto3.client(
        "s3",
        region_name=region,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        config=SIGNING,
        endpoint_url=f"https://s3.{region}.amazonaws.com",
    )

    grant = S3UploadGrants(lambda: client, "files").grant(SubmissionRef("acme", NAME, ""), 12, 900)

    url = urlsplit(grant.url)
    signed = {name: value for name, (value,) in parse_qs(url.query).items()}
    assert (url.scheme, url.path) == ("https", f"/inbound/acme/{NAME}")
    assert url.netloc == f"files.s3.{region}.amazonaws.com"
    assert signed["X-Amz-SignedHeaders"] == "content-length;host"
    assert (signed["X-Amz-Algorithm"], signed["X-Amz-Expires"]) == ("AWS4-HMAC-SHA256", "900")
    # Nothing that a sender would have to know beforehand, or to send along.
    assert not [name for name in signed if "checksum" in name.lower()]
    assert grant.headers == {"Content-Length": "12"}
