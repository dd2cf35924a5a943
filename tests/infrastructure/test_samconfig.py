"""samconfig.toml: sam ignores a key that it does not know, so its keys are checked here."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.infrastructure.template import ROOT, template

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
ENVIRONMENTS = ["dev", "staging", "prod"]

# Options of sam-cli 1.170, as its parameters are named; only those in use.
KNOWN = {
    "build": {"cached", "parallel"},
    "validate": {"lint"},
    "deploy": {
        "capabilities",
        "confirm_changeset",
        "fail_on_empty_changeset",
        "parameter_overrides",
        "resolve_s3",
        "s3_prefix",
        "stack_name",
        "tags",
    },
}


def deploy(environment: str) -> dict[str, Any]:
    found: dict[str, Any] = CONFIG[environment]["deploy"]["parameters"]
    return found


def overrides(environment: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in deploy(environment)["parameter_overrides"].split()]
    return {name: given for name, _, given in pairs}


def test_every_command_and_key_is_one_that_sam_knows() -> None:
    assert list(CONFIG) == ["version", "default", *ENVIRONMENTS]
    for environment in ["default", *ENVIRONMENTS]:
        for command, settings in CONFIG[environment].items():
            assert list(settings) == ["parameters"], (environment, command)
            assert set(settings["parameters"]) <= KNOWN[command], (environment, command)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_has_a_stack_of_its_own(environment: str) -> None:
    found = deploy(environment)

    assert found["stack_name"] == found["s3_prefix"] == f"pointflow-{environment}"
    assert found["tags"] == f"application=pointflow environment={environment}"
    assert found["resolve_s3"] is True
    assert found["capabilities"] == "CAPABILITY_IAM"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_overrides_name_parameters_and_values_that_the_template_allows(environment: str) -> None:
    parameters = template()["Parameters"]

    for name, given in overrides(environment).items():
        assert given in {str(allowed) for allowed in parameters[name]["AllowedValues"]}, name


def test_only_dev_may_lose_its_tables_and_only_prod_asks_before_it_changes() -> None:
    assert {name: overrides(name)["DeletionProtection"] for name in ENVIRONMENTS} == {
        "dev": "false",
        "staging": "true",
        "prod": "true",
    }
    assert {name: deploy(name)["confirm_changeset"] for name in ENVIRONMENTS} == {
        "dev": False,
        "staging": False,
        "prod": True,
    }


def test_a_bare_deployment_has_no_environment_to_fall_into() -> None:
    assert "deploy" not in CONFIG["default"]
