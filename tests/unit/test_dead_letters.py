"""Dead letters: looked at without being consumed, put back without being lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import boto3
import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner

from pointflow.adapters import sqs_dead_letters
from pointflow.adapters.s3_events import read_uploads
from pointflow.adapters.sqs_dead_letters import SqsDeadLetters
from pointflow.domain.audit import Action
from pointflow.domain.dead_letter import About, DeadLetter, Queue, about
from pointflow.domain.errors import ConflictError, ContentionError, NotFoundError
from pointflow.domain.messages import (
    Chunk,
    MeasureCells,
    MeasurePart,
    ParseCells,
    ParsePart,
    ReportRequest,
    encode_chunk,
    encode_part,
    encode_report,
)
from pointflow.domain.undo import UndoCells, UndoChunk, encode_undo
from pointflow.services.handle_dead_letters import Redriven, look_through, purge, redrive
from pointflow_cli import dlq_desk
from pointflow_cli.commands import dlq
from pointflow_cli.errors import CommandError, explain
from tests.fakes.audit import FakeAuditLog, auditor
from tests.fakes.batch_stage import NAME, NOW, BatchStage, ref_of
from tests.fakes.dead_letters import SENT_AT, FakeDeadLetters
from tests.fakes.faults import Faults, WorkerKilled
from tests.unit.test_sftp_uploads import told as told_by_transfer

OTHER = "activities_acme_20251231000000.txt"
REF = ref_of()
NOW_MS = SENT_AT + 60_000


def chunk(name: str = NAME, first_line: int = 1) -> str:
    return encode_chunk(
        Chunk(ref_of(name=name), 0, "c1", NOW, ((first_line, 2),), b"|1|||7|\n|2|||7|\n")
    )


def read(letter: DeadLetter) -> About:
    return about(Queue.CREDIT, letter.body, read_uploads)


@pytest.fixture
def stage() -> BatchStage:
    """A file of two chunks, of which none is credited; another beside it."""
    stage = BatchStage()
    stage.planned(REF)
    stage.closed(REF, 0, chunks=2, rows=10)
    stage.planned(ref_of(name=OTHER), content="c2")
    return stage


def run_redrive(
    letters: FakeDeadLetters,
    stage: BatchStage,
    file: tuple[str, str] | None = None,
    faults: Faults | None = None,
) -> Redriven:
    port = faults.wrap(letters) if faults else letters
    return redrive(port, read, stage.store, file=file, before=NOW_MS)


# What a letter is about


@pytest.mark.parametrize(
    ("queue", "body", "told"),
    [
        (Queue.CREDIT, chunk(), About("credit", REF, 0, lines="1+2", first_line=1)),
        (Queue.PART, encode_part(MeasurePart(REF, 3)), About("measure", REF, 3)),
        (Queue.PART, encode_part(ParsePart(REF, 3, 9)), About("parse", REF, 3)),
        (Queue.PART, encode_part(MeasureCells(REF, 0, 9)), About("measure cells", REF)),
        (Queue.PART, encode_part(ParseCells(REF, 0, 9, 1)), About("parse cells", REF)),
        (Queue.REPORT, encode_report(ReportRequest(REF, 2)), About("report", REF, revision=2)),
        (Queue.UNDO, encode_undo(UndoCells(REF, 0, 9)), About("undo cells", REF)),
        (Queue.UNDO, encode_undo(UndoChunk(REF, 2, 9, 9)), About("undo", REF, 2, first_line=9)),
        (Queue.UPLOAD, '{"Event": "s3:TestEvent"}', About("upload")),
        (Queue.WATCH, "{}", About("schedule")),
        (Queue.PROJECTION, "{}", About("stream position")),
        (Queue.CREDIT, "hello", About(None, fault="message is not JSON")),
    ],
)
def test_a_letter_says_what_it_is_about(queue: Queue, body: str, told: About) -> None:
    assert about(queue, body, read_uploads) == told


# Looking


def test_looking_through_a_queue_leaves_every_letter_in_it(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk(), chunk(OTHER), "poison", page=2)
    stage.store.mark_last_try(REF, 0, 1, NOW, "ContentionError")

    seen = look_through(letters, read, stage.store, 10)

    assert [each.about.lines for each in seen] == ["1+2", "1+2", None]
    assert [each.last_error for each in seen] == ["ContentionError", None, "message is not JSON"]
    assert [each.hopeless for each in seen] == [None, None, "message is not JSON"]
    assert (letters.count(), letters.hidden) == (3, set())


def test_looking_ends_with_the_oldest_so_many(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk(first_line=3), chunk(first_line=1), chunk(first_line=5))
    letters.add(chunk(first_line=7), SENT_AT - 1)

    seen = look_through(letters, read, stage.store, 2)

    assert [each.about.first_line for each in seen] == [7, 3]
    assert letters.hidden == set()


def test_a_queue_that_seems_empty_is_asked_again(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk())
    letters.forgetful = 1

    assert len(look_through(letters, read, stage.store, 10)) == 1


def test_letters_are_shown_again_even_if_looking_at_them_fails(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk())

    with pytest.raises(WorkerKilled):
        look_through(letters, read, Faults(0).wrap(stage.store), 10)

    assert letters.hidden == set()


class ShowsFirstAgain(FakeDeadLetters):
    """Hands the first letter out once more while others are in hand, as SQS after a while."""

    def __init__(self, letters: FakeDeadLetters) -> None:
        super().__init__(*letters.bodies, page=1)
        self.receives = 0

    def receive(self) -> Sequence[DeadLetter]:
        self.receives += 1
        if self.receives == 3:
            self.hidden.discard("m0")
        return super().receive()


def test_a_letter_that_comes_up_again_in_a_long_run_is_met_once(stage: BatchStage) -> None:
    letters = ShowsFirstAgain(FakeDeadLetters("poison", "more poison"))

    assert run_redrive(letters, stage) == Redriven(moved=0, left=2)

    assert letters.hidden == set()


# Nothing can come of it


def test_nothing_comes_of_a_chunk_whose_submission_is_unknown(stage: BatchStage) -> None:
    (seen,) = look_through(FakeDeadLetters(chunk("nobody.txt")), read, stage.store, 1)
    assert seen.hopeless == "there is no such submission"


def test_nothing_comes_of_a_chunk_that_a_complete_file_never_had(stage: BatchStage) -> None:
    stage.credited(REF, 0, (1, 2), credited=2)
    stage.credited(REF, 0, (3, 10), credited=8)
    stage.settled(REF)

    own, strange = look_through(FakeDeadLetters(chunk(), chunk(first_line=2)), read, stage.store, 2)

    assert own.hopeless is None
    assert strange.hopeless == "the file is complete without this chunk"


@pytest.mark.parametrize("queue", [Queue.WATCH, Queue.PROJECTION])
def test_what_came_out_of_no_queue_cannot_be_put_back(queue: Queue, stage: BatchStage) -> None:
    (seen,) = look_through(
        FakeDeadLetters("{}"), lambda each: about(queue, each.body, read_uploads), stage.store, 1
    )
    assert seen.hopeless == "there is no queue to put it back into"


# Putting back


def test_all_letters_are_put_back_but_those_nothing_can_come_of(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk(), "poison", chunk(OTHER), page=2)

    assert run_redrive(letters, stage) == Redriven(moved=2, left=1)

    assert letters.sent_back == [chunk(), chunk(OTHER)]
    assert (letters.bodies, letters.hidden) == (["poison"], set())


def test_only_the_letters_of_one_file_are_put_back(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk(OTHER), chunk(), "poison", chunk(first_line=3), page=2)

    assert run_redrive(letters, stage, ("acme", NAME)) == Redriven(moved=2, left=0)

    assert letters.sent_back == [chunk(), chunk(first_line=3)]
    assert letters.bodies == [chunk(OTHER), "poison"]
    assert run_redrive(letters, stage, ("globex", OTHER)) == Redriven(moved=0, left=0)


def test_a_letter_that_dies_again_is_not_put_back_by_the_same_run(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk())
    letters.dies_again = True

    assert run_redrive(letters, stage) == Redriven(moved=1, left=0)

    assert (letters.count(), letters.hidden) == (1, set())


def test_a_redrive_that_dies_anywhere_loses_nothing_and_the_next_finishes_it(
    stage: BatchStage,
) -> None:
    bodies = [chunk(), chunk(first_line=3), chunk(OTHER)]
    whole = Faults()
    run_redrive(FakeDeadLetters(*bodies, page=2), stage, faults=whole)
    for position in range(len(whole.calls)):
        for when in ("before", "after"):
            letters = FakeDeadLetters(*bodies, page=2)
            with pytest.raises(WorkerKilled):
                run_redrive(letters, stage, faults=Faults(position, when))
            assert {*letters.bodies, *letters.sent_back} == set(bodies)
            letters.hidden.clear()  # five minutes later

            run_redrive(letters, stage)

            assert set(letters.sent_back) == set(bodies)
            assert letters.count() == 0


def test_what_the_queue_does_not_take_stays(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk())
    busy = Faults(1, error=ContentionError("busy"))

    with pytest.raises(ContentionError):
        run_redrive(letters, stage, faults=busy)

    assert letters.count() == 1


# Taking out


def never(_: object) -> None:
    pytest.fail("nothing may be taken out")


def test_a_letter_nothing_can_come_of_is_taken_out_once_that_is_on_record(
    stage: BatchStage,
) -> None:
    letters = FakeDeadLetters(chunk(), "poison")
    told = []

    purge(letters, read, stage.store, "m1", about_to=lambda seen: told.append(seen.hopeless))

    assert told == ["message is not JSON"]
    assert (letters.bodies, letters.hidden) == ([chunk()], set())


def test_a_letter_something_may_come_of_is_never_taken_out(stage: BatchStage) -> None:
    letters = FakeDeadLetters(chunk())

    with pytest.raises(ConflictError, match="can still be processed"):
        purge(letters, read, stage.store, "m0", about_to=never)

    assert (letters.bodies, letters.hidden) == ([chunk()], set())


def test_a_letter_that_is_not_there_cannot_be_taken_out(stage: BatchStage) -> None:
    with pytest.raises(NotFoundError):
        purge(FakeDeadLetters(chunk()), read, stage.store, "m9", about_to=never)


def test_without_its_record_no_letter_is_taken_out(stage: BatchStage) -> None:
    letters = FakeDeadLetters("poison")

    def busy(_: object) -> None:
        raise ContentionError("busy")

    with pytest.raises(ContentionError):
        purge(letters, read, stage.store, "m0", about_to=busy)

    assert (letters.bodies, letters.hidden) == (["poison"], set())


# SQS


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(sqs_dead_letters, "WAIT_SECONDS", 0)
    with mock_aws():
        client = boto3.client(
            "sqs", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        for name in ("dead", "work"):
            client.create_queue(QueueName=name)
        yield client


def urls(sqs: Any) -> tuple[str, str]:
    dead, work = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("dead", "work"))
    return dead, work


def test_letters_in_sqs_are_counted_shown_again_put_back_and_removed(sqs: Any) -> None:
    dead, work = urls(sqs)
    bodies = {f"body {number}" for number in range(3)}
    for body in bodies:
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    letters = SqsDeadLetters(sqs, dead, work)

    first = list(letters.receive())
    assert letters.count() == 3
    assert {letter.body for letter in first} == bodies
    assert {letter.receives for letter in first} == {1}
    assert all(letter.sent_at > SENT_AT for letter in first)
    assert not letters.receive()

    letters.give_back(first)
    again = list(letters.receive())
    assert {letter.receives for letter in again} == {2}
    letters.send_back(again)
    letters.remove(again)

    assert letters.count() == 0
    put_back = sqs.receive_message(QueueUrl=work, MaxNumberOfMessages=10)["Messages"]
    assert {message["Body"] for message in put_back} == bodies


def test_what_came_out_of_no_queue_is_not_sent_anywhere(sqs: Any) -> None:
    dead, _ = urls(sqs)
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    letters = SqsDeadLetters(sqs, dead, None)

    with pytest.raises(ConflictError):
        letters.send_back(letters.receive())


class Groups:
    """An SQS client that keeps what it is sent."""

    def __init__(self) -> None:
        self.entries: list[Mapping[str, Any]] = []

    def send_message_batch(self, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803
        assert QueueUrl == "work"
        self.entries += Entries
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def test_a_letter_keeps_its_turn_with_its_clients_others(stage: BatchStage) -> None:
    groups: Any = Groups()
    letter = FakeDeadLetters(chunk()).receive()[0]

    SqsDeadLetters(groups, "dead", "work").send_back([letter, replace(letter, group=None)])

    assert [entry.get("MessageGroupId") for entry in groups.entries] == ["acme", None]


# The commands


def test_a_queue_of_a_job_that_is_not_deployed_is_told_as_such(stage: BatchStage) -> None:
    desk = dlq_desk.DeadLetterDesk(
        letters={Queue.WATCH: FakeDeadLetters()},
        reads={},
        store=stage.store,
        auditor=auditor(FakeAuditLog()),
        client=lambda: "acme",
    )

    with pytest.raises(CommandError, match="no queue credit") as told:
        desk.of(Queue.CREDIT)
    assert told.value.next_step == "use one of watch"


class Desk:
    """`pointflow dlq` on queues in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stage: BatchStage) -> None:
        self.queues = {queue: FakeDeadLetters() for queue in Queue}
        self.audit = FakeAuditLog()
        desk = dlq_desk.DeadLetterDesk(
            letters=self.queues,
            reads={queue: dlq_desk.reader(queue) for queue in Queue},
            store=stage.store,
            auditor=auditor(self.audit),
            client=lambda: "acme",
        )
        monkeypatch.setattr(dlq_desk, "open_dead_letters", lambda _stack, _client: desk)
        self.app = typer.Typer()
        self.app.add_typer(dlq.app, name="dlq")

    def json(self, *arguments: str) -> Any:
        result = CliRunner().invoke(self.app, ["dlq", *arguments, "--json"])
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)

    def text(self, *arguments: str) -> str:
        result = CliRunner().invoke(self.app, ["dlq", *arguments])
        assert result.exit_code == 0, result.exception
        return result.stdout

    def error(self, *arguments: str) -> str:
        result = CliRunner().invoke(self.app, ["dlq", *arguments])
        assert result.exception is not None
        explained = explain(result.exception)
        assert isinstance(explained, CommandError)
        return str(explained)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, stage: BatchStage) -> Desk:
    desk = Desk(monkeypatch, stage)
    desk.queues[Queue.CREDIT].add(chunk())
    desk.queues[Queue.CREDIT].add("poison")
    return desk


