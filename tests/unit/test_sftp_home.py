"""What a client's session policy leaves to it, asked as AWS asks it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pointflow.domain.sftp_home import MAX_SESSION_POLICY, home, markers, session_policy

ARN = "arn:aws:s3:::bucket"


def matches(pattern: str, text: str) -> bool:
    """As IAM reads a pattern: `*` and `?`, slashes included."""
    regex = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def allows(policy: str, action: str, resource: str, prefix: str | None = None) -> bool:
    """Whether one statement allows the request; there is no Deny in such a policy."""

    def listed(value: Any) -> list[str]:
        return value if isinstance(value, list) else [value]

    def holds(condition: dict[str, Any]) -> bool:
        assert set(condition) <= {"StringLike"}
        wanted = condition.get("StringLike", {})
        assert set(wanted) <= {"s3:prefix"}
        return not wanted or (
            prefix is not None and any(matches(each, prefix) for each in wanted["s3:prefix"])
        )

    statements = json.loads(policy)["Statement"]
    assert {each["Effect"] for each in statements} == {"Allow"}
    return any(
        action in each["Action"]
        and any(matches(pattern, resource) for pattern in listed(each["Resource"]))
        and holds(each.get("Condition", {}))
        for each in statements
    )


def test_a_client_puts_and_gets_in_its_own_folders() -> None:
    acme = session_policy("acme", ARN)

    for folder in ("inbound", "dryrun"):
        for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
            assert allows(acme, action, f"{ARN}/{folder}/acme/a/b.txt")
    assert allows(acme, "s3:GetObject", f"{ARN}/outbound/acme/b_result.json")
    for folder in ("inbound", "dryrun", "outbound"):
        assert allows(acme, "s3:ListBucket", ARN, prefix=f"{folder}/acme/")
        assert allows(acme, "s3:GetObject", f"{ARN}/{folder}/acme/")  # Transfer asks for markers


def test_results_are_read_and_never_changed() -> None:
    acme = session_policy("acme", ARN)

    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not allows(acme, action, f"{ARN}/outbound/acme/b_result.json")


@pytest.mark.parametrize(("client_id", "other"), [("acme", "acme2"), ("acme2", "acme")])
def test_a_client_reaches_nothing_of_one_whose_id_begins_alike(client_id: str, other: str) -> None:
    policy = session_policy(client_id, ARN)

    for folder in ("inbound", "dryrun", "outbound"):
        for action in ("s3:PutObject", "s3:GetObject", "s3:DeleteObject"):
            assert not allows(policy, action, f"{ARN}/{folder}/{other}/secret.txt")
            assert not allows(policy, action, f"{ARN}/{folder}/{other}/")
        for prefix in (
            f"{folder}/{other}/",
            f"{folder}/{client_id}",
            f"{folder}/",
            folder,
            "",
            "/",
        ):
            assert not allows(policy, "s3:ListBucket", ARN, prefix=prefix)
    assert not allows(policy, "s3:ListBucket", ARN)


@pytest.mark.parametrize("prefix", ["rejects", "quarantine", "inbound", "outbound"])
def test_nothing_else_in_the_bucket_is_reached(prefix: str) -> None:
    policy = session_policy("acme", ARN)

    assert not allows(policy, "s3:GetObject", f"{ARN}/{prefix}/x")
    assert not allows(policy, "s3:GetObject", f"{ARN}2/inbound/acme/x")


def test_the_longest_names_fit() -> None:
    bucket = f"arn:aws-us-gov:s3:::pointflow-{'0' * 36}"
    assert len(session_policy("c" * 32, bucket)) <= MAX_SESSION_POLICY


def test_home_and_markers_are_the_clients_three_folders() -> None:
    targets = [mapping["Target"] for mapping in home("acme", "bucket")]
    assert targets == [f"/bucket/{marker.rstrip('/')}" for marker in markers("acme")]
    assert markers("acme") == ["inbound/acme/", "dryrun/acme/", "outbound/acme/"]
