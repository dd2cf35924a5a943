"""Starts and stops ministack, the local AWS, as a process of its own on 127.0.0.1."""

from __future__ import annotations

import http.client
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pointflow_local.errors import LocalStackError
from pointflow_local.processes import ProcessId, alive, end, started
from pointflow_local.sftp_keys import host_key_file, introduce_server, remove_keys
from pointflow_local.sftp_users import open_server
from pointflow_local.state import LocalStack, forget_state, home, read_state, write_state

HOST = "127.0.0.1"
DEFAULT_PORT = 4566
DEFAULT_SFTP_PORT = 2222
REGION = "us-east-1"
# The one credential that ministack takes for the account's owner, also where it enforces IAM.
OWNER_KEY = "test"
HEALTH_PATH = "/_ministack/health"
HEALTH_PATIENCE = 60.0  # seconds; a second is usual, a busy machine may need many
STOP_PATIENCE = 30.0  # seconds; kept state of any size is written out on the way down
PORT_ATTEMPTS = 3  # somebody may take a port between finding it free and using it
LOG_TAIL_LINES = 8


# Servers that this very process started: only their parent can lay them to rest.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on 127.0.0.1."""

    gateway: int
    sftp: int


class _PortTakenError(LocalStackError):
    """Somebody took the port between finding it free and using it."""


def start(*, keep: bool, auth: bool) -> LocalStack:
    """Start the local AWS and wait until it answers.

    Parameters
    ----------
    keep : bool
        Start from the state that was kept, and keep it at the next stop.
    auth : bool
        Enforce IAM policies.

    Returns
    -------
    LocalStack
        Without outputs: nothing is deployed yet.

    Raises
    ------
    LocalStackError
        ministack is not installed, or does not come up.
    """
    if importlib.util.find_spec("ministack") is None:
        raise LocalStackError(
            f"ministack, the local AWS, is not installed in {sys.prefix}",
            "run: make setup, then use .venv/bin/pointflow",
        )
    stop()
    for _ in range(PORT_ATTEMPTS - 1):
        try:
            return _start_once(keep=keep, auth=auth)
        except _PortTakenError:
            continue
    return _start_once(keep=keep, auth=auth)


def stop() -> bool:
    """Stop whatever was started last, with its children, and remove its temporary files and keys.

    Keys stay where kept state does: its SFTP users know them.

    Returns
    -------
    bool
        Whether it was still running.
    """
    stack = read_state()
    if stack is None:
        return False
    was_running = alive(stack.process)
    end(stack.process, patience=STOP_PATIENCE)
    if (child := _children.pop(stack.process.pid, None)) is not None:
        child.wait()
    shutil.rmtree(_scratch(stack.process.token), ignore_errors=True)
    if not _kept().exists():
        remove_keys()
    forget_state()
    return was_running


def log_file() -> Path:
    """Where the local AWS, and the functions in it, write their log."""
    return home() / "ministack.log"


def free_ports(preferred: int) -> Ports:
    """A port for the gateway, the preferred one where it is free, and likewise for SFTP."""
    with (
        _bound(preferred) or _bound(0) or _no_port() as gateway,
        _bound(DEFAULT_SFTP_PORT) or _bound(0) or _no_port() as sftp,
    ):
        return Ports(gateway.getsockname()[1], sftp.getsockname()[1])


def _kept_ports() -> Ports:
    """Ports of the kept state: its queues carry the gateway's port in their names."""
    remembered = _kept() / "port"
    if not remembered.exists():
        ports = free_ports(DEFAULT_PORT)
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.write_text(f"{ports.gateway}\n")
        return ports
    port = int(remembered.read_text())
    ports = free_ports(port)
    if ports.gateway != port:
        raise LocalStackError(
            f"the kept stack lives on port {port}, which another program uses",
            f"stop that program, or remove {remembered.parent} to start over",
        )
    return ports


