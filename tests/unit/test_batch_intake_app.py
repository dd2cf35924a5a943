"""The handler: real events in, parts and chunks out, poison alone."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch_intake import app
from pointflow.adapters import s3_objects, sqs_publishers
from pointflow.adapters.clients import SETTINGS
from pointflow.domain.messages import MeasurePart
from pointflow.domain.submission import Status, SubmissionRef
from pointflow.observability import logger
from tests.unit.intake_world import World, rows

EVENTS = Path(__file__).parents[2] / "events" / "batch_intake"
VERSION = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
REF = SubmissionRef("acme", "activities_acme_20251009085320.txt", VERSION)


class FakeContext:
    function_name = "batch_intake"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:batch_intake"
    aws_request_id = "00000000-0000-4000-8000-000000000000"

    def __init__(self, seconds_left: float = 300) -> None:
        self.seconds_left = seconds_left

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds_left * 1000)


class FakeSqs:
    """The client that shows failed messages again."""

    def __init__(self) -> None:
        self.waits: list[int] = []

    def get_queue_url(self, **_: str) -> dict[str, str]:
        return {"QueueUrl": "https://queue.example/upload"}

    def change_message_visibility(self, **request: Any) -> None:
        self.waits.append(request["VisibilityTimeout"])


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> FakeSqs:
    fake = FakeSqs()
    monkeypatch.setattr(app, "client", lambda _: fake)
    return fake


@pytest.fixture
def world() -> World:
    world = World()
    world.objects.upload(REF, rows(2))
    return world


def handle(world: World, event: dict[str, Any], seconds_left: float = 300) -> list[str]:
    """Run the handler; answers the messages to be tried again."""
    context = cast("LambdaContext", FakeContext(seconds_left))
    answer = app.lambda_handler(event, context, world.intake())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


@pytest.mark.usefixtures("sqs")
def test_an_upload_event_is_taken_in(world: World) -> None:
    assert handle(world, load("upload_plain")) == []

    assert world.submission(REF).status is Status.PLANNING
    assert world.parts.sent == [MeasurePart(REF, 0)]


@pytest.mark.usefixtures("sqs")
def test_a_key_with_a_space_is_found_in_the_bucket_and_its_name_refused(world: World) -> None:
    ref = SubmissionRef("acme", "activities_acme_20251009085320 copy.txt", VERSION)
    world.objects.upload(ref, rows(2))

    assert handle(world, load("upload")) == []

    assert world.submission(ref).status is Status.REFUSED


@pytest.mark.usefixtures("sqs")
def test_part_events_measure_and_parse(world: World) -> None:
    handle(world, load("upload_plain"))
    handle(world, load("part_measure"))
    assert world.submission(REF).status is Status.PARSING

    assert handle(world, load("part_parse")) == []

    assert world.submission(REF).status is Status.CREDITING
    assert [chunk.rows for chunk in world.chunks.sent] == [rows(2)]


@pytest.mark.usefixtures("sqs")
@pytest.mark.parametrize("name", ["test_event", "folder_marker", "zero_byte", "no_client_folder"])
def test_what_is_no_upload_is_done_with(world: World, name: str) -> None:
    assert handle(world, load(name)) == []

    assert world.parts.sent == []


@pytest.mark.parametrize("path", sorted(EVENTS.glob("poison_*.json")), ids=lambda path: path.stem)
def test_poison_goes_on_to_its_dead_letter_queue_at_once(
    world: World, sqs: FakeSqs, path: Path
) -> None:
    event = load(path.stem)

    assert handle(world, event) == [event["Records"][0]["messageId"]]
    assert sqs.waits == [0]


@pytest.mark.usefixtures("sqs")
def test_poison_takes_no_neighbour_along(world: World) -> None:
    event = load("mixed")

    assert handle(world, event) == [event["Records"][0]["messageId"]]
    assert world.submission(REF).status is Status.PLANNING


@pytest.mark.usefixtures("sqs")
def test_a_part_delivered_again_makes_up_for_a_crash_after_the_plan(world: World) -> None:
    handle(world, load("upload_plain"))
    handle(world, load("part_measure"))
    lost = world.parts.take()
    again = load("part_measure")
    again["Records"][0]["attributes"]["ApproximateReceiveCount"] = "2"

    handle(world, again)

    assert world.parts.sent == [part for part in lost if not isinstance(part, MeasurePart)]


def test_a_cell_that_does_not_fit_the_invocation_is_shown_again_after_seconds(
    world: World, sqs: FakeSqs
) -> None:
    handle(world, load("upload_plain"))
    event = load("part_measure")

    assert handle(world, event, seconds_left=59) == [event["Records"][0]["messageId"]]
    assert world.submission(REF).cells_measured == 0
    assert sqs.waits == [2]

    assert handle(world, event) == []


@pytest.mark.parametrize(
    ("service", "patience"),
    [("s3", s3_objects.PATIENCE_SECONDS), ("sqs", sqs_publishers.PATIENCE_SECONDS)],
)
def test_no_call_outlasts_what_is_kept_of_an_invocation(
    service: Literal["s3", "sqs"], patience: float
) -> None:
    settings: Any = SETTINGS[service]
    tries = settings.retries["total_max_attempts"]
    waits = sum(2**retry for retry in range(tries - 1))
    one_call = tries * (settings.connect_timeout + settings.read_timeout) + waits

    assert patience + one_call < app.SECONDS_TO_FINISH


@pytest.mark.usefixtures("sqs")
def test_logs_name_no_file_and_no_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)

    handle(world, load("upload_key_of_all_kinds"))

    (logged,) = stream.getvalue().splitlines()
    assert VERSION in logged
    assert "October" not in logged
