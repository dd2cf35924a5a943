"""The deployed API against docs/openapi.json, with requests that are made up from the document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import DeployedStack
from tests.e2e.http import JSON, api_key
from tests.e2e.test_push import push

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "openapi.json"
SAMPLE = ROOT / "samples" / "pushes" / "member_1001.json"

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES = 6  # generated requests of each operation


def test_the_api_answers_as_documented_whatever_it_is_asked(
    stack: DeployedStack, tmp_path: Path
) -> None:
    added = stack.pointflow("credentials", "add", "--scopes", "push,read,upload", "--json")
    assert added.code == 0, added.err
    key = added.json["api_key"]
    # What the document's examples ask for is there.
    assert push(stack, {**JSON, **api_key(key)}, SAMPLE.read_bytes()).status == 200

    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            *("run", str(DOCUMENT), "--url", stack.outputs["ApiUrl"]),
            *("--header", f"x-api-key: {key}"),
            *("--checks", ",".join(CHECKS), "--phases", "examples,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--seed", "7", "--generation-deterministic"),
            *("--no-shrink", "--continue-on-failure"),
            *("--workers", "2", "--request-timeout", "30", "--warnings", "off", "--no-color"),
        ],
        cwd=tmp_path,
        env=dict(stack.env),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