def server_environment(ports: Ports, *, token: str, keep: bool, auth: bool) -> dict[str, str]:
    """Everything the server sees of its surroundings.

    Built from nothing: handlers inherit it, and neither the person's AWS profile nor a proxy has
    any business in there.
    """
    scratch = _scratch(token)
    data = _kept() if keep else scratch / "data"
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "POINTFLOW_LOCAL_RUN": token,
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(ports.gateway),
        "SFTP_HOST": HOST,
        "SFTP_PORT": str(ports.sftp),
        "POINTFLOW_SFTP_HOST_KEY": str(host_key_file()),
        "IOT_MTLS_ENABLED": "0",
        # A container engine on this machine is not ours to tidy.
        "DOCKER_HOST": f"unix://{scratch}/no-container-engine.sock",
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": OWNER_KEY,
        "AWS_SECRET_ACCESS_KEY": OWNER_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "S3_DATA_DIR": str(data / "s3"),
        "STATE_DIR": str(data / "state"),
    }
    if keep:
        environment |= {"PERSIST_STATE": "1", "S3_PERSIST": "1"}
    if auth:
        environment["AUTH"] = "true"
    return environment


def _start_once(*, keep: bool, auth: bool) -> LocalStack:
    ports = _kept_ports() if keep else free_ports(DEFAULT_PORT)
    stack = _launch(ports, keep=keep, auth=auth)
    write_state(stack)
    try:
        _wait_for_health(stack)
        _open_sftp(stack)
    except BaseException:
        stop()
        raise
    return stack


def _launch(ports: Ports, *, keep: bool, auth: bool) -> LocalStack:
    token = secrets.token_hex(16)
    scratch = _scratch(token)
    scratch.mkdir(parents=True)
    introduce_server(HOST, ports.sftp)
    with log_file().open("wb") as log:
        server = subprocess.Popen(
            # ministack, its SFTP server and its IAM improved.
            [sys.executable, "-m", "pointflow_local.server"],
            cwd=scratch,
            env=server_environment(ports, token=token, keep=keep, auth=auth),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for the command, not for it
        )
    _children[server.pid] = server
    start_time = started(server.pid)
    if start_time is None:
        raise LocalStackError(f"the local AWS ended at once: {log_tail()}", f"see {log_file()}")
    return LocalStack(
        endpoint_url=f"http://{HOST}:{ports.gateway}",
        region=REGION,
        access_key=OWNER_KEY,
        secret_key=OWNER_KEY,
        process=ProcessId(server.pid, start_time, token),
        keep=keep,
        auth=auth,
        sftp_port=ports.sftp,
    )


def _open_sftp(stack: LocalStack) -> None:
    open_server(stack)
    # It goes on without SFTP, and says so in its log only, when somebody took the port.
    if f"SFTP: listening on {HOST}:{stack.sftp_port} " not in _log():
        raise _PortTakenError(f"the SFTP server does not listen: {log_tail()}", f"see {log_file()}")


def _wait_for_health(stack: LocalStack) -> None:
    deadline = time.monotonic() + HEALTH_PATIENCE
    while time.monotonic() < deadline:
        if not alive(stack.process):
            taken = "already in use" in _log()
            raise (_PortTakenError if taken else LocalStackError)(
                f"the local AWS ended while starting: {log_tail()}", f"see {log_file()}"
            )
        # Health alone could be that of a stranger on the same port.
        if f"Running on {stack.endpoint_url} " in _log() and _healthy(stack.port):
            return
        time.sleep(0.05)
    raise LocalStackError(
        f"the local AWS did not answer within {HEALTH_PATIENCE:.0f} seconds: {log_tail()}",
        f"see {log_file()}",
    )


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", HEALTH_PATH)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def log_tail() -> str:
    """The last lines of the log, in one line."""
    lines = _log().splitlines()[-LOG_TAIL_LINES:]
    return " | ".join(line.strip() for line in lines) or "its log is empty"


def _log() -> str:
    try:
        return log_file().read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _kept() -> Path:
    return home() / "kept"


def _scratch(token: str) -> Path:
    return home() / "tmp" / token


def _bound(port: int) -> socket.socket | None:
    candidate = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port that was ours a moment ago is free, though its connections are still winding down.
    candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        candidate.bind((HOST, port))
    except OSError:
        candidate.close()
        return None
    return candidate


def _no_port() -> socket.socket:
    raise LocalStackError(f"no TCP port is free on {HOST}", "close some programs and try again")
