"""SQS batches: each message alone, and what is told about those that fail."""

import io
import json
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_sqs import SQSClient

from pointflow.domain.errors import ContentionError, MessageInvalidError
from pointflow.domain.submission import SubmissionRef
from pointflow.observability import lines_are_about, logger
from pointflow.queue_batch import process_records

ARN = "arn:aws:sqs:us-east-1:000000000000:CreditQueue"


def record(number: int, body: str = "body", receive_count: int = 1) -> dict[str, Any]:
    """A record as Lambda hands it over."""
    return {
        "messageId": f"059f36b4-87a3-44ab-83d2-66197{number:07d}",
        "receiptHandle": f"handle-{number}",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": "1760000000000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1760000000001",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "us-east-1",
    }


class FakeSQS:
    """Notes every changed visibility: receipt handle -> seconds."""

    def __init__(self) -> None:
        self.waits: dict[str, int] = {}
        self.error: Exception | None = None

    def get_queue_url(self, QueueName: str, QueueOwnerAWSAccountId: str) -> dict[str, str]:  # noqa: N803
        return {"QueueUrl": f"https://sqs/{QueueOwnerAWSAccountId}/{QueueName}"}

    def change_message_visibility(
        self,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> None:
        assert QueueUrl == "https://sqs/000000000000/CreditQueue"
        if self.error:
            raise self.error
        self.waits[ReceiptHandle] = VisibilityTimeout


@pytest.fixture
def sqs() -> FakeSQS:
    return FakeSQS()


def process(sqs: FakeSQS, records: list[dict[str, Any]], errors: dict[str, Exception]) -> list[str]:
    """Handle records, those of certain bodies failing; answers the ids to be tried again."""

    def handle(body: str, receive_count: int) -> None:
        if body in errors:
            raise errors[body]

    answer = process_records({"Records": records}, handle, lambda: cast("SQSClient", sqs))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_the_line_about_a_failure_names_the_file_and_the_next_message_s_does_not(
    sqs: FakeSQS, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)

    def handle(body: str, receive_count: int) -> None:
        if body == "known":
            lines_are_about(SubmissionRef("acme", "activities.txt", "v-1"))
        raise MessageInvalidError("no")

    records = [record(1, "known"), record(2, "unreadable")]
    process_records({"Records": records}, handle, lambda: cast("SQSClient", sqs))

    about, about_nothing = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (about["client_id"], about["version"]) == ("acme", "v-1")
    assert not {"client_id", "version"} & set(about_nothing)


def test_every_message_is_handled_with_its_body_and_receive_count(sqs: FakeSQS) -> None:
    handled: list[tuple[str, int]] = []

    answer = process_records(
        {"Records": [record(1, "a"), record(2, "b", receive_count=3)]},
        lambda body, receive_count: handled.append((body, receive_count)),
        lambda: cast("SQSClient", sqs),
    )

    assert handled == [("a", 1), ("b", 3)]
    assert answer == {"batchItemFailures": []}


def test_a_message_that_fails_takes_no_neighbour_along(sqs: FakeSQS) -> None:
    records = [record(1, "good"), record(2, "bad"), record(3, "good")]

    assert process(sqs, records, {"bad": ValueError("x")}) == [records[1]["messageId"]]


def test_messages_that_all_fail_are_all_reported_and_nothing_is_raised(sqs: FakeSQS) -> None:
    records = [record(1, "bad"), record(2, "bad")]

    assert process(sqs, records, {"bad": ValueError("x")}) == [
        each["messageId"] for each in records
    ]


@pytest.mark.parametrize(("receive_count", "seconds"), [(1, 2), (4, 16), (30, 120)])
def test_a_message_comes_back_after_a_wait_that_doubles(
    sqs: FakeSQS, receive_count: int, seconds: int
) -> None:
    process(sqs, [record(1, "bad", receive_count)], {"bad": ContentionError("busy")})

    assert sqs.waits == {"handle-1": seconds}


def test_a_message_that_cannot_be_cured_comes_back_at_once(sqs: FakeSQS) -> None:
    process(sqs, [record(1, "bad")], {"bad": MessageInvalidError("no message of ours")})

    assert sqs.waits == {"handle-1": 0}


def test_a_record_without_a_receive_count_fails_alone(sqs: FakeSQS) -> None:
    odd = record(1)
    del odd["attributes"]

    assert process(sqs, [odd, record(2)], {}) == [odd["messageId"]]


def test_a_visibility_that_cannot_be_changed_is_no_further_failure(sqs: FakeSQS) -> None:
    sqs.error = ClientError({"Error": {"Code": "AccessDenied"}}, "ChangeMessageVisibility")

    assert len(process(sqs, [record(1, "bad"), record(2)], {"bad": ValueError("x")})) == 1


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions' logger writes."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def test_logs_quote_no_text_of_a_foreign_error(sqs: FakeSQS, logged: io.StringIO) -> None:
    process(sqs, [record(1, "bad")], {"bad": ValueError("ann@example.com")})

    assert "ann@example.com" not in logged.getvalue()
    line = json.loads(logged.getvalue())
    assert line["error"] == "ValueError"
    assert "test_queue_batch.py" in line["raised_at"][-1]


def test_logs_quote_our_own_errors(sqs: FakeSQS, logged: io.StringIO) -> None:
    process(sqs, [record(1, "bad")], {"bad": MessageInvalidError("message is not JSON")})

    assert json.loads(logged.getvalue())["error_text"] == "message is not JSON"


def test_logs_quote_no_text_of_a_foreign_error_when_its_message_cannot_be_shown_again(
    sqs: FakeSQS, logged: io.StringIO
) -> None:
    sqs.error = ClientError({"Error": {"Code": "AccessDenied"}}, "ChangeMessageVisibility")

    process(sqs, [record(1, "bad")], {"bad": ValueError("ann@example.com")})

    assert "ann@example.com" not in logged.getvalue()
    _, line = map(json.loads, logged.getvalue().splitlines())
    assert (line["message"], line["error_code"]) == ("visibility not changed", "AccessDenied")