def test_the_list_has_every_queue_with_its_count_and_oldest(desk: Desk) -> None:
    listed = {row.pop("queue"): row for row in desk.json("list")}

    assert list(listed) == ["upload", "part", "credit", "report", "undo", "watch", "projection"]
    assert listed["credit"]["messages"] == 2
    assert listed["credit"]["oldest_age_seconds"] > 0
    assert listed["credit"]["oldest_is_exact"]
    assert listed["part"] == {
        "messages": 0, "oldest_age_seconds": None, "oldest_is_exact": True,
    }  # fmt: skip
    assert "credit" in desk.text("list")


def test_letters_are_shown_with_file_lines_receives_error_and_age(desk: Desk) -> None:
    first, poison = desk.json("show", "credit")

    assert (first["file"], first["lines"], first["receives"]) == (NAME, "1+2", 11)
    assert (first["processable"], first["last_error"]) == (True, None)
    assert first["age_seconds"] > 0
    assert (poison["file"], poison["processable"]) == (None, False)
    assert poison["last_error"] == poison["why_not"] == "message is not JSON"
    assert "unprocessable" in desk.text("show", "credit")
    assert not desk.json("show", "part")


def test_a_notice_of_no_file_is_shown_without_a_line_of_log_on_stdout(desk: Desk) -> None:
    desk.queues[Queue.UPLOAD].add('{"Event": "s3:TestEvent"}')

    assert [letter["kind"] for letter in desk.json("show", "upload")] == ["upload"]


