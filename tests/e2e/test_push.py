"""The push job through the deployed stack: credentials, answers, order, month index, quarantine."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointflow.adapters.cached_credentials import REFRESH_SECONDS
from tests.e2e.conftest import DeployedStack, eventually
from tests.e2e.http import JSON, Reply, api_key, basic, send

PUSHES = "/v1/points-expirations"
NEXT_MONTH = (datetime.now(UTC).replace(day=1) + timedelta(days=32)).strftime("%Y-%m-28")
SAMPLE = Path(__file__).parents[2] / "samples" / "pushes" / "as_printed.json"


@pytest.fixture(scope="module")
def credential(stack: DeployedStack) -> Mapping[str, Any]:
    """A credential of acme that may push and read."""
    added = stack.pointflow("credentials", "add", "--scopes", "push,read", "--json")
    assert added.code == 0, added.err
    time.sleep(REFRESH_SECONDS)  # by then every container has let go of what it knew before
    document: Mapping[str, Any] = added.json
    return document


def body(user_id: int, message_date: str | None = "2026-05-20T10:00:00Z", **changes: Any) -> bytes:
    """A push with 300 points expiring next month."""
    document: dict[str, Any] = {
        "user_id": user_id,
        "redemption_period_points_expiration": [
            {
                "points_expired": 0,
                "points_expiring": 300,
                "points_redeemed": 0,
                "expiration_date": f"{NEXT_MONTH}T23:00:00-04:00",
            }
        ],
    }
    if message_date is not None:
        document["message_date"] = message_date
    return json.dumps(document | changes).encode()


def push(
    stack: DeployedStack, key: Mapping[str, str], text: bytes, headers: Mapping[str, str] = JSON
) -> Reply:
    return send("POST", stack.outputs["ApiUrl"] + PUSHES, {**headers, **key}, text)


def read(stack: DeployedStack, credential: Mapping[str, Any], path: str) -> Reply:
    return send("GET", stack.outputs["ApiUrl"] + path, api_key(credential["api_key"]))


def test_basic_and_api_key_both_open_the_door_and_nothing_else_does(
    stack: DeployedStack, credential: Mapping[str, Any]
) -> None:
    name, password, key = (credential[field] for field in ("username", "password", "api_key"))
    wrong = {
        "nothing": {},
        "wrong password": basic(name, password + "x"),
        "unknown client": basic("nobody", password),
        "wrong key": api_key(key[:-1] + ("A" if key[-1] != "A" else "B")),
        "one right, one wrong": {**basic(name, password), **api_key("acme.wrong")},
        "not base64": {"Authorization": "Basic %%%"},
        "another scheme": {"Authorization": f"Bearer {key}"},
    }
    right = [basic(name, password), basic(name, password, "bAsIc"), api_key(key)]
    right.append({**basic(name, password), **api_key(key)})

    for headers in right:
        assert push(stack, headers, body(700_000_001)).status == 200
    for what, headers in wrong.items():
        reply = push(stack, headers, body(700_000_001))
        assert reply.told == (401, "CREDENTIAL_INVALID"), what
        assert reply.headers["www-authenticate"].startswith("Basic ")


def test_a_credential_does_only_what_its_scopes_allow(stack: DeployedStack) -> None:
    reader = stack.pointflow("credentials", "add", "--scopes", "read", "--json").json

    assert push(stack, api_key(reader["api_key"]), body(1)).told == (403, "SCOPE_MISSING")


def test_a_revoked_credential_is_refused_and_a_rotated_one_goes_on(stack: DeployedStack) -> None:
    old = stack.pointflow("credentials", "add", "--scopes", "push", "--label", "old", "--json").json
    _counts(stack, old)

    new = stack.pointflow("credentials", "rotate", old["id"], "--json").json
    _counts(stack, new)
    _counts(stack, old)

    listed = stack.pointflow("credentials", "list", "--json")
    assert old["password"] not in listed.out
    assert new["api_key"] not in listed.out
    assert stack.pointflow("credentials", "revoke", old["id"]).code == 0
    assert old["id"] not in stack.pointflow("credentials", "list", "--json").out


def _counts(stack: DeployedStack, credential: Mapping[str, Any]) -> None:
    """Wait until a credential counts: wrong ones before it may delay it by a few seconds."""
    key = api_key(credential["api_key"])
    eventually(
        lambda: push(stack, key, body(700_000_002)).status == 200 or None, "the new credential", 15
    )


def test_a_secret_that_is_missing_or_malformed_fails_closed(stack: DeployedStack) -> None:
    added = stack.pointflow("clients", "add", "initech")
    assert added.code == 0, added.err
    assert push(stack, api_key("initech." + "x" * 43), body(1)).told == (503, "UNAVAILABLE")

    stack.aws("secretsmanager").create_secret(
        Name=f"{stack.outputs['CredentialsPrefix']}/initech", SecretString="not json"
    )

    reply = push(stack, api_key("initech." + "x" * 43), body(1))

    assert reply.told == (503, "UNAVAILABLE")


@pytest.mark.parametrize(
    ("text", "headers", "told"),
    [
        (b"", JSON, (400, "BODY_NOT_JSON")),
        (b"{", JSON, (400, "BODY_NOT_JSON")),
        (b"[" * 20_000, JSON, (400, "BODY_NOT_JSON")),
        (b'{"user_id": NaN}', JSON, (400, "BODY_NOT_JSON")),
        (b"[]", JSON, (422, "PUSH_INVALID")),
        (body(1, redemption_period_points_expiration=None), JSON, (422, "PUSH_INVALID")),
        (body(1, "2999-01-01T00:00:00Z"), JSON, (422, "PUSH_INVALID")),
        (body(True), JSON, (422, "PUSH_INVALID")),
        (b"{}", {"Content-Type": "text/plain"}, (415, "CONTENT_TYPE_UNSUPPORTED")),
        (b'"' + b"x" * 65_536 + b'"', JSON, (413, "BODY_TOO_LARGE")),
    ],
)
def test_a_body_that_is_no_push_is_answered_with_what_is_wrong(
    stack: DeployedStack,
    credential: Mapping[str, Any],
    text: bytes,
    headers: Mapping[str, str],
    told: tuple[int, str],
) -> None:
    assert push(stack, api_key(credential["api_key"]), text, headers).told == told


def test_a_refused_push_waits_in_quarantine_and_the_sample_as_printed_is_one(
    stack: DeployedStack, credential: Mapping[str, Any]
) -> None:
    text = SAMPLE.read_bytes()

    reply = push(stack, api_key(credential["api_key"]), text)

    assert reply.told == (422, "PUSH_INVALID")
    listed = stack.pointflow("quarantine", "list", "--json").json
    shown = [stack.pointflow("quarantine", "show", each["key"], "--json").json for each in listed]
    assert text in [b64decode(each["body_base64"]) for each in shown]


def test_the_newest_instant_is_the_view_whatever_comes_when(
    stack: DeployedStack, credential: Mapping[str, Any]
) -> None:
    key = api_key(credential["api_key"])
    newest = body(700_000_010, "2026-05-20T12:00:00-04:00")
    older = body(700_000_010, "2026-05-20T15:59:59Z", inactivity_points_expiration=[])

    assert push(stack, key, newest).told == (200, "stored")
    assert push(stack, key, older).told == (200, "stale")
    assert push(stack, key, newest).told == (200, "duplicate")
    assert push(stack, key, older).told[0] == 200

    view = read(stack, credential, "/v1/members/700000010/points-expiration").json
    assert view["message_date"] == "2026-05-20T12:00:00-04:00"
    history = read(stack, credential, "/v1/members/700000010/points-expiration/history").json
    dates = [item["message_date"] for item in history["items"]]
    assert dates == ["2026-05-20T12:00:00-04:00", "2026-05-20T15:59:59Z"]


def test_whose_points_expire_follows_the_pushes(
    stack: DeployedStack, credential: Mapping[str, Any]
) -> None:
    key = api_key(credential["api_key"])
    month = f"{PUSHES}?from={NEXT_MONTH[:8]}01&to={NEXT_MONTH}"
    members = range(700_000_020, 700_000_026)
    for user_id in members:
        assert push(stack, key, body(user_id)).told == (200, "stored")

    def listed() -> dict[int, int] | None:
        found: dict[int, int] = {}
        cursor = ""
        while True:
            page = read(stack, credential, f"{month}&limit=2{cursor}").json
            found |= {item["user_id"]: item["points_expiring"] for item in page["items"]}
            if page["next_cursor"] is None:
                return found if set(members) <= set(found) else None
            cursor = f"&cursor={page['next_cursor']}"

    # As written, 23:00-04:00 is still that very day.
    assert {user_id: eventually(listed, "the month index")[user_id] for user_id in members} == (
        dict.fromkeys(members, 300)
    )

    gone = body(700_000_020, "2026-05-21T00:00:00Z", redemption_period_points_expiration=[])
    assert push(stack, key, gone).told == (200, "stored")
    eventually(
        lambda: 700_000_020 not in _members(stack, credential, month) or None, "the cleared view"
    )
    rich = read(stack, credential, f"{month}&min_points=301").json
    assert 700_000_021 not in {item["user_id"] for item in rich["items"]}


def _members(stack: DeployedStack, credential: Mapping[str, Any], month: str) -> set[int]:
    return {item["user_id"] for item in read(stack, credential, f"{month}&limit=100").json["items"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/members/700099999/points-expiration", 404),
        ("/v1/members/abc/points-expiration", 422),
        (f"{PUSHES}?from=2026-13-01&to=2026-12-01", 422),
        (f"{PUSHES}?from=2026-12-01&to=2026-12-31&cursor=%F0%28", 422),
        ("/v1/nothing", 404),
    ],
)
def test_a_question_that_cannot_be_answered_is_the_askers_fault(
    stack: DeployedStack, credential: Mapping[str, Any], path: str, status: int
) -> None:
    assert read(stack, credential, path).status == status


def test_one_client_never_sees_anothers_expirations(
    stack: DeployedStack, credential: Mapping[str, Any]
) -> None:
    assert push(stack, api_key(credential["api_key"]), body(700_000_040)).status == 200

    other = stack.pointflow("expirations", "show", "700000040", "--client", "globex")

    assert other.code == 2
    assert stack.pointflow("expirations", "show", "700000040", "--json").code == 0


def test_the_command_pushes_and_shows(stack: DeployedStack, tmp_path: Path) -> None:
    added = stack.pointflow("credentials", "add", "--scopes", "push", "--json").json
    _counts(stack, added)
    file = tmp_path / "push.json"
    file.write_bytes(body(700_000_050))

    sent = stack.pointflow("push", "send", str(file), "--api-key", added["api_key"], "--json")

    assert (sent.code, sent.json) == (0, {"http_status": 200, "answer": {"status": "stored"}})
    shown = stack.pointflow("expirations", "show", "700000050")
    assert "300" in shown.out
