"""`ledger verify` on the deployed stack: clean after the flow, and a change by hand is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import DeployedStack

EVENT = Path(__file__).parents[2] / "events" / "ledger_verify" / "schedule.json"
NAME = "activities_acme_20260902130000.txt"


@contextmanager
def balance_changed_by(stack: DeployedStack, user_id: int, points: int) -> Iterator[None]:
    """Somebody changes an account past the ledger."""

    def add(amount: int) -> None:
        stack.aws("dynamodb").update_item(
            TableName=stack.outputs["MembersTableName"],
            Key={"key": {"S": f"acme#M#{user_id}"}},
            UpdateExpression="ADD balance :points",
            ExpressionAttributeValues={":points": {"N": str(amount)}},
        )

    add(points)
    try:
        yield
    finally:
        add(-points)


@pytest.fixture
def credited(stack: DeployedStack, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("verify") / NAME
    path.write_text("".join(f"|1001|||126456789|{points}\n" for points in range(1, 1_201)))
    submitted = stack.pointflow("submit", str(path), "--wait", "--json")
    assert submitted.code == 0, submitted.err


@pytest.mark.usefixtures("credited")
def test_everything_adds_up_after_the_flow_and_a_change_by_hand_is_found(
    stack: DeployedStack,
) -> None:
    clean = stack.pointflow("ledger", "verify", "--json")

    assert clean.code == 0, clean.out + clean.err
    assert clean.json["clean"]
    assert clean.json["members"] > 10
    assert clean.json["batches"] >= 1
    assert clean.json["moving"] == 0

    balance = stack.balance(1001)
    with balance_changed_by(stack, 1001, 7):
        drifting = stack.pointflow("ledger", "verify", "--json")
    assert drifting.code == 1, drifting.err
    assert drifting.json["drift"] == [
        {
            "client_id": "acme",
            "member": 1001,
            "counter": "balance",
            "recorded": balance + 7,
            "found": balance,
        }
    ]


@pytest.mark.usefixtures("credited")
def test_the_stack_proves_itself_with_the_rights_of_its_own_role(stack: DeployedStack) -> None:
    answer = stack.aws("lambda").invoke(
        FunctionName=stack.outputs["LedgerVerifyFunctionName"], Payload=EVENT.read_bytes()
    )

    assert "FunctionError" not in answer, answer["Payload"].read()
    kept = stack.aws("dynamodb").get_item(
        TableName=stack.outputs["BatchesTableName"],
        Key={"pk": {"S": "#VERIFY"}, "sk": {"S": "LEDGER"}},
    )["Item"]
    round_ = json.loads(kept["round"]["S"])
    assert round_["finished_at"] is not None
    assert round_["members"] > 10
    assert round_["drifts"] == 0
