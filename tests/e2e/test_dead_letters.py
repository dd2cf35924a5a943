"""A chunk that died is seen, put back, and heals its batch; one that expired is made again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.conftest import DeployedStack, eventually

EVENT = Path(__file__).parents[2] / "events" / "batch_watch" / "schedule.json"
ROW = b"|54064211|||126456789|%d\n"


@contextmanager
def row_taken(stack: DeployedStack, name: str) -> Iterator[None]:
    """While this lasts, the file's first row cannot be credited: other content has its place."""
    dynamodb, table = stack.aws("dynamodb"), stack.outputs["LedgerTableName"]
    identity = {"S": f"acme/{name}/1"}
    item = {
        "identity": identity,
        "content": {"S": "0" * 64},
        "decision": {"S": "CREDITED"},
        "recorded_at": {"N": "1"},
    }
    dynamodb.put_item(TableName=table, Item=item)
    yield
    dynamodb.delete_item(TableName=table, Key={"identity": identity})


def queue_of(stack: DeployedStack, name: str) -> Any:
    listed = stack.pointflow("dlq", "list", "--json")
    assert listed.code == 0, listed.err
    return next(row for row in listed.json if row["queue"] == name)


def dead(stack: DeployedStack) -> Any:
    def found() -> Any:
        return stack.pointflow("dlq", "show", "credit", "--json").json or None

    (letter,) = eventually(found, "the dead letter")
    return letter


def give_up(stack: DeployedStack, name: str, version: str) -> None:
    """Let the watch find the file as it would half an hour later."""
    dynamodb, table = stack.aws("dynamodb"), stack.outputs["BatchesTableName"]
    keys = {
        (f"acme/{name}", f"UPLOAD#{version}"): "updated_at",
        (f"acme/{name}#{version}#0", "LAST#000000000001"): "tried_at",
    }
    for (pk, sk), attribute in keys.items():
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET #at = #at - :hour",
            ExpressionAttributeNames={"#at": attribute},
            ExpressionAttributeValues={":hour": {"N": "3600"}},
        )
    answer = stack.aws("lambda").invoke(
        FunctionName=stack.outputs["BatchWatchFunctionName"], Payload=EVENT.read_bytes()
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def settled(stack: DeployedStack, name: str, status: str) -> Any:
    def found() -> Any:
        shown = stack.pointflow("batch", "show", name, "--json").json
        return shown if shown["status"] == status else None

    return eventually(found, f"{name} {status}")


def test_a_dead_chunk_is_shown_put_back_and_heals_its_batch(stack: DeployedStack) -> None:
    name = "activities_acme_20260601000001.txt"
    with row_taken(stack, name):
        version = stack.upload(f"inbound/acme/{name}", ROW % 7)
        letter = dead(stack)
    assert (letter["file"], letter["lines"]) == (name, "1+1")
    assert letter["last_error"] == "EntryMismatchError"
    assert letter["processable"]
    assert queue_of(stack, "credit")["messages"] == 1
    give_up(stack, name, version)
    failed = settled(stack, name, "FAILED")
    before = stack.balance(54064211)

    put_back = stack.pointflow(
        "dlq", "redrive", "credit", "--file", name, "--yes", "--reason", "mended", "--json"
    )

    assert put_back.code == 0, put_back.err
    assert put_back.json["moved"] == 1
    healed = settled(stack, name, "COMPLETED")
    assert (healed["credited"], healed["revision"]) == (1, failed["revision"] + 1)
    assert stack.balance(54064211) == before + 7
    assert queue_of(stack, "credit")["messages"] == 0
    (record,) = stack.pointflow("audit", "--action", "dlq", "--subject", name, "--json").json
    assert record["reason"] == "mended"


def test_a_chunk_whose_letter_has_expired_is_made_again(stack: DeployedStack) -> None:
    name = "activities_acme_20260601000002.txt"
    with row_taken(stack, name):
        stack.upload(f"inbound/acme/{name}", ROW % 8)
        dead(stack)
    sqs, url = stack.aws("sqs"), stack.outputs["CreditDLQUrl"]
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])  # 14 days later
    before = stack.balance(54064211)

    sent = stack.pointflow("batch", "resend", name, "--json")

    assert sent.code == 0, sent.err
    assert sent.json["chunks"] == 1
    assert settled(stack, name, "COMPLETED")["credited"] == 1
    assert stack.balance(54064211) == before + 8
    again = stack.pointflow("batch", "resend", name)
    assert (again.code, "every row is decided" in again.err) == (2, True)


def test_a_message_nobody_can_read_is_taken_out_with_a_reason(stack: DeployedStack) -> None:
    url = stack.outputs["PartDLQUrl"]
    stack.aws("sqs").send_message(QueueUrl=url, MessageBody="hello")
    (letter,) = stack.pointflow("dlq", "show", "part", "--json").json
    assert not letter["processable"]
    purge = ("dlq", "purge", "part", "--message", letter["message_id"], "--yes")
    assert stack.pointflow(*purge).code == 2

    purged = stack.pointflow(*purge, "--reason", "a test message")

    assert purged.code == 0, purged.err
    assert queue_of(stack, "part")["messages"] == 0
