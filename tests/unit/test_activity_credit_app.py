"""The function that CreditQueue feeds: events in, partial batch responses and metrics out."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from activity_credit import app
from pointflow.domain.errors import ContentionError
from pointflow.domain.messages import Chunk, encode_chunk
from pointflow.domain.submission import SubmissionRef, Tally
from pointflow.observability import logger, metrics
from pointflow.services.credit_chunk import ChunkResult, Handling
from tests.unit.test_queue_batch import FakeSQS, record


@dataclass
class Context:
    """What Lambda tells of an invocation."""

    function_name: str = "ActivityCreditFunction"
    function_version: str = "1"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:ActivityCredit"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"
    milliseconds: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


class Credited:
    """Stands in for the service; notes what it is given."""

    def __init__(self, fail: Callable[[Chunk], Exception | None] = lambda _: None) -> None:
        self.calls: list[tuple[Chunk, int, float]] = []
        self._fail = fail

    def __call__(self, chunk: Chunk, *, receive_count: int, deadline: float) -> ChunkResult:
        self.calls.append((chunk, receive_count, deadline))
        error = self._fail(chunk)
        if error:
            raise error
        return ChunkResult(Handling.DECIDED, Tally(credited=3, rejected=1, points=150))


@pytest.fixture(autouse=True)
def sqs(monkeypatch: pytest.MonkeyPatch) -> FakeSQS:
    fake = FakeSQS()
    monkeypatch.setattr(app, "client", lambda _service: fake)
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    return fake


def chunk(first_line: int = 1) -> Chunk:
    return Chunk(
        SubmissionRef("acme", "activities_acme_20260101000000.txt", "v1"),
        cell=0,
        content="c1",
        received_at=1_760_000_000,
        segments=((first_line, 1),),
        rows=b"ann@example.com||||7\n",
    )


def invoke(records: list[dict[str, Any]], credit: Credited, **context: Any) -> list[str]:
    answer = app.lambda_handler(
        {"Records": records}, cast("LambdaContext", Context(**context)), credit
    )
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_each_message_is_credited_with_its_receive_count() -> None:
    credit = Credited()
    records = [
        record(1, encode_chunk(chunk(1))),
        record(2, encode_chunk(chunk(2)), receive_count=4),
    ]

    assert invoke(records, credit) == []
    assert [(each, count) for each, count, _ in credit.calls] == [(chunk(1), 1), (chunk(2), 4)]


def test_a_poison_message_fails_alone() -> None:
    records = [record(1, "{}"), record(2, encode_chunk(chunk()))]

    assert invoke(records, Credited()) == [records[0]["messageId"]]


def test_a_contended_chunk_comes_back_later(sqs: FakeSQS) -> None:
    records = [record(1, encode_chunk(chunk(1))), record(2, encode_chunk(chunk(2)))]
    credit = Credited(lambda each: ContentionError("busy") if each.first_line == 1 else None)

    assert invoke(records, credit) == [records[0]["messageId"]]
    assert sqs.waits == {"handle-1": 2}


def test_messages_share_the_time_that_is_left() -> None:
    credit = Credited()
    began = time.monotonic()

    invoke([record(n, encode_chunk(chunk(n))) for n in range(1, 5)], credit, milliseconds=50_000)

    deadlines = [deadline - began for _, _, deadline in credit.calls]
    assert deadlines[0] == pytest.approx(10, abs=1)  # a quarter of what is left after 10 seconds
    assert deadlines[3] == pytest.approx(40, abs=1)  # the others needed none of theirs


def test_metrics_count_rows_and_points_and_name_no_member_and_no_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    invoke([record(1, encode_chunk(chunk(1))), record(2, encode_chunk(chunk(2)))], Credited())

    (blob,) = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    ]
    assert (blob["RowsCredited"], blob["RowsRejected"], blob["PointsGranted"]) == (
        [6.0],
        [2.0],
        [300.0],
    )
    (dimensions,) = blob["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert set(dimensions) <= {"service"}


def test_rows_of_a_dry_run_are_not_counted_as_credited(
    capsys: pytest.CaptureFixture[str],
) -> None:
    dry = replace(chunk(1), ref=replace(chunk(1).ref, dry_run=True))
    invoke([record(1, encode_chunk(dry))], Credited())

    (blob,) = [
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    ]
    assert (blob["RowsCredited"], blob["RowsRejected"], blob["PointsGranted"]) == ([0.0],) * 3


def test_logs_hold_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    failing = Credited(lambda _: KeyError("ann@example.com"))

    invoke([record(1, encode_chunk(chunk()))], Credited())
    invoke([record(1, encode_chunk(chunk()))], failing)

    assert '"first_line":1' in stream.getvalue()
    assert "ann@example.com" not in stream.getvalue()
