"""What a function imports before its first event: nothing that only other functions use."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

OTHERS = {
    "batch_intake": {
        "services.credit_chunk",
        "services.report_submission",
        "services.undo_submission",
        "services.watch_submissions",
        "services.accept_push",
        "adapters.dynamodb_ledger",
        "adapters.eventbridge",
    },
    "activity_credit": {
        "services.intake",
        "services.report_submission",
        "services.watch_submissions",
        "services.accept_push",
    },
    "batch_report": {"services.intake", "services.credit_chunk", "services.accept_push"},
    "expiration_push": {"services.intake", "services.credit_chunk", "adapters.dynamodb_ledger"},
    "credential_authorizer": {"services.intake", "services.accept_push"},
}
PRINT = (
    "import importlib, json, sys;"
    "importlib.import_module(sys.argv[1]);"
    "print(json.dumps(sorted(sys.modules)))"
)


@pytest.mark.parametrize("function", OTHERS)
def test_a_function_imports_nothing_of_its_neighbours(function: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PRINT, f"{function}.app"],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        check=True,
        text=True,
    )
    imported = {name.removeprefix("pointflow.") for name in json.loads(ran.stdout)}

    assert f"{function}.app" in imported
    assert imported & OTHERS[function] == set()
