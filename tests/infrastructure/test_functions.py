"""Functions and their layer: one code root, the environment that the code reads, logs that end."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from pointflow.bootstrap.pushes import PushConfig
from pointflow.config import Config
from tests.infrastructure.template import (
    PSEUDO_PARAMETERS,
    ROOT,
    Json,
    properties,
    resources,
    template,
    value,
)

PACKAGES = {
    "BatchIntakeFunction": "batch_intake",
    "ActivityCreditFunction": "activity_credit",
    "BatchReportFunction": "batch_report",
    "BatchUndoFunction": "batch_undo",
    "BatchWatchFunction": "batch_watch",
    "LedgerVerifyFunction": "ledger_verify",
    "ExpirationPushFunction": "expiration_push",
    "ExpirationProjectionFunction": "expiration_projection",
    "CredentialAuthorizerFunction": "credential_authorizer",
    "HttpApiFunction": "http_api",
}
FUNCTIONS = sorted(resources("AWS::Lambda::Function"))
NOT_OURS = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "LOG_LEVEL"}
TABLES_AND_BUCKET = {
    "CATALOG_TABLE": {"Ref": "CatalogTable"},
    "MEMBERS_TABLE": {"Ref": "MembersTable"},
    "LEDGER_TABLE": {"Ref": "LedgerTable"},
    "BATCHES_TABLE": {"Ref": "BatchesTable"},
    "EXPIRATIONS_TABLE": {"Ref": "ExpirationsTable"},
    "BUCKET": {"Ref": "Bucket"},
    "FORGOTTEN_KEY": {"Ref": "ForgottenKey"},
}
QUEUES = {
    "PART_QUEUE_URL": {"Ref": "PartQueue"},
    "CREDIT_QUEUE_URL": {"Ref": "CreditQueue"},
    "REPORT_QUEUE_URL": {"Ref": "ReportQueue"},
    "UNDO_QUEUE_URL": {"Ref": "UndoQueue"},
    "BATCH_TOPIC_ARN": {"Ref": "BatchTopic"},
}
FROM_A_NUMBER = ({"Ref": "CellBytes"}, {"Ref": "PushHistoryDays"})  # CloudFormation makes it text
GIVEN = {
    "BatchIntakeFunction": {
        *("CATALOG_TABLE", "BATCHES_TABLE", "BUCKET"),
        *("PART_QUEUE_URL", "CREDIT_QUEUE_URL", "REPORT_QUEUE_URL", "MAX_RECEIVE_COUNT"),
        *("CELL_BYTES", "CHUNK_ROWS", "CHUNK_BYTES", "SFTP_SERVER"),
    },
    "ActivityCreditFunction": {
        *("CATALOG_TABLE", "MEMBERS_TABLE", "LEDGER_TABLE", "BATCHES_TABLE", "BUCKET"),
        *("REPORT_QUEUE_URL", "MAX_RECEIVE_COUNT"),
    },
    "BatchReportFunction": {
        *("BATCHES_TABLE", "BUCKET", "REPORT_QUEUE_URL", "BATCH_TOPIC_ARN"),
        "MAX_RECEIVE_COUNT",
    },
    "BatchUndoFunction": {
        *("MEMBERS_TABLE", "LEDGER_TABLE", "BATCHES_TABLE"),
        *("REPORT_QUEUE_URL", "UNDO_QUEUE_URL", "MAX_RECEIVE_COUNT"),
    },
    "BatchWatchFunction": {
        *("BATCHES_TABLE", "CATALOG_TABLE", "BUCKET"),
        *("PART_QUEUE_URL", "CREDIT_QUEUE_URL", "REPORT_QUEUE_URL", "UNDO_QUEUE_URL"),
        "CREDIT_VISIBILITY_SECONDS",
    },
    "LedgerVerifyFunction": {"MEMBERS_TABLE", "LEDGER_TABLE", "BATCHES_TABLE"},
    "ExpirationPushFunction": {"EXPIRATIONS_TABLE", "BUCKET", "PUSH_HISTORY_DAYS"},
    "ExpirationProjectionFunction": {"EXPIRATIONS_TABLE", "FORGOTTEN_KEY"},
    "CredentialAuthorizerFunction": {"CATALOG_TABLE", "CREDENTIALS_PREFIX", "AUTH_MODE"},
    "HttpApiFunction": {
        "JOBS",
        "BATCHES_TABLE",
        "BUCKET",
        "EXPIRATIONS_TABLE",
        "LEDGER_TABLE",
        "MEMBERS_TABLE",
    },
}


def variables(function: str) -> dict[str, Json]:
    found: dict[str, Json] = properties(function)["Environment"]["Variables"]
    return found


class _Asked(dict[str, str]):
    """An empty environment that remembers what was looked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Json = None) -> Json:
        self.names.add(name)
        return default


def names_that_the_code_reads() -> set[str]:
    asked = _Asked()
    Config.from_env(asked)
    PushConfig.from_env(asked)
    return asked.names | {"CREDENTIALS_PREFIX", "AUTH_MODE"}  # read one by one, at first use


