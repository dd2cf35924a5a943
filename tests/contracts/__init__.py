"""What every implementation of a port must do: the fakes, and the adapters on real servers."""

import pytest

pytest.register_assert_rewrite(
    "tests.contracts.submission_claims",
    "tests.contracts.submission_flow",
    "tests.contracts.submission_lookup",
)
