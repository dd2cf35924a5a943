"""The platform in small against the deployed stack: nothing lost, nothing wrong."""

from __future__ import annotations

from tests.e2e.conftest import DeployedStack

SMALL = ("--members", "10", "--pushes", "60", "--rate", "30", "--speed", "3600")
"""Two seconds of pushes; twelve minutes of the platform's clock are a fifth of one of ours."""


def test_duplicates_overtaken_pushes_and_an_outage_end_in_the_newest_push_of_everybody(
    stack: DeployedStack,
) -> None:
    ran = stack.pointflow(
        *("push", "simulate", *SMALL, "--duplicates", "0.3", "--reorder", "0.4"),
        *("--outage", "1", "--json"),
    )

    assert ran.code == 0, ran.err + ran.out
    told = ran.json
    assert (told["views_right"], told["views_wrong"], told["lost"]) == (10, [], [])
    answers = told["answers"]
    assert answers["200 stored"] > 0
    assert answers["200 stale"] > 0
    assert answers["200 duplicate"] > 0
    assert answers["cut off by the outage"] <= told["retries"]
    shown = stack.pointflow("expirations", "show", "9000000000001", "--json").json
    assert shown["redemption_period_points_expiration"] == []


def test_a_wrong_credential_is_told_before_anything_is_pushed(stack: DeployedStack) -> None:
    ran = stack.pointflow("push", "simulate", *SMALL, "--api-key", "acme." + "x" * 43)

    assert ran.code == 2
    assert "401 CREDENTIAL_INVALID" in ran.err
