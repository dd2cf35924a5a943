"""A function on the runtime interface: what it is told, and how its failures are told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointflow_local.processes import started
from pointflow_local.runtime_function import Code, Configuration
from pointflow_local.runtime_interface import RuntimeInterface
from pointflow_local.runtime_log import TIMED_OUT
from pointflow_local.runtime_packages import find_tools

HANDLER = """
import os, sys, time

def lambda_handler(event, context):
    print("event", event)
    if event == "raise":
        raise KeyError("no such thing")
    if event == "exit":
        os._exit(3)
    if event == "sleep":
        time.sleep(30)
    if event == "import":
        import samcli
    return {
        "pid": os.getpid(),
        "name": context.function_name,
        "left": context.get_remaining_time_in_millis(),
        "given": os.environ["GIVEN"],
        "home": os.environ.get("INHERITED"),
        "path": sys.path[:3],
    }
"""


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuntimeInterface]:
    monkeypatch.setenv("INHERITED", "from whoever runs the tests")
    code = Code(tmp_path / "task", tmp_path / "opt")
    code.task.mkdir()
    (code.task / "handling.py").write_text(HANDLER)
    configuration = Configuration(
        name="Handling",
        handler="handling.lambda_handler",
        timeout=1,
        memory=128,
        environment={"GIVEN": "by the template", "AWS_REGION": "us-east-1"},
    )
    with RuntimeInterface(find_tools(), code, configuration, tmp_path) as runtime:
        yield runtime


def test_the_first_event_waits_for_the_start_and_the_second_does_not(
    runtime: RuntimeInterface,
) -> None:
    first, second = runtime.invoke(b"1"), runtime.invoke(b"2")

    assert first.init is not None
    assert first.init > first.duration > 0
    assert second.init is None
    assert first.answer["pid"] == second.answer["pid"]


def test_the_function_sees_what_lambda_shows_and_nothing_of_this_process(
    runtime: RuntimeInterface, tmp_path: Path
) -> None:
    answer = runtime.invoke(b"1").answer

    assert (answer["name"], answer["given"], answer["home"]) == (
        "Handling",
        "by the template",
        None,
    )
    assert 0 < answer["left"] <= 1000
    assert str(tmp_path / "task") in answer["path"]


def test_what_the_function_prints_comes_with_its_answer(runtime: RuntimeInterface) -> None:
    runtime.invoke(b'"first"')

    assert runtime.invoke(b'"second"').output == "event second\n"


@pytest.mark.parametrize(
    ("event", "error_type"),
    [
        (b'"raise"', "KeyError"),
        (b'"exit"', "Runtime.ExitError"),
        (b'"sleep"', TIMED_OUT),
        # It lies in the environment that the runtime's own packages come from.
        (b'"import"', "ModuleNotFoundError"),
        (b"no JSON", "Runtime.UnmarshalError"),
    ],
)
def test_a_failure_is_told_and_the_next_event_is_handled(
    runtime: RuntimeInterface, event: bytes, error_type: str
) -> None:
    failed = runtime.invoke(event)

    assert failed.error_type == error_type
    assert failed.answer["errorMessage"]
    assert runtime.invoke(b"1").error_type is None


def test_running_out_of_time_takes_as_long_as_the_time_out(runtime: RuntimeInterface) -> None:
    runtime.invoke(b"1")

    assert 900 < runtime.invoke(b'"sleep"').duration < 3000


def test_leaving_ends_the_function(tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (task / "own.py").write_text("import os\ndef run(event, context): return os.getpid()\n")
    configuration = Configuration("Own", "own.run", 1, 128, {})

    with RuntimeInterface(
        find_tools(), Code(task, tmp_path / "opt"), configuration, tmp_path
    ) as runtime:
        process = runtime.invoke(b"null").answer
        assert started(process) is not None

    assert started(process) is None


def test_a_module_that_cannot_be_imported_is_an_error_of_the_function(tmp_path: Path) -> None:
    configuration = Configuration("Lost", "lost.run", 1, 128, {})

    with RuntimeInterface(
        find_tools(), Code(tmp_path, tmp_path / "opt"), configuration, tmp_path
    ) as runtime:
        assert runtime.invoke(b"null").error_type == "Runtime.ImportModuleError"
