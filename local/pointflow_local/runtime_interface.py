"""Runs a function on Lambda's runtime interface, without a container.

AWS's emulator (RIE) plays the Lambda service: it starts the runtime's own client as a process,
hands it one event after the other, and enforces the time-out. It does not enforce memory.
"""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pointflow_local.errors import LocalStackError
from pointflow_local.processes import ProcessId, alive, end, started
from pointflow_local.runtime_function import Code, Configuration
from pointflow_local.runtime_log import Invocation, read_invocation, reports_its_end
from pointflow_local.runtime_packages import Tools

HOST = "127.0.0.1"
INVOKE = "/2015-03-31/functions/function/invocations"
START_PATIENCE = 30.0  # seconds
STOP_PATIENCE = 5.0  # seconds
INIT_LIMIT = 10.0  # seconds that Lambda grants a function to start, beside its time-out
LOG_PATIENCE = 2.0  # seconds the emulator's log may lag behind its answer
START_ATTEMPTS = 3  # somebody may take a port between finding it free and using it


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Ports on 127.0.0.1: for whoever invokes, and for the runtime's client."""

    invoke: int
    runtime: int


class RuntimeInterface:
    """One execution environment of a function: cold at its first event, warm from then on.

    A context manager; leaving it ends every process that was started. The emulator takes one event
    at a time: an instance is for one thread.

    Parameters
    ----------
    tools : Tools
    code : Code
    configuration : Configuration
    scratch : Path
        An existing folder for logs, and for what the function writes to its home.
    """

    def __init__(
        self, tools: Tools, code: Code, configuration: Configuration, scratch: Path
    ) -> None:
        self._tools = tools
        self._code = code
        self._configuration = configuration
        self._scratch = scratch
        self._stack = ExitStack()
        self._port = 0

    def __enter__(self) -> Self:
        """Start the emulator. The function itself starts with its first event.

        Raises
        ------
        LocalStackError
            The emulator does not start.
        """
        for attempt in range(1, START_ATTEMPTS + 1):
            addresses = _free_addresses()
            with ExitStack() as draft:
                if draft.enter_context(self._emulator(addresses)):
                    self._stack, self._port = draft.pop_all(), addresses.invoke
                    return self
            if attempt == START_ATTEMPTS:
                break
        said = " | ".join(self._read(self._emulator_log, 0).splitlines()[-3:])
        raise LocalStackError(
            f"Lambda's emulator did not start: {said}", f"see {self._emulator_log}"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the emulator and the function."""
        self._stack.close()

    def invoke(self, event: bytes) -> Invocation:
        """Hand the function an event and wait for its answer.

        Parameters
        ----------
        event : bytes
            JSON. What is none, the runtime answers with an error.

        Raises
        ------
        LocalStackError
            The emulator itself failed.
        """
        before = (_size(self._emulator_log), _size(self._function_log))
        began = time.monotonic()
        status, body = self._post(event)
        waited = (time.monotonic() - began) * 1000
        log = self._emulator_log_of(before[0], status, body)
        output = self._read(self._function_log, before[1])
        return read_invocation(status, body, log=log, output=output, waited=waited)

    @property
    def _emulator_log(self) -> Path:
        return self._scratch / "emulator.log"

    @property
    def _function_log(self) -> Path:
        return self._scratch / "function.log"

    def _post(self, event: bytes) -> tuple[int, bytes]:
        patience = self._configuration.timeout + 2 * INIT_LIMIT
        connection = http.client.HTTPConnection(HOST, self._port, timeout=patience)
        try:
            connection.request("POST", INVOKE, event, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            said = " | ".join(self._read(self._emulator_log, 0).splitlines()[-3:])
            raise LocalStackError(f"Lambda's emulator broke down: {said}", "try again") from error
        finally:
            connection.close()

    def _emulator_log_of(self, before: int, status: int, body: bytes) -> str:
        deadline = time.monotonic() + LOG_PATIENCE
        log = self._read(self._emulator_log, before)
        while not reports_its_end(log, status, body) and time.monotonic() < deadline:
            time.sleep(0.005)
            log = self._read(self._emulator_log, before)
        return log

    @contextmanager
    def _emulator(self, addresses: _Addresses) -> Iterator[bool]:
        token = secrets.token_hex(16)
        with self._emulator_log.open("ab") as log, self._function_log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - a function of the template
                self._command(addresses),
                cwd=self._code.task,
                env=self._environment(token),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for the command
            )
        emulator = ProcessId(process.pid, started(process.pid) or "", token)
        try:
            yield _listens(emulator, addresses.invoke)
        finally:
            end(emulator, patience=STOP_PATIENCE)
            process.wait()

    def _command(self, addresses: _Addresses) -> list[str]:
        return [
            str(self._tools.emulator),
            "--log-level",
            "info",  # the least that tells how long the start took
            "--runtime-interface-emulator-address",
            f"{HOST}:{addresses.invoke}",
            "--runtime-api-address",
            f"{HOST}:{addresses.runtime}",
            str(self._tools.python),
            "-S",  # nothing of the interpreter's own environment
            "-m",
            "awslambdaric",
            self._configuration.handler,
        ]

    def _environment(self, token: str) -> Mapping[str, str]:
        return {
            **self._configuration.environment,
            **lambda_environment(self._configuration, self._code, self._tools.packages),
            "HOME": str(self._scratch),
            "TMPDIR": str(self._scratch),
            "POINTFLOW_LOCAL_RUN": token,
        }

    @staticmethod
    def _read(path: Path, offset: int) -> str:
        with path.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")


def lambda_environment(
    configuration: Configuration, code: Code, packages: Path
) -> Mapping[str, str]:
    """What Lambda tells every Python function, beside its own variables."""
    return {
        "PATH": os.defpath,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": configuration.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(configuration.timeout),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory),
        "LAMBDA_TASK_ROOT": str(code.task),
        "LAMBDA_RUNTIME_DIR": str(packages),
        "PYTHONPATH": os.pathsep.join(str(path) for path in [*code.search_path, packages]),
        # The file system is read-only there: code without bytecode is compiled at every start.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _listens(process: ProcessId, port: int) -> bool:
    deadline = time.monotonic() + START_PATIENCE
    while alive(process) and time.monotonic() < deadline:
        with socket.socket() as probe:
            # Asked again: on somebody else's port, ours would be on its way out by now.
            if probe.connect_ex((HOST, port)) == 0 and alive(process):
                return True
        time.sleep(0.01)
    return False


def _free_addresses() -> _Addresses:
    with socket.socket() as first, socket.socket() as second:
        first.bind((HOST, 0))
        second.bind((HOST, 0))
        return _Addresses(first.getsockname()[1], second.getsockname()[1])


def _size(path: Path) -> int:
    return path.stat().st_size
