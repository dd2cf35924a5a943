"""Pictures of commands for the README, from a stack of their own: `make screens`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from pointflow_cli.demo.show import local_stack
from pointflow_cli.errors import explain, one_line
from pointflow_cli.output import note
from pointflow_local.clients import local_client
from pointflow_local.errors import LocalStackError
from pointflow_local.state import HOME_VARIABLE, LOCAL_STACK, project_root, running

COLUMNS = 132
CLIENT = "acme"
_CLEARED_LINE = "\x1b[2K"


def main() -> int:
    """Write docs/screens/*.svg; answers the exit code."""
    root = project_root()
    os.environ[HOME_VARIABLE] = str(root / ".pointflow" / "screens")
    files = sorted((root / "samples" / "batches").glob(f"activities_{CLIENT}_*.txt"))
    try:
        with local_stack():
            sent = [str(each.relative_to(root)) for each in files]
            _picture("submit", ["submit", *sent, "--wait"])
            _picture("batch_show", ["batch", "show", files[0].name])
            _dead_letter(root)
            _picture("dlq_list", ["dlq", "list"])
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        note(one_line(told))
        return 2
    return 0


def _dead_letter(root: Path) -> None:
    """Put a chunk where chunks end that failed ten times."""
    stack = running()
    if stack is None:
        raise LocalStackError("the local stack is gone", "run it again: make screens")
    event = json.loads((root / "events" / "activity_credit" / "chunk.json").read_text("utf-8"))
    local_client(stack, "sqs").send_message(
        QueueUrl=stack.outputs["CreditDLQUrl"], MessageBody=event["Records"][0]["body"]
    )


def _picture(name: str, arguments: list[str]) -> None:
    """Run a command as a person does, and keep what a terminal shows of it in the end."""
    env = {
        **os.environ,
        "POINTFLOW_STACK": LOCAL_STACK,
        "POINTFLOW_CLIENT": CLIENT,
        "FORCE_COLOR": "1",
        "COLUMNS": str(COLUMNS),
    }
    ran = subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).with_name("pointflow")), *arguments],
        env=env,
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    screen = Console(record=True, width=COLUMNS, file=io.StringIO())
    screen.print(f"$ pointflow {' '.join(arguments)}", style="bold", highlight=False)
    # A live display clears its lines and writes them anew: what comes last is what stays.
    for written in (ran.stderr.rpartition(_CLEARED_LINE)[2], ran.stdout):
        screen.print(Text.from_ansi(written.rstrip("\n")))
    folder = project_root() / "docs" / "screens"
    folder.mkdir(exist_ok=True)
    # A fixed id: the same screen is the same file.
    screen.save_svg(str(folder / f"{name}.svg"), title="pointflow", unique_id=name)


if __name__ == "__main__":
    sys.exit(main())
