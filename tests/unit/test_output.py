"""What a command prints, and how every error becomes one line with its next step."""

from __future__ import annotations

import errno
import json
import tomllib

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from pointflow.domain.errors import ConflictError, ContentionError
from pointflow_cli import __version__, main
from pointflow_cli.commands import down as down_command
from pointflow_cli.errors import CommandError, explain, fail, one_line
from pointflow_cli.output import counted, print_json
from pointflow_local.errors import LocalStackError
from pointflow_local.state import project_root


def line_of(error: BaseException) -> str:
    explained = explain(error)
    assert explained is not None
    assert explained.code == 2
    return one_line(explained)


def test_an_answer_is_exactly_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "\udcff", "rows": 3})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"name": "\udcff", "rows": 3}
    assert out.isascii()
    assert err == ""


@pytest.mark.parametrize("stopped", [True, False])
def test_down_tells_a_program_whether_anything_was_up(
    stopped: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(down_command, "bring_down", lambda: stopped)

    down_command.down(as_json=True)

    assert json.loads(capsys.readouterr().out) == {"stopped": stopped}


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 batches"), (1, "1 batch"), (2_000, "2,000 batches")],
)
def test_a_noun_follows_its_number(number: int, said: str) -> None:
    assert counted(number, "batch", "batches") == said
    assert counted(number, "row") == said.replace("batches", "rows").replace("batch", "row")


def test_a_command_gives_up_in_one_line_with_the_next_step() -> None:
    with pytest.raises(CommandError) as told:
        fail("no stack\nhere", "start one: pointflow up", code=3)
    assert one_line(told.value) == "pointflow: no stack here; start one: pointflow up"
    assert told.value.code == 3


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ConflictError("batch is COMPLETED, not HELD", "see: pointflow batch show f.txt"),
            "batch is COMPLETED, not HELD; see: pointflow batch show f.txt",
        ),
        (ConflictError("it changed"), "it changed; somebody else may have been faster: look again"),
        (ContentionError("throttled"), "throttled; try again in a moment"),
        (LocalStackError("no make", "install make"), "no make; install make"),
        (typer.Abort(), "given up; nothing was done"),
        (typer.BadParameter("not a number"), "Invalid value: not a number; see: pointflow --help"),
        (typer.BadParameter("Value error, 'x' is no status"), "Invalid value: 'x' is no status;"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "members.csv"),
            "members.csv: No such file or directory; check the path and its permissions",
        ),
        (NoCredentialsError(), "Unable to locate credentials; log in, for example: aws sso login"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "for the local stack"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "not UTF-8"),
    ],
)
def test_every_error_a_person_can_cause_becomes_one_line(error: BaseException, said: str) -> None:
    line = line_of(error)
    assert said in line
    assert "\n" not in line


def test_an_answer_of_aws_is_told_with_operation_and_reason() -> None:
    error = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "not\nallowed"}}, "PutItem"
    )
    line = line_of(error)
    assert "AWS refused PutItem (AccessDeniedException): not allowed; ask for a role" in line


def test_a_defect_of_pointflow_is_not_dressed_up_as_a_users_error() -> None:
    assert explain(ZeroDivisionError()) is None


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["down", "--nonsense"]])
def test_a_wrong_command_line_is_told_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "--help" in err


def test_an_interrupt_is_told_in_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pointflow_cli.commands.up.bring_up", interrupted)
    assert main.main(["up"]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "pointflow: interrupted; what was already accepted stands\n"


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([]) == 2
    out, err = capsys.readouterr()
    assert "Usage: pointflow" in out
    assert err == ""


@pytest.mark.parametrize(
    "command", ["up", "down", "validate", "submit", "batch", "clients", "members", "activities"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([command, "--help"]) == 0
    assert f"Usage: pointflow {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["batch", "undo"], ["dlq", "purge"]])
def test_what_cannot_be_taken_back_says_that_it_wants_a_reason(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main([*command, "--help"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "Required." in line)
    assert "--reason" in line


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"pointflow {project['version']}\n"
    assert __version__ == project["version"]
