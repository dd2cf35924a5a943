"""batch_report as Lambda calls it."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from batch_report import app
from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.errors import CounterMismatchError
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Failure, Refusal, Status, Submission, SubmissionRef, Tally
from pointflow.observability import logger, metrics
from tests.contracts.submission_samples import submission

EVENTS = Path(__file__).parents[2] / "events" / "batch_report"
REQUEST = ReportRequest(
    SubmissionRef(
        "acme", "activities_acme_20251009085320.txt", "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
    ),
    revision=1,
)
CONTEXT: Any = SimpleNamespace(
    function_name="batch-report",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:batch-report",
    aws_request_id="f1",
    get_remaining_time_in_millis=lambda: 300_000,
)


class FakeSqs:
    """Remembers which messages were made visible again, and after how many seconds."""

    def __init__(self) -> None:
        self.waits: list[int] = []

    def get_queue_url(self, **_: str) -> dict[str, str]:
        return {"QueueUrl": "https://sqs.example/queue"}

    def change_message_visibility(self, **request: Any) -> None:
        self.waits.append(request["VisibilityTimeout"])


class Reports:
    """Remembers what was asked for, and whether it had been delivered before."""

    def __init__(self, *reported: Submission) -> None:
        self.requests: list[tuple[ReportRequest, bool]] = []
        self.reported = tuple(reported)
        self.seconds = 0.0

    def __call__(
        self, request: ReportRequest, *, again: bool, deadline: float
    ) -> tuple[Submission, ...]:
        self.requests.append((request, again))
        self.seconds = deadline - time.monotonic()
        return self.reported


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> FakeSqs:
    fake = FakeSqs()
    monkeypatch.setattr(app, "client", lambda _: fake)
    return fake


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


def test_a_request_is_reported() -> None:
    reported = Reports()

    answer = app.lambda_handler(load("report.json"), CONTEXT, reported)

    assert reported.requests == [(REQUEST, False)]
    assert answer == {"batchItemFailures": []}


def test_a_report_is_told_that_its_request_was_delivered_before() -> None:
    reported = Reports()
    event = load("report.json")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"

    app.lambda_handler(event, CONTEXT, reported)

    assert reported.requests == [(REQUEST, True)]


def test_a_poison_message_goes_back_at_once_to_reach_its_dead_letter_queue(sqs: FakeSqs) -> None:
    reported = Reports()
    event = load("poison.json")

    answer = app.lambda_handler(event, CONTEXT, reported)

    assert reported.requests == []
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert sqs.waits == [0]


def test_a_poison_message_leaves_its_neighbours_alone(sqs: FakeSqs) -> None:
    reported = Reports()
    event = load("mixed.json")

    answer = app.lambda_handler(event, CONTEXT, reported)

    assert reported.requests == [(REQUEST, False)]
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert sqs.waits == [0]


@pytest.mark.parametrize(
    ("error", "wait"), [(TimeoutError("the bucket is slow"), 2), (CounterMismatchError("no"), 0)]
)
def test_a_report_that_cannot_be_written_is_tried_again_when_that_can_help(
    sqs: FakeSqs, error: Exception, wait: int
) -> None:
    def broken(request: ReportRequest, *, again: bool, deadline: float) -> tuple[Submission, ...]:
        raise error

    answer = app.lambda_handler(load("report.json"), CONTEXT, broken)

    assert len(answer["batchItemFailures"]) == 1
    assert sqs.waits == [wait]


def test_a_report_leaves_its_rest_to_another_two_minutes_before_its_time_is_up() -> None:
    reports = Reports()

    app.lambda_handler(load("report.json"), CONTEXT, reports)

    assert 175 < reports.seconds <= 180


def metric(output: str, name: str) -> list[float]:
    lines = (json.loads(line) for line in output.splitlines() if f'"{name}"' in line)
    return [
        value
        for line in lines
        for value in (line[name] if isinstance(line[name], list) else [line[name]])
    ]


def test_what_became_of_batches_is_counted_with_the_share_and_the_codes_of_their_rejects(
    capsys: pytest.CaptureFixture[str],
) -> None:
    received = submission(REQUEST.ref)
    tally = Tally(rows=8, credited=6, rejected=2, codes={"MEMBER_NOT_FOUND": 2})
    complete = replace(received, status=Status.COMPLETED_WITH_REJECTS, tally=tally)
    failure = Failure(FailureCode.CHUNK_DEAD_LETTERED, "dead")
    failed = replace(received, status=Status.FAILED, tally=tally, failure=failure)

    app.lambda_handler(load("report.json"), CONTEXT, Reports(complete, failed))

    output = capsys.readouterr().out
    assert metric(output, "BatchesCompleted") == [1.0]
    assert metric(output, "BatchesFailed") == [1.0]
    assert metric(output, "RejectSharePercent") == [25.0]
    (by_code,) = [json.loads(line) for line in output.splitlines() if "RowsRejectedByCode" in line]
    assert by_code["code"] == "MEMBER_NOT_FOUND"
    assert metric(output, "RowsRejectedByCode") == [2.0]


def test_the_line_about_a_report_says_what_became_of_the_file_and_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    refusal = Refusal(FileCode.FILE_EMPTY, "the file has no row")
    refused = replace(submission(REQUEST.ref), status=Status.REFUSED, refusal=refusal, revision=1)

    app.lambda_handler(load("report.json"), CONTEXT, Reports(refused))

    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["message"], line["status"], line["refusal"]) == (
        "reported",
        "REFUSED",
        "FILE_EMPTY",
    )
    assert (line["client_id"], line["version"]) == (REQUEST.ref.client_id, REQUEST.ref.version)


@pytest.fixture(autouse=True)
def _namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "pointflow")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "batch_report")
