"""A member is forgotten on the deployed stack, stays away, and can be let in again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import decompress

from tests.e2e.conftest import DeployedStack, eventually
from tests.e2e.http import JSON, Reply, api_key, send

HEADER = "client_id,user_id,email,username,third_party_id,status,opening_balance\n"
LINE = "acme,77001,forget.me@example.com,forgetme,F-77001,active,40\n"
STEM = "activities_acme_20260602000001"
NEXT_MONTH = (datetime.now(UTC).replace(day=1) + timedelta(days=32)).strftime("%Y-%m-28")
PERSONAL = (b"forget.me@example.com", b"forgetme", b"F-77001")


def body(message_date: str, **who: Any) -> bytes:
    days = [{"points_expiring": 30, "expiration_date": f"{NEXT_MONTH}T00:00:00Z"}]
    document = {"message_date": message_date, "redemption_period_points_expiration": days}
    return json.dumps({**document, **who}).encode()


def everything(stack: DeployedStack) -> Iterator[bytes]:
    """All that the stack holds but uploads: items of every table, versions of every object."""
    dynamodb, s3 = stack.aws("dynamodb"), stack.aws("s3")
    for name in ("Members", "Ledger", "Batches", "Expirations", "Catalog"):
        pages = dynamodb.get_paginator("scan").paginate(TableName=stack.outputs[f"{name}TableName"])
        yield from (_readable(item) for page in pages for item in page["Items"])
    bucket = stack.outputs["BucketName"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for found in page.get("Versions", []):
            if not found["Key"].startswith("inbound/"):
                key, version = found["Key"], found["VersionId"]
                yield s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read()


def _readable(item: Any) -> bytes:
    """An item as text, what is compressed in it included."""
    return json.dumps(item, default=lambda packed: decompress(packed).decode()).encode()


def left(stack: DeployedStack) -> list[bytes]:
    return [each for each in everything(stack) if any(name in each for name in PERSONAL)]


def test_a_forgotten_member_leaves_its_points_and_nothing_else(
    stack: DeployedStack, tmp_path: Path
) -> None:
    members = tmp_path / "members.csv"
    members.write_text(HEADER + LINE)
    assert stack.pointflow("members", "import", str(members)).code == 0
    added = stack.pointflow("credentials", "add", "--scopes", "push,read", "--json").json
    api, headers = stack.outputs["ApiUrl"], {**JSON, **api_key(added["api_key"])}

    def push(text: bytes) -> Reply:
        return send("POST", f"{api}/v1/points-expirations", headers, text)

    def upcoming() -> bool:
        listed = send("GET", f"{api}/v1/points-expirations?limit=1000", headers).json["items"]
        return any(each.get("user_id") == 77001 for each in listed)

    def shown() -> int:
        return send("GET", f"{api}/v1/members/77001/points-expiration", headers).status

    assert push(body("2026-05-20T10:00:00Z", user_id=77001)).status == 200
    assert push(body("2026-05-20T10:00:00Z", email_address="forget.me@example.com")).status == 200
    assert push(b'{"email_address": "Forget.Me@example.com"}').status == 422
    eventually(lambda: upcoming() or None, "the month index")
    stack.upload(
        f"inbound/acme/{STEM}.txt",
        b"forget.me@example.com||||126456789|7\nforget.me@example.com||||126456789|no\n"
        b"|||forgetme|none|1\nnobody@example.com||||126456789|1\n",
    )
    assert stack.result(f"outbound/acme/{STEM}_result.json")["credited"] == 1
    assert len(left(stack)) > 6

    forgot = stack.pointflow("member", "forget", "77001", "--yes", "--reason", "asked", "--json")

    assert forgot.code == 0, forgot.err
    assert forgot.json["erased"]["rejected_rows"] == 2
    eventually(lambda: not left(stack) or None, "the projection")
    assert (shown(), upcoming()) == (404, False)
    kept = stack.pointflow("member", "show", "77001", "--json").json
    assert (kept["status"], kept["balance"], kept["email"]) == ("forgotten", 47, None)
    rejected = stack.object(f"outbound/acme/{STEM}_rejected.txt")
    assert rejected == b"nobody@example.com||||126456789|1\n"

    # Nothing brings it back unasked.
    assert push(body("2026-05-21T10:00:00Z", user_id=77001)).status == 200
    assert push(body("2026-05-21T10:00:00Z", email_address="forget.me@example.com")).status == 200
    skipped = stack.pointflow("members", "import", str(members), "--json").json
    assert (skipped["forgotten"], skipped["imported"]) == (1, 0)
    stack.upload("inbound/acme/activities_acme_20260602000002.txt", b"|77001|||126456789|9\n")
    result = stack.result("outbound/acme/activities_acme_20260602000002_result.json")
    assert result["counts"] == {"MEMBER_NOT_FOUND": 1}
    eventually(lambda: (not left(stack) and shown() == 404) or None, "the projection")

    # It can be let in again.
    let_in = stack.pointflow("members", "import", str(members), "--readmit", "--json").json
    assert (let_in["forgotten"], let_in["imported"]) == (0, 1)
    assert stack.balance(77001) == 47
    assert push(body("2026-05-22T10:00:00Z", user_id=77001)).status == 200
    eventually(lambda: upcoming() or None, "the month index")
    records = stack.pointflow("audit", "--action", "member", "--subject", "77001", "--json").json
    assert [each["action"] for each in records] == ["member.readmit", "member.forget"]