def test_the_template_gives_exactly_the_names_that_the_code_reads() -> None:
    given = {name for function in FUNCTIONS for name in variables(function)} - NOT_OURS

    assert given == names_that_the_code_reads()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_what_it_needs_and_no_more(function: str) -> None:
    found = variables(function)

    assert set(found) == GIVEN[function] | NOT_OURS
    for name, resource in {**TABLES_AND_BUCKET, **QUEUES}.items():
        assert found.get(name, resource) == resource


@pytest.mark.parametrize("function", FUNCTIONS)
def test_everybody_calls_an_alias_and_any_change_is_a_new_version_behind_it(function: str) -> None:
    as_written = template()["Resources"][function]["Properties"]

    assert as_written["AutoPublishCodeSha256"] == {"Ref": "ContentSha256"}
    assert as_written["AutoPublishAliasAllProperties"] is True
    assert f"{function}Aliaslive" in resources("AWS::Lambda::Alias")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_settings_are_those_the_code_falls_back_to(function: str) -> None:
    plain = {
        name: str(value(node))
        for name, node in variables(function).items()
        if name not in {*TABLES_AND_BUCKET, *QUEUES, "MAX_RECEIVE_COUNT"}
    }

    assert Config.from_env(plain) == Config.from_env({})
    assert PushConfig.from_env(plain) == PushConfig.from_env({})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_setting_is_text_as_an_environment_wants_it(function: str) -> None:
    numbers = {
        name: node
        for name, node in variables(function).items()
        if not isinstance(value(node), str | dict)
        and node not in ({"Ref": "CellBytes"}, {"Ref": "PushHistoryDays"})
    }

    assert numbers == {}


def test_batch_watch_knows_how_long_a_credit_message_stays_hidden() -> None:
    given = variables("BatchWatchFunction")["CREDIT_VISIBILITY_SECONDS"]

    assert value(given) == value(properties("CreditQueue")["VisibilityTimeout"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_handler_is_where_the_template_says(function: str) -> None:
    package = PACKAGES[function]

    assert properties(function)["Handler"] == f"{package}.app.lambda_handler"
    assert variables(function)["POWERTOOLS_SERVICE_NAME"] == package
    assert importlib.util.find_spec(package) is not None
    assert (ROOT / "functions" / package / "app.py").is_file()


def test_all_functions_share_one_code_root() -> None:
    assert template()["Globals"]["Function"]["CodeUri"] == "functions/"
    for logical_id in FUNCTIONS:
        assert "CodeUri" not in template()["Resources"][logical_id]["Properties"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_states_its_size_and_time(function: str) -> None:
    found = properties(function)

    assert found["Runtime"] == "python3.13"
    assert found["Architectures"] == [{"Ref": "Architecture"}]
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert found["MemorySize"] >= 512
    assert 0 < value(found["Timeout"]) <= 300


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_json_into_a_group_of_its_own_that_forgets(function: str) -> None:
    logs = function.removesuffix("Function") + "Logs"

    assert properties(function)["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": logs}}
    assert properties(logs)["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert value(properties(logs)["LogGroupName"]) == f"/pointflow/pointflow/{PACKAGES[function]}"


def test_the_layer_is_built_by_its_makefile_for_the_functions_architecture() -> None:
    layer = template()["Resources"]["DependenciesLayer"]

    assert layer["Metadata"] == {
        "BuildMethod": "makefile",
        "BuildArchitecture": {"Ref": "Architecture"},
        "ContextPath": {"Fn::Sub": "layers/dependencies/${Architecture}"},
    }
    assert layer["Properties"]["CompatibleArchitectures"] == [{"Ref": "Architecture"}]
    assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"]


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_each_architecture_has_the_makefile_that_names_it(architecture: str) -> None:
    assert architecture in template()["Parameters"]["Architecture"]["AllowedValues"]
    folder = ROOT / "layers" / "dependencies"
    makefile = (folder / architecture / "Makefile").read_text()

    assert f"override ARCHITECTURE := {architecture}\n" in makefile
    assert "build-DependenciesLayer:" in (folder / "Makefile").read_text()


def test_the_layer_holds_the_locked_packages_and_no_aws_sdk() -> None:
    locked = (ROOT / "requirements" / "layer.txt").read_text()
    shipped = (ROOT / "layers" / "dependencies" / "requirements.txt").read_text()
    packages = {line.split("==")[0] for line in requirement_lines(shipped)}

    assert shipped == locked
    assert {"aws-lambda-powertools", "pydantic"} <= packages
    assert not packages & {"boto3", "botocore", "aws-xray-sdk"}


def requirement_lines(text: str) -> Iterator[str]:
    """The lines that name a package; each must pin one version and be followed by its hashes."""
    lines = text.splitlines()
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line and not line.startswith((" ", "#")):
            assert "==" in line
            assert after.strip().startswith("--hash=sha256:")
            yield line


def test_pseudo_parameters_of_these_tests_cover_the_template() -> None:
    assert "arn:aws:" not in (ROOT / "template.yaml").read_text()
    assert set(PSEUDO_PARAMETERS) >= {"AWS::Partition", "AWS::Region", "AWS::AccountId"}
