"""Signatures: the same as botocore's, for whatever is sent by whomever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from pointflow.adapters.sigv4 import JsonSigner

TYPE = "application/x-amz-json-1.0"
URLS = (
    *("https://dynamodb.eu-west-1.amazonaws.com/", "https://dynamodb.test:443/"),
    *("http://127.0.0.1:4566/", "http://localhost:80/", "https://[::1]:8000/"),
)
SECRET = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)


def botocores(
    credentials: ReadOnlyCredentials, url: str, target: str, body: bytes
) -> dict[str, str]:
    headers = {"Content-Type": TYPE, "X-Amz-Target": target}
    request = AWSRequest("POST", url, headers, body)
    SigV4Auth(credentials, "dynamodb", "eu-west-1").add_auth(request)
    return {name.lower(): _text(value) for name, value in request.headers.items()}


@given(
    url=st.sampled_from(URLS),
    access_key=SECRET,
    secret_key=SECRET,
    token=st.none() | SECRET,
    body=st.binary(),
)
def test_it_signs_as_botocore_does(
    url: str, access_key: str, secret_key: str, token: str | None, body: bytes
) -> None:
    credentials = ReadOnlyCredentials(access_key, secret_key, token)
    target = "DynamoDB_20120810.PutItem"
    theirs = botocores(credentials, url, target, body)
    moment = datetime.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    signer = JsonSigner(url, "eu-west-1", "dynamodb", TYPE, now=lambda: moment)

    ours = signer.headers(credentials, target, body)
    assert {name.lower(): value for name, value in ours.items()} == theirs


@pytest.mark.parametrize("changed", ["the day", "the secret"])
def test_a_key_is_derived_anew_for_another_day_or_secret(changed: str) -> None:
    moment = [datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)]
    old, new = ReadOnlyCredentials("AKID", "old", None), ReadOnlyCredentials("AKID", "new", None)
    signer = JsonSigner(URLS[0], "eu-west-1", "dynamodb", TYPE, now=lambda: moment[0])
    signer.headers(old, "X.Y", b"{}")
    now = new if changed == "the secret" else old
    if changed == "the day":
        moment[0] += timedelta(seconds=1)

    fresh = JsonSigner(URLS[0], "eu-west-1", "dynamodb", TYPE, now=lambda: moment[0])
    assert signer.headers(now, "X.Y", b"{}") == fresh.headers(now, "X.Y", b"{}")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
