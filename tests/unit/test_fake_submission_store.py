"""The submission store that use cases are tested with keeps the rules of the real one."""

import pytest

from pointflow.ports.submissions import SubmissionStore
from tests.contracts.dry_run import DryRunContract
from tests.contracts.submission_claims import SubmissionClaimsContract, SubmissionRacesContract
from tests.contracts.submission_flow import SubmissionCountersContract, SubmissionFlowContract
from tests.contracts.submission_lookup import SubmissionLookupContract
from tests.fakes.submission_store import FakeSubmissionStore


@pytest.fixture
def store() -> SubmissionStore:
    return FakeSubmissionStore()


class TestClaims(SubmissionClaimsContract):
    pass


class TestRaces(SubmissionRacesContract):
    pass


class TestFlow(SubmissionFlowContract):
    pass


class TestCounters(SubmissionCountersContract):
    pass


class TestLookup(SubmissionLookupContract):
    pass


class TestDryRun(DryRunContract):
    pass
