"""The workflow for whoever runs pointflow: the same gates as here, and no key anywhere."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.infrastructure.template import ROOT

TEXT = (ROOT / ".github" / "workflows" / "pointflow.yaml").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, Any] = WORKFLOW["jobs"]


def test_what_is_tested_is_what_everybody_tests() -> None:
    assert {"run": "bash .ci/run"} in JOBS["test"]["steps"]


@pytest.mark.parametrize("job", ["staging", "production"])
def test_nothing_is_deployed_untested_and_each_environment_has_its_own_rights(job: str) -> None:
    assert JOBS[job]["needs"] == "test"
    assert JOBS[job]["environment"] == job
    assert JOBS[job]["permissions"] == {"contents": "read", "id-token": "write"}


def test_no_job_holds_a_key_and_only_deployments_may_ask_for_one() -> None:
    assert "secrets." not in TEXT
    assert WORKFLOW["permissions"] == {"contents": "read"}
    asking = {name for name, job in JOBS.items() if "id-token" in job.get("permissions", {})}
    assert asking == {"staging", "production"}
