"""Batches over HTTP: uploads that S3 itself holds to their terms, and what became of them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from pointflow.adapters.cached_credentials import REFRESH_SECONDS
from tests.e2e.conftest import DeployedStack, eventually
from tests.e2e.http import JSON, Reply, api_key, send

NAME = "activities_acme_20260801000000.txt"
BODY = b"hana@example.com||||126456789|5\nnobody@example.com||||126456789|5\na|b\n"


@pytest.fixture(scope="module")
def key(stack: DeployedStack) -> Mapping[str, str]:
    """A credential of acme that may read and upload."""
    added = stack.pointflow("credentials", "add", "--scopes", "read,upload", "--json")
    assert added.code == 0, added.err
    time.sleep(REFRESH_SECONDS)  # by then every container has let go of what it knew before
    return api_key(added.json["api_key"])


def ask(stack: DeployedStack, key: Mapping[str, str], path: str) -> Reply:
    return send("GET", stack.outputs["ApiUrl"] + path, key)


def grant(stack: DeployedStack, key: Mapping[str, str], name: str, size: int) -> Reply:
    body = json.dumps({"file_name": name, "size": size}).encode()
    return send("POST", stack.outputs["ApiUrl"] + "/v1/uploads", {**JSON, **key}, body)


def put(url: str, body: bytes) -> int:
    """Send bytes to a signed URL; answers the status."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", body=body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def finished(stack: DeployedStack, key: Mapping[str, str], name: str) -> Any:
    def look() -> Any:
        reply = ask(stack, key, f"/v1/batches/{name}")
        return reply.json if reply.status == 200 and reply.json["result_key"] else None

    return eventually(look, f"the result of {name}")


def test_a_file_goes_in_by_a_signed_put_and_its_fate_is_told_over_http(
    stack: DeployedStack, key: Mapping[str, str]
) -> None:
    before = stack.balance(1009)
    assert ask(stack, key, f"/v1/batches/{NAME}").told == (404, "NOT_FOUND")

    url = grant(stack, key, NAME, len(BODY)).json["url"]
    assert put(url, BODY) == 200

    batch = finished(stack, key, NAME)
    assert (batch["status"], batch["rows"], batch["credited"], batch["rejected"]) == (
        "COMPLETED_WITH_REJECTS",
        3,
        1,
        2,
    )
    assert stack.balance(1009) == before + 5
    first = ask(stack, key, f"/v1/batches/{NAME}/rejects?limit=1").json
    second = ask(
        stack, key, f"/v1/batches/{NAME}/rejects?limit=1&cursor={first['next_cursor']}"
    ).json
    codes = [row["code"] for row in first["items"] + second["items"]]
    assert (codes, second["next_cursor"]) == (["MEMBER_NOT_FOUND", "COLUMN_COUNT"], None)
    day = batch["received_at"][:10]
    listed = ask(stack, key, f"/v1/batches?status=COMPLETED_WITH_REJECTS&day={day}").json
    assert NAME in {item["file"] for item in listed["items"]}


def test_s3_itself_refuses_another_size_name_or_client(
    stack: DeployedStack, key: Mapping[str, str]
) -> None:
    name = NAME.replace("0801", "0802")
    url = grant(stack, key, name, len(BODY)).json["url"]

    assert put(url, BODY + b"\n") == 403
    assert put(url, BODY[:-1]) == 403
    assert put(url.replace("0802", "0803"), BODY) == 403
    assert put(url.replace("acme", "globex"), BODY) == 403
    listed = stack.aws("s3").list_objects_v2(
        Bucket=stack.outputs["BucketName"], Prefix=f"inbound/acme/{name}"
    )
    assert listed["KeyCount"] == 0
    assert put(url, BODY) == 200


def test_what_a_credential_may_not_do_or_is_not_its_clients_is_refused(
    stack: DeployedStack, key: Mapping[str, str]
) -> None:
    reader = stack.pointflow("credentials", "add", "--scopes", "read", "--json").json
    other = stack.pointflow(
        "credentials", "add", "--scopes", "read,upload", "--client", "globex", "--json"
    ).json
    time.sleep(REFRESH_SECONDS)

    assert grant(stack, api_key(reader["api_key"]), NAME, 1).told == (403, "SCOPE_MISSING")
    assert grant(stack, api_key(other["api_key"]), NAME, 1).told == (403, "CLIENT_MISMATCH")
    assert grant(stack, key, NAME, 0).told == (422, "UPLOAD_INVALID")
    for path in (f"/v1/batches/{NAME}", f"/v1/batches/{NAME}/rejects"):
        assert ask(stack, api_key(other["api_key"]), path).told == (404, "NOT_FOUND")
