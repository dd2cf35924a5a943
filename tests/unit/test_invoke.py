"""`make invoke`: its answers and exit codes, and how the emulator's account is read."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from pointflow_local import invoke
from pointflow_local.errors import LocalStackError
from pointflow_local.runtime_function import Code, Configuration, functions, unpack_code
from pointflow_local.runtime_interface import lambda_environment
from pointflow_local.runtime_log import TIMED_OUT, Invocation, read_invocation, reports_its_end
from pointflow_local.runtime_packages import find_tools, needed
from pointflow_local.state import HOME_VARIABLE

TEMPLATE = """
Globals:
  Function:
    CodeUri: code/
    Layers: [!Ref Packages]
Resources:
  Packages:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: packages/}
  OneFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: one.app.lambda_handler}
  TwoFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: two.app.lambda_handler, CodeUri: other/}
  ForeignFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: x.y, Layers: ["arn:aws:lambda:us-east-1:1:layer:x:1"]}
"""

STARTED = """\
22 Nov 2026 07:10:56,024 [INFO] (rapid) INIT START(type: on-demand, phase: init)
22 Nov 2026 07:10:56,062 [INFO] (rapid) INIT RTDONE(status: success)
22 Nov 2026 07:10:56,062 [INFO] (rapid) INIT REPORT(durationMs: 338.193000)
"""
HANDLED = """\
22 Nov 2026 07:10:56,062 [INFO] (rapid) INVOKE START(requestId: 51ab0f9f)
22 Nov 2026 07:10:56,265 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 42.5ms)
"""  # noqa: E501
PRINTED = """\
START RequestId: 51ab0f9f Version: $LATEST
{"message": "from the function"}
END RequestId: 51ab0f9f
REPORT RequestId: 51ab0f9f\tInit Duration: 0.04 ms\tDuration: 380.6 ms
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The template of a project with two functions and a layer that is built."""
    for name in ("code/one/app.py", "other/two/app.py", "packages/python/thing.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "code" / "one" / "__pycache__").mkdir()
    (tmp_path / "code" / "one" / "__pycache__" / "app.cpython-313.pyc").write_bytes(b"stale")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


@pytest.fixture
def event(tmp_path: Path) -> Path:
    path = tmp_path / "event.json"
    path.write_text('{"a": 1}')
    return path


def answering(invocation: Invocation) -> Callable[[str, bytes, Path], Invocation]:
    return lambda function, event, template: invocation


def run(project: Path, function: str, event: Path, invocation: Invocation) -> int:
    arguments = [function, str(event), "--template", str(project)]
    return invoke.main(arguments, answering(invocation))


def test_an_answer_goes_to_stdout_and_everything_else_to_stderr(
    project: Path, event: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = Invocation({"ok": 1}, None, init=1338.2, duration=41.6, output="a line of its log\n")

    code = run(project, "OneFunction", event, done)

    told = capsys.readouterr()
    assert code == 0
    assert told.out == '{\n  "ok": 1\n}\n'
    assert told.err == "a line of its log\ninit      1,338 ms\nduration  42 ms\n"


def test_an_error_of_the_function_is_exit_code_1(
    project: Path, event: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Invocation({"errorType": "KeyError"}, "KeyError", None, 1.0, "")

    assert run(project, "OneFunction", event, failed) == 1
    assert "KeyError" in capsys.readouterr().out


def test_the_event_is_handed_over_byte_by_byte(project: Path, tmp_path: Path) -> None:
    sent = b'{"a":  1.0, "b": "\xc3\xa9"}\n'
    (tmp_path / "event.json").write_bytes(sent)
    received: list[tuple[str, bytes, Path]] = []

    def remember(function: str, event: bytes, template: Path) -> Invocation:
        received.append((function, event, template))
        return Invocation(None, None, None, 1.0, "")

    arguments = ["TwoFunction", str(tmp_path / "event.json"), "--template", str(project)]
    assert invoke.main(arguments, remember) == 0
    assert received == [("TwoFunction", sent, project)]


def unusable(
    arguments: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    code = invoke.main([*arguments, "--template", str(project)])
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    return code, told.err


def test_an_unknown_function_is_answered_with_those_there_are(
    project: Path, event: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NoFunction", ""):
        code, told = unusable([name, str(event)], project, capsys)
        assert code == 2
        assert "ForeignFunction, OneFunction or TwoFunction" in told


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_an_event_that_cannot_be_read_is_unusable(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_bytes(content)

    code, told = unusable(["OneFunction", str(path)], project, capsys)

    assert code == 2
    assert "broken.json" in told


def test_without_a_local_aws_the_next_step_is_to_start_it(
    project: Path,
    event: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "nowhere"))

    code, told = unusable(["OneFunction", str(event)], project, capsys)

    assert code == 2
    assert "pointflow up" in told


def test_the_start_is_timed_apart_from_the_event() -> None:
    cold = read_invocation(200, b"null", log=STARTED + HANDLED, output=PRINTED, waited=400)
    warm = read_invocation(200, b"null", log=HANDLED, output="", waited=50)

    assert (cold.init, cold.duration) == (338.193, 42.5)
    assert (warm.init, warm.duration) == (None, 42.5)


def test_only_the_functions_own_lines_are_its_output() -> None:
    log = f"{HANDLED}a warning of Python's\rin two lines\n"

    read = read_invocation(200, b"null", log=log, output=PRINTED, waited=50)

    assert read.output == (
        '{"message": "from the function"}\na warning of Python\'s\nin two lines\n'
    )


@pytest.mark.parametrize(
    ("status", "body", "error_type"),
    [
        (200, b"null", None),
        (200, b'{"statusCode": 500}', None),
        (200, b'{"errorType": "only a field of the answer"}', None),
        (200, b'"Task timed out after 3.00 seconds"', None),
        (200, b'{"errorMessage": "no", "errorType": "KeyError"}', "KeyError"),
        (200, b"Task timed out after 3.00 seconds", TIMED_OUT),
        (502, b'{"errorType": "Runtime.ExitError", "errorMessage": "e"}', "Runtime.ExitError"),
        (413, b"{}", "HTTP 413"),
    ],
)
def test_errors_are_told_from_answers(status: int, body: bytes, error_type: str | None) -> None:
    read = read_invocation(status, body, log=HANDLED, output="", waited=1)

    assert read.error_type == error_type


def test_what_ran_out_of_time_is_timed_from_outside() -> None:
    read = read_invocation(200, b"Task timed out", log=STARTED, output="", waited=3338.193)

    assert read.answer == {"errorType": TIMED_OUT, "errorMessage": "Task timed out"}
    assert read.duration == pytest.approx(3000)


def test_the_log_is_waited_for_only_where_it_still_has_something_to_say() -> None:
    assert not reports_its_end(STARTED, 200, b"null")
    assert reports_its_end(HANDLED, 200, b"null")
    assert reports_its_end(STARTED, 200, b"Task timed out")
    assert reports_its_end(STARTED, 502, b"{}")


def test_functions_are_listed_by_name(project: Path) -> None:
    assert functions(project) == ["ForeignFunction", "OneFunction", "TwoFunction"]


def test_code_and_layers_lie_where_lambda_lays_them(project: Path, tmp_path: Path) -> None:
    code = unpack_code(project, "OneFunction", target=tmp_path / "laid", cache=tmp_path)

    assert [path.relative_to(code.task) for path in code.task.rglob("*.py*")] == [
        Path("one/app.py")
    ]
    assert (code.layers / "python" / "thing.py").exists()


def test_a_function_may_have_a_folder_of_its_own(project: Path, tmp_path: Path) -> None:
    code = unpack_code(project, "TwoFunction", target=tmp_path / "laid", cache=tmp_path)

    assert (code.task / "two" / "app.py").exists()


def test_a_folder_that_is_not_there_is_named(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other").rename(tmp_path / "renamed")

    with pytest.raises(LocalStackError, match="other"):
        unpack_code(project, "TwoFunction", target=tmp_path / "laid", cache=tmp_path)


def test_a_layer_from_elsewhere_cannot_be_laid_out(project: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="layer"):
        unpack_code(project, "ForeignFunction", target=tmp_path / "laid", cache=tmp_path)


def test_the_task_comes_before_the_layer_and_the_layer_before_the_runtime() -> None:
    code = Code(Path("/t"), Path("/o"))
    configuration = Configuration("f", "a.b", 3, 128, {})

    environment = lambda_environment(configuration, code, Path("/r"))

    assert environment["PYTHONPATH"].split(os.pathsep) == [
        "/t",
        "/o/python/lib/python3.13/site-packages",
        "/o/python",
        "/r",
    ]
    assert environment["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "3"


def test_a_configuration_does_not_show_its_credentials() -> None:
    assert "secret" not in repr(Configuration("f", "a.b", 3, 128, {"KEY": "secret"}))


def installed(site: Path, name: str, *requires: str) -> None:
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {each}" for each in requires)]
    (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, ""]))


def test_only_what_the_runtime_requires_is_taken(tmp_path: Path) -> None:
    site = tmp_path / "env" / "lib" / "python3.13" / "site-packages"
    installed(site, "boto3", "Boto_Core<2,>=1", "extra-thing; extra == 'crt'")
    installed(site, "boto-core", "boto3")  # a circle is no trouble
    installed(site, "extra-thing")
    installed(site, "samcli")

    assert [found.name for found in needed(site, ["boto3"])] == ["boto-core", "boto3"]


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    site = tmp_path / "env" / "lib" / "python3.13" / "site-packages"
    installed(site, "boto3", "botocore")

    with pytest.raises(LocalStackError, match="botocore is not installed in env"):
        needed(site, ["boto3"])


def test_a_missing_environment_is_made_by_make(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError) as raised:
        find_tools(tmp_path / "no-environment", tmp_path)

    assert raised.value.next_step == "run: make sam-environment"


def test_where_the_emulator_does_not_run_sam_is_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")

    with pytest.raises(LocalStackError, match="Darwin") as raised:
        find_tools(tmp_path, tmp_path)

    assert "sam local invoke" in raised.value.next_step
