"""Servers that speak DynamoDB, for as long as a test session needs them."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 60.0
LOG_LINES = 20


class ServerError(Exception):
    """A server that the tests need cannot run here."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a running server answers."""

    endpoint_url: str


def answering(port: int, process: subprocess.Popen[bytes]) -> Server:
    """The server, as soon as it answers HTTP. Raises `ServerError` when it ends instead."""
    log: deque[str] = deque(maxlen=LOG_LINES)
    reading = threading.Thread(target=_drain, args=(process, log), daemon=True)
    reading.start()
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            reading.join(timeout=1)
            raise ServerError(f"the server ended with code {process.returncode}: {' '.join(log)}")
        if _answers(port):
            return Server(f"http://127.0.0.1:{port}")
        time.sleep(0.1)
    raise ServerError(f"no answer on port {port} in {READY_SECONDS:.0f} s: {' '.join(log)}")


def _drain(process: subprocess.Popen[bytes], log: deque[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        log.append(line.decode(errors="replace").strip())


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse()  # whatever it says: somebody is there to say it
    except OSError:
        return False
    else:
        return True
    finally:
        connection.close()


@contextmanager
def local_aws() -> Iterator[Server]:
    """Run the local AWS on 127.0.0.1, its state in memory."""
    program = Path(sys.executable).with_name("ministack")
    with tempfile.TemporaryDirectory(prefix="pointflow-test-") as folder:
        gateway, sftp = _free_ports(2)
        environment = {
            **os.environ,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(gateway),
            "SFTP_HOST": "127.0.0.1",
            "SFTP_PORT": str(sftp),
            "IOT_MTLS_ENABLED": "0",
            "TZ": "UTC",
            "TMPDIR": folder,
        }
        with subprocess.Popen(
            [str(program)],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                yield answering(gateway, process)
            finally:
                process.terminate()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


def _free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in taken]
    for each in taken:
        each.close()
    return ports
