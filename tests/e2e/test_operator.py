"""What a person does to a stack by hand, and the record that it leaves."""

from __future__ import annotations

from tests.e2e.conftest import DeployedStack


def test_what_is_done_by_hand_is_on_record_with_who_and_why(stack: DeployedStack) -> None:
    added = stack.pointflow("credentials", "add", "--label", "audited", "--json").json
    reason = "the sender was replaced"
    revoked = stack.pointflow("credentials", "revoke", added["id"], "--reason", reason)
    assert revoked.code == 0, revoked.err

    records = stack.pointflow("audit", "--subject", added["id"], "--json").json

    assert [(each["action"], each["reason"]) for each in records] == [
        ("credential.revoke", reason),
        ("credential.add", None),
    ]
    assert {each["actor"] for each in records} == {stack.aws("sts").get_caller_identity()["Arn"]}
    assert {each["client_id"] for each in records} == {"acme"}
