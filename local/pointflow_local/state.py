"""What is known of the local stack between two commands: `.pointflow/local.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pointflow_local.processes import ProcessId, alive

LOCAL_STACK = "local"
HOME_VARIABLE = "POINTFLOW_HOME"
PRIVATE = 0o600


def project_root() -> Path:
    """The clone this package is installed from: the folder of template.yaml."""
    return Path(__file__).resolve().parents[2]


def home() -> Path:
    """Where the local stack keeps its state, logs and temporary files.

    `.pointflow` in the project's root, unless POINTFLOW_HOME names another folder, so that
    several local stacks can run side by side.
    """
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).resolve() if chosen else project_root() / ".pointflow"


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A local AWS that was started.

    Attributes
    ----------
    endpoint_url : str
        Always on 127.0.0.1.
    region, access_key, secret_key : str
        What a client of it says; neither key opens anything else.
    process : ProcessId
        The server's process.
    keep : bool
        Whether its state survives a stop.
    auth : bool
        Whether it enforces IAM policies.
    outputs : mapping of str to str
        The template's outputs; empty until the deployment is through.
    sftp_port : int or None
        TCP port of its SFTP server, on 127.0.0.1 too.
    credentials : mapping of str to str or None
        With which the sample client calls its API: `username`, `password`, `api_key`.
    """

    endpoint_url: str
    region: str
    access_key: str
    secret_key: str
    process: ProcessId
    keep: bool = False
    auth: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)
    sftp_port: int | None = None
    credentials: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1."""
        return int(self.endpoint_url.rpartition(":")[2])


def state_file() -> Path:
    """Where the running stack is written down."""
    return home() / "local.json"


def read_state() -> LocalStack | None:
    """The stack that was started last and not stopped since, whether or not it still runs."""
    try:
        document: dict[str, Any] = json.loads(state_file().read_text())
        process = ProcessId(**document.pop("process"))
        return LocalStack(**document, process=process)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        # A file of another version says nothing about what runs now.
        return None


def write_state(stack: LocalStack) -> None:
    """Write the stack down, whole or not at all, for nobody but its owner to read."""
    target = state_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    # Private from its first moment on, not after the fact.
    draft.touch(mode=PRIVATE, exist_ok=False)
    draft.write_text(json.dumps(asdict(stack), indent=2) + "\n")
    draft.replace(target)


def forget_state() -> None:
    """Forget the stack that was written down."""
    state_file().unlink(missing_ok=True)


def running() -> LocalStack | None:
    """The local stack, when it is deployed and its process lives."""
    stack = read_state()
    if stack is None or not stack.outputs or not alive(stack.process):
        return None
    return stack