def test_an_upload_over_sftp_that_died_can_be_put_back(desk: Desk) -> None:
    desk.queues[Queue.UPLOAD].add(told_by_transfer())
    desk.queues[Queue.UPLOAD].add(told_by_transfer(detail={}))  # nothing comes of this one

    shown = desk.json("show", "upload")
    assert [(each["kind"], each["processable"]) for each in shown] == [
        ("upload", True),
        (None, False),
    ]
    assert desk.json("redrive", "upload", "--yes")["moved"] == 1


def test_what_is_put_back_is_on_record(desk: Desk) -> None:
    answer = desk.json("redrive", "credit", "--file", f"out/{NAME}", "--yes", "--reason", "mended")

    assert answer == {"queue": "credit", "file": NAME, "moved": 1, "left": 0}
    assert desk.audit.told == [("dlq.redrive", "acme", NAME, "mended")]
    assert desk.audit.kept[0].details == {"queue": "credit", "letters": "2"}


def test_nothing_is_on_record_where_there_is_nothing_to_put_back(desk: Desk) -> None:
    assert desk.json("redrive", "part", "--yes")["moved"] == 0
    assert desk.audit.kept == []


def test_without_its_record_nothing_is_put_back(desk: Desk) -> None:
    desk.audit.error = ContentionError("busy")

    assert "busy" in desk.error("redrive", "credit", "--yes")

    assert desk.queues[Queue.CREDIT].sent_back == []


@pytest.mark.parametrize("queue", ["watch", "projection"])
def test_letters_that_came_out_of_no_queue_cannot_be_put_back(desk: Desk, queue: str) -> None:
    assert "came out of no queue" in desk.error("redrive", queue, "--yes")


@pytest.mark.parametrize("command", [("redrive", "credit"), ("purge", "credit", "--message", "m1")])
def test_what_cannot_be_asked_has_to_be_confirmed(desk: Desk, command: tuple[str, ...]) -> None:
    arguments = [*command, *(["--reason", "why"] if command[0] == "purge" else [])]

    assert desk.error(*arguments) == "this has to be confirmed"

    assert desk.queues[Queue.CREDIT].count() == 2


def test_a_purge_takes_a_reason_and_is_on_record(desk: Desk) -> None:
    assert "needs a reason" in desk.error("purge", "credit", "--message", "m1", "--yes")

    desk.json("purge", "credit", "--message", "m1", "--yes", "--reason", "a test message")

    assert desk.queues[Queue.CREDIT].bodies == [chunk()]
    (record,) = desk.audit.kept
    assert (record.action, record.subject) == (Action.DEAD_LETTER_PURGE, "m1")
    assert set(record.details) == {"queue", "sha256"}
