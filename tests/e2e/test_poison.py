"""A poison message ends in its dead-letter queue, alone; its neighbours are processed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import DeployedStack, eventually

EVENTS = Path(__file__).parents[2] / "events"
ROW = b"hana@example.com||||126456789|%d\n"


def _poison(event: str) -> str:
    body: str = json.loads((EVENTS / event).read_text())["Records"][0]["body"]
    return body


def _take(stack: DeployedStack, queue: str) -> Any:
    sqs = stack.aws("sqs")
    url = stack.outputs[queue]
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", [])
    for message in found:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in found] or None


@pytest.mark.parametrize(
    ("order", "queue", "dead_letters", "event"),
    [
        (1, "UploadQueueUrl", "UploadDLQUrl", "batch_intake/poison_not_json.json"),
        (2, "PartQueueUrl", "PartDLQUrl", "batch_intake/poison_part.json"),
        (3, "CreditQueueUrl", "CreditDLQUrl", "activity_credit/poison.json"),
        (4, "ReportQueueUrl", "ReportDLQUrl", "batch_report/poison.json"),
    ],
)
def test_poison_ends_in_the_dead_letter_queue_alone_and_a_file_beside_it_is_credited(
    stack: DeployedStack, order: int, queue: str, dead_letters: str, event: str
) -> None:
    poison = _poison(event)
    stem = f"activities_acme_202605010000{order:02d}"

    stack.aws("sqs").send_message(QueueUrl=stack.outputs[queue], MessageBody=poison)
    stack.upload(f"inbound/acme/{stem}.txt", ROW % (100 + order))

    assert stack.result(f"outbound/acme/{stem}_result.json")["status"] == "COMPLETED"
    dead = eventually(lambda: _take(stack, dead_letters), f"dead letter of {queue}")
    assert dead == [poison]
    assert _take(stack, dead_letters) is None


def test_a_poison_schedule_event_ends_in_the_watchs_dead_letter_queue(
    stack: DeployedStack,
) -> None:
    poison = json.loads((EVENTS / "batch_watch" / "poison.json").read_text())
    stack.aws("lambda").invoke(
        FunctionName=stack.outputs["BatchWatchFunctionName"],
        InvocationType="Event",
        Payload=json.dumps(poison),
    )

    dead = eventually(lambda: _take(stack, "WatchDLQUrl"), "the schedule's dead letter", 120)

    assert json.loads(dead[0])["requestPayload"] == poison


def test_the_schedule_finds_nothing_to_do_while_all_is_well(stack: DeployedStack) -> None:
    event = (EVENTS / "batch_watch" / "schedule.json").read_bytes()
    answer = stack.aws("lambda").invoke(
        FunctionName=stack.outputs["BatchWatchFunctionName"], Payload=event
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
