"""Runs a function of template.yaml with an event, on Lambda's runtime interface.

The function's answer goes to stdout; its log and the figures go to stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pointflow_local.errors import LocalStackError
from pointflow_local.runtime_function import deployed_configuration, functions, unpack_code
from pointflow_local.runtime_interface import RuntimeInterface
from pointflow_local.runtime_log import Invocation
from pointflow_local.runtime_packages import find_tools
from pointflow_local.state import LocalStack, home, project_root, running

ANSWERED = 0
FAILED = 1  # the function answered with an error
UNUSABLE = 2  # the function did not run at all

type Invoke = Callable[[str, bytes, Path], Invocation]
"""Takes a function's logical id, an event and a template."""


@contextmanager
def on_the_runtime(
    stack: LocalStack, logical_id: str, template: Path
) -> Iterator[RuntimeInterface]:
    """A function of a template, ready for events; nothing is left of it afterwards.

    Parameters
    ----------
    stack : LocalStack
        What the function speaks to. The template is deployed there.
    logical_id : str
        The function's.
    template : Path
        template.yaml, or the one that `sam build` wrote.

    Raises
    ------
    LocalStackError
        The function cannot be run; the message says why.
    """
    tools = find_tools()
    configuration = deployed_configuration(stack, logical_id)
    temporary = home() / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="runtime-", dir=temporary) as folder:
        target = Path(folder)
        code = unpack_code(
            template, logical_id, target=target, cache=project_root() / ".cache" / "layers"
        )
        scratch = target / "scratch"
        scratch.mkdir()
        with RuntimeInterface(tools, code, configuration, scratch) as runtime:
            yield runtime


def invoke_once(logical_id: str, event: bytes, template: Path) -> Invocation:
    """Run a function with one event, against the local AWS that is up.

    Raises
    ------
    LocalStackError
        The local AWS is not up, or the function cannot be run.
    """
    stack = running()
    if stack is None:
        raise LocalStackError("the local AWS is not running", "run: pointflow up")
    with on_the_runtime(stack, logical_id, template) as runtime:
        return runtime.invoke(event)


def main(arguments: Sequence[str] | None = None, invoke: Invoke = invoke_once) -> int:
    """Run the command; answers its exit code."""
    wanted = _parser().parse_args(arguments)
    try:
        _check_function(wanted.function, wanted.template)
        event = _read_event(wanted.event)
        invocation = invoke(wanted.function, event, wanted.template)
    except LocalStackError as error:
        sys.stderr.write(f"invoke: {error}; {error.next_step}\n")
        return UNUSABLE
    _show(invocation)
    return ANSWERED if invocation.error_type is None else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make invoke",
        usage="make invoke FUNCTION=<logical id> EVENT=<file> [TEMPLATE=<file>]",
        description=__doc__,
    )
    parser.add_argument("function", help="logical id of a function in the template")
    parser.add_argument("event", help="file with the event, JSON")
    parser.add_argument("--template", type=Path, default=project_root() / "template.yaml")
    return parser


def _check_function(wanted: str, template: Path) -> None:
    known = functions(template)
    if wanted not in known:
        raise LocalStackError(
            f"{template.name} has no function {wanted!r}", f"set FUNCTION to {_either(known)}"
        )


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _read_event(name: str) -> bytes:
    next_step = "set EVENT to a file with JSON, such as events/batch_watch/schedule.json"
    try:
        event = Path(name).read_bytes()
        json.loads(event)
    except OSError as error:
        raise LocalStackError(
            f"the event {name!r} cannot be read ({error.strerror})", next_step
        ) from error
    except ValueError as error:
        raise LocalStackError(f"the event {name!r} is not JSON ({error})", next_step) from error
    return event


def _show(invocation: Invocation) -> None:
    sys.stderr.write(invocation.output)
    sys.stderr.flush()
    sys.stdout.write(json.dumps(invocation.answer, indent=2) + "\n")
    sys.stdout.flush()
    sys.stderr.write(f"init      {_milliseconds(invocation.init)}\n")
    sys.stderr.write(f"duration  {_milliseconds(invocation.duration)}\n")


def _milliseconds(value: float | None) -> str:
    return "none, it was warm" if value is None else f"{value:,.0f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
