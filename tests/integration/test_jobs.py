"""A stack for one job alone: it comes up with what it needs, and the command gets by with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointflow_local.samples import load_samples
from pointflow_local.stack import bring_down, bring_up
from pointflow_local.state import LocalStack

pytestmark = pytest.mark.timeout(300)

JOBS = ("batch", "expirations")
SAMPLE = Path(__file__).parents[2] / "samples" / "batches" / "activities_acme_20260901120000.txt"


@pytest.fixture(scope="module", params=JOBS)
def jobs(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def stack(jobs: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POINTFLOW_HOME", str(tmp_path_factory.mktemp(jobs)))
        patch.setenv("POINTFLOW_STACK", "local")
        patch.setenv("POINTFLOW_CLIENT", "acme")
        try:
            yield bring_up(auth=True, parameters={"Jobs": jobs}, prepare=load_samples).stack
        finally:
            bring_down()


def pointflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("pointflow")), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_has_the_tables_and_queues_of_its_job_alone(stack: LocalStack, jobs: str) -> None:
    assert ("LedgerTableName" in stack.outputs) == (jobs == "batch")
    assert ("CreditQueueUrl" in stack.outputs) == (jobs == "batch")
    assert ("ExpirationsTableName" in stack.outputs) == (jobs == "expirations")


def test_the_job_is_done(stack: LocalStack, jobs: str) -> None:
    assert stack.outputs
    if jobs == "batch":
        done = pointflow("submit", str(SAMPLE), "--wait", "--json")
        assert json.loads(done.stdout)["status"] == "COMPLETED_WITH_REJECTS", done.stderr
    else:
        up = json.loads(pointflow("up", "--auth", "--json").stdout)
        body = SAMPLE.parents[1] / "pushes" / "member_1001.json"
        arguments = ("push", "send", str(body), "--api-key", up["credentials"]["api_key"])
        sent = pointflow(*arguments)
        assert "stored" in sent.stdout, sent.stderr
    other = ("expirations", "show", "1001") if jobs == "batch" else ("batch", "list")
    refused = pointflow(*other)
    assert refused.returncode == 2
    assert "lacks that job" in refused.stderr


def test_dead_letters_of_the_queues_that_are_there_are_listed(stack: LocalStack, jobs: str) -> None:
    assert stack.outputs
    listed = {row["queue"] for row in json.loads(pointflow("dlq", "list", "--json").stdout)}

    work = {"upload", "part", "credit", "report", "undo"}
    assert listed == {"watch"} | (work if jobs == "batch" else {"projection"})


def test_members_are_imported_exported_and_forgotten_in_either(
    stack: LocalStack, jobs: str, tmp_path: Path
) -> None:
    assert stack.outputs
    kept = tmp_path / "members.csv"
    members = SAMPLE.parents[1] / "members.csv"

    exported = pointflow("members", "export", str(kept), "--json")
    opened = json.loads(exported.stdout)["opened"]
    forgotten = pointflow("member", "forget", "1002", "--yes", "--json")
    again = pointflow("members", "import", str(members), "--json")

    assert (opened > 0) == (jobs == "batch")
    assert forgotten.returncode == 0, forgotten.stderr
    assert json.loads(again.stdout)["forgotten"] == 1
