"""Messages reach their queue, all of them, in calls of the right size."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from pointflow.adapters.retrying import Backoff
from pointflow.adapters.sqs_publishers import (
    BATCH_BYTES,
    Message,
    SqsChunkPublisher,
    SqsPartPublisher,
    SqsReportPublisher,
    batches,
    group_of,
)
from pointflow.domain.errors import ContentionError, PermanentError
from pointflow.domain.messages import (
    Chunk,
    MeasurePart,
    ReportRequest,
    decode_chunk,
    decode_part,
    decode_report,
)
from pointflow.domain.submission import SubmissionRef

REF = SubmissionRef("acme", "activities_acme_20251009085320.txt", "v1")
URL = "https://queue.example/part"


class FakeQueue:
    """An SQS client: accepts everything but what the script says, call by call."""

    def __init__(self, *script: Exception | dict[str, str]) -> None:
        self.script = list(script)
        self.calls: list[list[dict[str, Any]]] = []
        self.accepted: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.gate: threading.Event | None = None
        self._lock = threading.Lock()

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == URL
        with self._lock:
            self.calls.append(Entries)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            step = self.script.pop(0) if self.script else {}
        if self.gate:
            assert self.gate.wait(5)
        with self._lock:
            self.in_flight -= 1
            if isinstance(step, Exception):
                raise step
            taken = [entry for entry in Entries if entry["Id"] not in step]
            self.accepted += [entry["MessageBody"] for entry in taken]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in taken],
            "Failed": [{"Id": each, "Code": code} for each, code in step.items()],
        }


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def backoff(self) -> Backoff:
        return Backoff(
            self.now + 10,
            uniform=lambda _, high: high,
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def part_publisher(queue: FakeQueue, clock: Clock) -> SqsPartPublisher:
    return SqsPartPublisher(cast("Any", queue), URL, clock.backoff)


def chunk_publisher(queue: FakeQueue, clock: Clock, threads: int = 2) -> SqsChunkPublisher:
    return SqsChunkPublisher(cast("Any", queue), URL, clock.backoff, threads)


def parts(count: int) -> list[MeasurePart]:
    return [MeasurePart(REF, cell) for cell in range(count)]


def chunks(count: int) -> list[Chunk]:
    return [Chunk(REF, 0, "c", 1, ((line, 1),), b"|1|||7\n") for line in range(1, count + 1)]


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "SendMessageBatch")


def test_parts_go_ten_to_a_call_in_order(clock: Clock) -> None:
    queue = FakeQueue()

    part_publisher(queue, clock).send_parts(parts(23))

    assert [len(call) for call in queue.calls] == [10, 10, 3]
    assert [decode_part(body) for body in queue.accepted] == parts(23)


def test_nothing_to_send_makes_no_call(clock: Clock) -> None:
    queue = FakeQueue()

    part_publisher(queue, clock).send_parts([])
    chunk_publisher(queue, clock).send_chunks([])

    assert queue.calls == []


def test_a_report_request_is_one_message(clock: Clock) -> None:
    queue = FakeQueue()

    SqsReportPublisher(cast("Any", queue), URL, clock.backoff).request_report(ReportRequest(REF, 2))

    assert [decode_report(body) for body in queue.accepted] == [ReportRequest(REF, 2)]


def test_every_message_takes_its_turn_with_its_clients(clock: Clock) -> None:
    queue = FakeQueue()

    part_publisher(queue, clock).send_parts(parts(1))

    assert queue.calls[0][0]["MessageGroupId"] == "acme"


@pytest.mark.parametrize("folder", ["été", "a b", "x" * 200, "a\n"])
def test_a_folder_of_no_client_has_a_group_that_the_queue_takes(folder: str) -> None:
    assert group_of(SubmissionRef(folder, "f.txt", "v1")) == "no-client"


def test_dry_runs_take_turns_of_their_own_and_keep_no_file_waiting() -> None:
    earnest = SubmissionRef("acme", "f.txt", "v1")

    assert group_of(earnest) == "acme"
    assert group_of(replace(earnest, dry_run=True)) == "acme.dryrun"


def test_calls_hold_at_most_ten_messages_and_one_mebibyte() -> None:
    sizes = [BATCH_BYTES, 1, BATCH_BYTES - 1, 1, *[100_000] * 21]
    messages = [Message("x" * size, "acme") for size in sizes]

    grouped = list(batches(messages))

    assert [message for batch in grouped for message in batch] == messages
    assert all(len(batch) <= 10 for batch in grouped)
    assert all(sum(message.size for message in batch) <= BATCH_BYTES for batch in grouped)
    assert [len(batch) for batch in grouped] == [1, 2, 10, 10, 2]


def test_a_message_is_measured_in_bytes() -> None:
    assert Message("é", "acme").size == 2


def test_only_the_failed_entries_are_sent_again_after_a_wait(clock: Clock) -> None:
    queue = FakeQueue({"1": "ThrottlingException", "3": "InternalError"}, {"3": "InternalError"})

    part_publisher(queue, clock).send_parts(parts(5))

    assert [[entry["Id"] for entry in call] for call in queue.calls] == [
        ["0", "1", "2", "3", "4"],
        ["1", "3"],
        ["3"],
    ]
    accepted = {decode_part(body) for body in queue.accepted}
    assert (len(queue.accepted), accepted) == (5, set(parts(5)))
    assert clock.waits == [0.05, 0.1]


def test_an_entry_that_the_answer_does_not_mention_counts_as_not_sent(clock: Clock) -> None:
    class Forgetful(FakeQueue):
        def send_message_batch(self, **request: Any) -> dict[str, Any]:  # type: ignore[override]
            answer = super().send_message_batch(**request)
            if len(self.calls) == 1:
                answer["Successful"].pop()
            return answer

    queue = Forgetful()

    part_publisher(queue, clock).send_parts(parts(3))

    assert [entry["Id"] for entry in queue.calls[1]] == ["2"]


@pytest.mark.parametrize(
    "error",
    [client_error("ThrottlingException"), client_error("ServiceUnavailable"),
     ConnectTimeoutError(endpoint_url=URL)],
)  # fmt: skip
def test_a_call_that_fails_whole_is_repeated(clock: Clock, error: Exception) -> None:
    queue = FakeQueue(error)

    part_publisher(queue, clock).send_parts(parts(2))

    assert len(queue.accepted) == 2
    assert len(clock.waits) == 1


def test_a_queue_that_never_takes_an_entry_ends_in_contention(clock: Clock) -> None:
    queue = FakeQueue(*[{"1": "ThrottlingException"}] * 1_000)

    with pytest.raises(ContentionError, match="ThrottlingException"):
        part_publisher(queue, clock).send_parts(parts(2))

    assert 8 < clock.now < 10


def test_a_message_that_the_queue_refuses_for_good_is_not_tried_again(clock: Clock) -> None:
    queue = FakeQueue({"1": "InvalidMessageContents"})

    with pytest.raises(PermanentError, match="InvalidMessageContents"):
        part_publisher(queue, clock).send_parts(parts(2))

    assert clock.waits == []


def test_an_error_of_ours_is_not_repeated(clock: Clock) -> None:
    queue = FakeQueue(client_error("AWS.SimpleQueueService.NonExistentQueue"))

    with pytest.raises(ClientError):
        part_publisher(queue, clock).send_parts(parts(2))

    assert len(queue.calls) == 1


def test_every_chunk_is_sent_when_the_call_returns(clock: Clock) -> None:
    queue = FakeQueue({"0": "ThrottlingException"})

    chunk_publisher(queue, clock).send_chunks(chunks(95))

    assert {decode_chunk(body) for body in queue.accepted} == set(chunks(95))
    assert len(queue.accepted) == 95
    assert queue.in_flight == 0


def test_a_single_call_needs_no_thread(clock: Clock) -> None:
    publisher = chunk_publisher(FakeQueue(), clock)

    publisher.send_chunks(chunks(10))

    assert "_executor" not in vars(publisher)


def test_chunks_are_drawn_no_faster_than_the_queue_takes_them(clock: Clock) -> None:
    queue = FakeQueue()
    queue.gate = threading.Event()
    drawn = 0

    def counted() -> Iterator[Chunk]:
        nonlocal drawn
        for chunk in chunks(300):
            drawn += 1
            yield chunk

    publisher = chunk_publisher(queue, clock)
    sending = threading.Thread(target=publisher.send_chunks, args=(counted(),))
    sending.start()
    try:
        sending.join(0.2)
        # Two calls in flight, one ready, and the chunk that showed it was full.
        assert drawn <= 2 * 10 + 2 * 10 + 1
        assert queue.most_in_flight <= 2
    finally:
        queue.gate.set()
        sending.join(5)
    assert len(queue.accepted) == 300


def test_a_chunk_that_cannot_be_sent_is_told_and_no_call_outlives_it(clock: Clock) -> None:
    queue = FakeQueue({}, {"0": "InvalidMessageContents"})

    with pytest.raises(PermanentError):
        chunk_publisher(queue, clock).send_chunks(chunks(95))

    assert queue.in_flight == 0


def test_an_error_while_reading_the_file_waits_for_the_calls_in_flight(clock: Clock) -> None:
    queue = FakeQueue()

    def broken() -> Iterator[Chunk]:
        yield from chunks(35)
        raise ContentionError("reading")

    with pytest.raises(ContentionError, match="reading"):
        chunk_publisher(queue, clock).send_chunks(broken())

    assert queue.in_flight == 0
    assert len(queue.accepted) == 20
