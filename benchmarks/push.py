"""The push endpoint: processor time against peers, cold starts against an empty handler.

Everybody speaks to the same stub over HTTP, with the same kind of client, in turn in one process;
a ratio is one of a round.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.push_peers import Handler, fastapi, minimal
from benchmarks.write_units import SAMPLE

PUSHES = 300
ROUNDS = 9
EVENT = Path(__file__).parents[1] / "events" / "expiration_push" / "push.json"
SURROUNDINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "EXPIRATIONS_TABLE": "expirations",
    "BUCKET": "bucket",
    "POWERTOOLS_METRICS_NAMESPACE": "pointflow",
    "POWERTOOLS_SERVICE_NAME": "expiration_push",
}


class Context:
    """What Powertools reads of Lambda's context."""

    function_name = "expiration_push"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:expiration_push"
    aws_request_id = "52fdfc07-2182-454f-963f-5f0f9a621d72"


def cpu() -> dict[str, tuple[float, float]]:
    """By name: microseconds of processor time a push, and how many times that of ours."""
    with stub() as url:
        os.environ |= {**SURROUNDINGS, "AWS_ENDPOINT_URL": url}
        handlers = _handlers()
        for handler in handlers.values():
            _one_round(handler, 30)
        rounds = [
            {name: _one_round(each, PUSHES) for name, each in handlers.items()}
            for _ in range(ROUNDS)
        ]
    ours = next(iter(handlers))
    return {
        name: (
            statistics.median(each[name] for each in rounds),
            statistics.median(each[name] / each[ours] for each in rounds),
        )
        for name in handlers
    }


def _handlers() -> Mapping[str, Handler]:
    import boto3  # noqa: PLC0415 - reads the environment that was just made

    from expiration_push import app  # noqa: PLC0415
    from pointflow.adapters.clients import client  # noqa: PLC0415

    def ours(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return app.lambda_handler(event, context)  # type: ignore[no-any-return]

    return {
        "ours": ours,
        "minimal, our client's settings": minimal(client("dynamodb"), "expirations"),
        "minimal, boto3 as it comes": minimal(boto3.client("dynamodb"), "expirations"),
        "FastAPI + Mangum, our client's settings": fastapi(client("dynamodb"), "expirations"),
        "FastAPI + Mangum, boto3 as it comes": fastapi(boto3.client("dynamodb"), "expirations"),
    }


def _one_round(handler: Handler, pushes: int) -> float:
    events = [_event(number) for number in range(pushes)]
    with _silence():
        start = time.process_time()
        answers = [handler(event, Context()) for event in events]
        spent = time.process_time() - start
    for answer in answers:
        if answer["statusCode"] != 200 or "stored" not in answer["body"]:
            raise RuntimeError(f"a push was not stored: {answer}")
    return spent / pushes * 1e6


def _event(number: int) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(EVENT.read_text())
    sample = json.loads(SAMPLE.read_text())
    event["body"] = json.dumps({**sample, "user_id": number + 1}, indent=2)
    return event


@contextmanager
def _silence() -> Iterator[None]:
    """Logs and metrics are written, to where nobody reads them."""
    sys.stdout.flush()
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
            sys.stdout.flush()
        finally:
            os.dup2(kept, 1)
            os.close(kept)


class _Table(BaseHTTPRequestHandler):
    """Takes every write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def _serve(told: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Table)
    told.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def stub() -> Iterator[str]:
    """A table that takes every write, in a process of its own; its URL."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


COLD_ROUNDS = 9
EMPTY = """import boto3

client = boto3.client("dynamodb")


def lambda_handler(event, context):
    return {}
"""


def cold() -> dict[str, tuple[float, float]]:
    """By function: milliseconds of Lambda's INIT REPORT, and times those of an empty handler."""
    from pointflow_local.artifacts import build_layer, pack_folder  # noqa: PLC0415
    from pointflow_local.runtime_function import Code  # noqa: PLC0415
    from pointflow_local.runtime_packages import find_tools  # noqa: PLC0415
    from pointflow_local.state import project_root  # noqa: PLC0415

    tools, root = find_tools(), project_root()
    with tempfile.TemporaryDirectory() as folder, stub() as url:
        target = Path(folder)
        layer = build_layer(
            root / "layers" / "dependencies", "DependenciesLayer", root / ".cache" / "layers"
        )
        _unzip(layer.body, target / "opt")
        _unzip(pack_folder(root / "functions").body, target / "task")
        empty = target / "empty"
        empty.mkdir()
        (empty / "empty.py").write_text(EMPTY)
        environment = {
            **SURROUNDINGS,
            "AWS_ENDPOINT_URL": url,
            "CREDENTIALS_PREFIX": "pointflow/bench/credentials",
            "CATALOG_TABLE": "catalog",
        }
        functions = {
            "empty": (empty, "empty.lambda_handler"),
            "push": (target / "task", "expiration_push.app.lambda_handler"),
            "authorizer": (target / "task", "credential_authorizer.app.lambda_handler"),
        }
        rounds = []
        for number in range(COLD_ROUNDS):
            found = {}
            for name, (task, handler) in functions.items():
                scratch = target / f"scratch-{number}-{name}"
                scratch.mkdir()
                found[name] = _init(
                    tools, Code(task, target / "opt"), handler, environment, scratch
                )
            rounds.append(found)
    return {
        name: (
            statistics.median(each[name] for each in rounds),
            statistics.median(each[name] / each["empty"] for each in rounds),
        )
        for name in functions
    }


def _init(
    tools: Any, code: Any, handler: str, environment: Mapping[str, str], scratch: Path
) -> float:
    from pointflow_local.runtime_function import Configuration  # noqa: PLC0415
    from pointflow_local.runtime_interface import RuntimeInterface  # noqa: PLC0415

    configuration = Configuration("bench", handler, 25, 1024, environment)
    with RuntimeInterface(tools, code, configuration, scratch) as runtime:
        init = runtime.invoke(b"{}").init
    if init is None:
        raise RuntimeError(f"{handler} did not start")
    return init


def _unzip(body: bytes, target: Path) -> None:
    import io  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        packed.extractall(target)
