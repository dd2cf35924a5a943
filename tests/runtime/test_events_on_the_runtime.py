"""Every event in events/ gets the answer it should, on Lambda's own runtime interface."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pointflow.domain.submission import Status, SubmissionRef
from pointflow_local.state import project_root
from tests.runtime.events import EVENTS, about, about_member, load, names, with_uploads
from tests.runtime.expectations import EXPECTED, Failing, Given
from tests.runtime.world import World, functions_by_folder

UNKNOWN = SubmissionRef("acme", "activities_acme_20251009085320.txt", "a-version-nobody-uploaded")


def folder_of(name: str) -> str:
    return name.partition("/")[0]


def test_every_event_has_an_expectation_and_every_expectation_an_event() -> None:
    assert sorted(EXPECTED) == names()


def test_every_function_has_events() -> None:
    assert {folder_of(name) for name in names()} == set(functions_by_folder())


@pytest.mark.parametrize("name", names())
def test_an_event_gets_its_answer(world: World, name: str) -> None:
    given, expected = EXPECTED[name]
    event = prepared(world, given, load(name))

    invocation = world.invoke(folder_of(name), event)

    expected.check(invocation, event)


def prepared(world: World, given: Given, event: Any) -> Any:
    """Make what the event needs, and have the event speak of it."""
    match given:
        case Given.NOTHING:
            return event
        case Given.UPLOADED:
            return with_uploads(event, world.put)
        case Given.PLANNING:
            return about(event, world.planning())
        case Given.PARSING:
            ref = world.parsing()
            return about(event, ref, content=world.content(ref))
        case Given.COMPLETE:
            return about(event, world.complete())
        case Given.UNDOING:
            return about(event, world.undoing())
        case Given.PUSHED:
            return about_member(event, world.pushed())


@pytest.mark.parametrize(
    "name",
    [
        "batch_intake/part_measure.json",
        "batch_intake/part_parse.json",
        "activity_credit/chunk.json",
        "batch_report/report.json",
        "batch_undo/cells.json",
        "batch_undo/chunk.json",
    ],
)
def test_a_message_about_a_submission_that_is_not_on_record_fails_alone(
    world: World, name: str
) -> None:
    event = about(load(name), UNKNOWN)

    Failing((0,)).check(world.invoke(folder_of(name), event), event)


def test_a_file_becomes_points_and_a_result_by_its_events(world: World) -> None:
    ref = world.complete()
    assert world.submission(ref).status is Status.COMPLETED_WITH_REJECTS

    world.succeed("batch_report", about(load("batch_report/report.json"), ref))

    result = world.result(ref)
    assert (result["credited"], result["rejected"]) == (3, 1)


def test_a_file_is_taken_back_by_its_events(world: World) -> None:
    ref = world.undoing()
    for name in ("batch_undo/cells.json", "batch_undo/chunk.json", "batch_undo/cells.json"):
        world.succeed("batch_undo", about(load(name), ref))
    assert world.submission(ref).status is Status.UNDONE

    world.succeed("batch_report", about(load("batch_report/report.json"), ref))

    result = world.result(ref)
    assert result["undone"] == {"rows": result["credited"], "points": result["points"]}


def test_a_push_becomes_a_view_a_history_and_upcoming_expirations(world: World) -> None:
    user_id = world.pushed()

    def told(name: str) -> Any:
        event = about_member(load(f"http_api/{name}.json"), user_id)
        return json.loads(world.invoke("http_api", event).answer["body"])

    assert told("current")["user_id"] == user_id
    assert len(told("history")["items"]) == 1
    listed = [item for item in told("upcoming")["items"] if str(user_id) in json.dumps(item)]
    assert [item["points_expiring"] for item in listed] == [1000, 3013, 2000, 1000]


@pytest.mark.parametrize(
    ("client_id", "error_type"),
    [
        ("nobody", "Exception"),  # with the text that API Gateway takes for a 401
        ("globex", "CredentialsUnavailableError"),  # a client without a secret: closed, a 503
    ],
)
def test_a_credential_that_cannot_be_checked_opens_nothing(
    world: World, client_id: str, error_type: str
) -> None:
    text = json.dumps(load("credential_authorizer/push_api_key.json"))

    event = json.loads(text.replace("acme.", f"{client_id}."))

    assert world.invoke("credential_authorizer", event).error_type == error_type


def test_a_function_stays_warm_between_its_events(world: World) -> None:
    world.invoke("batch_watch", load("batch_watch/schedule.json"))

    assert world.invoke("batch_watch", load("batch_watch/schedule.json")).init is None


def invoke_command(function: str, event: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pointflow_local.invoke", function, str(event)],
        cwd=project_root(),
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.usefixtures("world")
def test_the_command_prints_the_answer_the_start_and_the_duration() -> None:
    ran = invoke_command("BatchWatchFunction", EVENTS / "batch_watch" / "schedule.json")

    assert (ran.returncode, ran.stdout) == (0, "null\n")
    assert re.search(r"\ninit +[0-9,]+ ms\nduration +[0-9,]+ ms\n\Z", ran.stderr)


@pytest.mark.usefixtures("world")
def test_the_command_tells_by_its_exit_code_that_the_function_failed() -> None:
    ran = invoke_command("BatchWatchFunction", EVENTS / "batch_watch" / "poison.json")

    assert ran.returncode == 1
    assert '"errorType": "MessageInvalidError"' in ran.stdout


def test_the_command_leaves_nothing_behind(world: World) -> None:
    temporary = Path(os.environ["POINTFLOW_HOME"]) / "tmp"
    before = set(temporary.iterdir())

    invoke_command("BatchWatchFunction", EVENTS / "batch_watch" / "schedule.json")

    assert set(temporary.iterdir()) == before
