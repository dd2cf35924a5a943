"""One template, three stacks: what belongs to a job that is not wanted is not deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.infrastructure.template import Json, deployed, template

VARIANTS = template()["Parameters"]["Jobs"]["AllowedValues"]
SHARED = {"BatchWatchFunction", "CredentialAuthorizerFunction", "HttpApiFunction"}
FUNCTIONS = {
    "batch": {
        "BatchIntakeFunction",
        "ActivityCreditFunction",
        "BatchReportFunction",
        "BatchUndoFunction",
        "LedgerVerifyFunction",
    },
    "expirations": {"ExpirationPushFunction", "ExpirationProjectionFunction"},
}
TABLES = {"batch": {"LedgerTable"}, "expirations": {"ExpirationsTable"}}
SHARED_TABLES = {"BatchesTable", "CatalogTable", "MembersTable"}
QUEUES = {
    "batch": {
        f"{name}{kind}"
        for name in ("Upload", "Part", "Credit", "Report", "Undo")
        for kind in ("Queue", "DLQ")
    },
    "expirations": {"ProjectionDLQ"},
}
OTHER = {"batch": "expirations", "expirations": "batch"}
SUBSTITUTED = re.compile(r"\$\{([A-Za-z][\w.]*)\}")


def named(node: Json) -> Iterator[str]:
    """The logical ids that a node refers to, whichever way."""
    if isinstance(node, list):
        for item in node:
            yield from named(item)
    elif isinstance(node, dict):
        for key, item in node.items():
            match key, item:
                case "Ref", str(name):
                    yield name
                case "Fn::GetAtt", [str(name), *_]:
                    yield name
                case "Fn::Sub", str(text):
                    yield from (name.partition(".")[0] for name in SUBSTITUTED.findall(text))
                case "Fn::Sub", [str(text), dict(names)]:
                    inner = {name.partition(".")[0] for name in SUBSTITUTED.findall(text)}
                    yield from inner - set(names)
                    yield from named(names)
                case "DependsOn", str() | list():
                    yield from [item] if isinstance(item, str) else item
                case _:
                    yield from named(item)


def of_type(kind: str, jobs: str) -> set[str]:
    found = deployed(Jobs=jobs)["Resources"]
    return {name for name, resource in found.items() if resource["Type"] == kind}


def wanted(of_jobs: dict[str, set[str]], jobs: str) -> set[str]:
    return set().union(*of_jobs.values()) if jobs == "both" else of_jobs[jobs]


def test_what_these_tests_look_for_would_be_found() -> None:
    node = {
        "DependsOn": "A",
        "Deeper": [{"Fn::GetAtt": ["B", "Arn"]}, {"Fn::Sub": "${C.Arn}/${D}"}, {"Ref": "E"}],
        "Properties": {"DependsOn": ["F"], "X": {"Fn::Sub": ["${G}${v}", {"v": {"Ref": "H"}}]}},
    }

    assert set(named(node)) == set("ABCDEFGH")


@pytest.mark.parametrize("jobs", VARIANTS)
def test_nothing_refers_to_what_is_not_deployed(jobs: str) -> None:
    found = deployed(Jobs=jobs)
    known = set(found["Resources"])

    for section in ("Resources", "Outputs"):
        for name, resource in found[section].items():
            missing = {each for each in named(resource) if not each.startswith("AWS::")} - known
            assert not missing, f"{name} refers to {missing}"


@pytest.mark.parametrize("jobs", VARIANTS)
def test_a_variant_has_the_functions_tables_and_queues_of_its_jobs_alone(jobs: str) -> None:
    assert of_type("AWS::Lambda::Function", jobs) == SHARED | wanted(FUNCTIONS, jobs)
    assert of_type("AWS::DynamoDB::Table", jobs) == SHARED_TABLES | wanted(TABLES, jobs)
    assert of_type("AWS::SQS::Queue", jobs) == {"WatchDLQ"} | wanted(QUEUES, jobs)
    assert of_type("AWS::SNS::Topic", jobs) == {"AlarmTopic"} | (
        set() if jobs == "expirations" else {"BatchTopic"}
    )


@pytest.mark.parametrize("jobs", VARIANTS)
def test_each_function_has_its_role_log_group_alias_and_output_and_no_more_are_there(
    jobs: str,
) -> None:
    stems = {name.removesuffix("Function") for name in SHARED | wanted(FUNCTIONS, jobs)}

    assert of_type("AWS::IAM::Role", jobs) == {f"{stem}Role" for stem in stems}
    assert of_type("AWS::Logs::LogGroup", jobs) == {f"{stem}Logs" for stem in stems}
    assert of_type("AWS::Lambda::Alias", jobs) == {f"{stem}FunctionAliaslive" for stem in stems}
    assert {
        output for output in deployed(Jobs=jobs)["Outputs"] if output.endswith("FunctionName")
    } == {f"{stem}FunctionName" for stem in stems}


@pytest.mark.parametrize("jobs", ["batch", "expirations"])
def test_no_alarm_widget_or_output_is_about_the_other_job(jobs: str) -> None:
    foreign = FUNCTIONS[OTHER[jobs]] | TABLES[OTHER[jobs]] | QUEUES[OTHER[jobs]]
    services = {re.sub(r"(?<!^)([A-Z])", r"_\1", name[:-8]).lower() for name in foreign}
    found = deployed(Jobs=jobs)

    for name, resource in found["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            assert not [each for each in foreign if name.startswith(each)], name
            values = {str(each["Value"]) for each in resource["Properties"].get("Dimensions", [])}
            assert not values & services, name
    assert not [output for output in found["Outputs"] if output.startswith(tuple(foreign))]
    assert not [service for service in services if f'"{service}"' in widgets(jobs)]


def widgets(jobs: str) -> str:
    body = deployed(Jobs=jobs)["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    return str(body["Fn::Sub"])


@pytest.mark.parametrize("jobs", VARIANTS)
def test_the_dashboard_of_a_variant_is_json_and_has_a_widget_of_each_job(jobs: str) -> None:
    shown = json.loads(widgets(jobs))["widgets"]
    titles = {widget["properties"]["title"] for widget in shown}

    assert all(widget["properties"]["metrics"] for widget in shown)
    assert ("Batches an hour" in titles) == (jobs != "expirations")
    assert ("Pushes" in titles) == (jobs != "batch")
    assert {"Dead letters", "API latency, milliseconds"} <= titles


@pytest.mark.parametrize("jobs", VARIANTS)
def test_pushes_are_a_route_only_where_somebody_stores_them(jobs: str) -> None:
    paths = deployed(Jobs=jobs)["Resources"]["Api"]["Properties"]["Body"]["paths"]

    assert ("post" in paths["/v1/points-expirations"]) == (jobs != "batch")


@pytest.mark.parametrize("jobs", VARIANTS)
def test_uploads_are_told_only_where_somebody_reads_them(jobs: str) -> None:
    bucket = deployed(Jobs=jobs)["Resources"]["Bucket"]["Properties"]

    assert ("NotificationConfiguration" in bucket) == (jobs != "expirations")


def test_the_bucket_waits_for_the_policy_that_lets_it_tell_the_queue() -> None:
    bucket = deployed(Jobs="batch")["Resources"]["Bucket"]

    assert "UploadQueuePolicy" in set(named(bucket))


def test_a_change_of_jobs_reaches_the_stage() -> None:
    assert template()["Resources"]["Api"]["Properties"]["AlwaysDeploy"] is True
