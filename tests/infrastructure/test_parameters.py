"""What the parameters do, and which of them are refused."""

from __future__ import annotations

import re

import pytest

from tests.infrastructure.template import ROOT, Json, deployed, template, value

PARAMETERS = template()["Parameters"]
RULES = template()["Rules"]
DOMAIN = {
    "ApiDomainName": "points.example.com",
    "ApiCertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/"
    "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
}
BUSY = ("MembersTable", "LedgerTable", "ExpirationsTable")


def of(logical_id: str, **parameters: Json) -> Json:
    return deployed(**parameters)["Resources"][logical_id]["Properties"]


def refused(**parameters: str) -> list[str]:
    """What CloudFormation says against these parameters before it makes anything."""
    return [
        assertion["AssertDescription"]
        for rule in RULES.values()
        if value(rule["RuleCondition"], parameters)
        for assertion in rule["Assertions"]
        if not value(assertion["Assert"], parameters)
    ]


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_whoever_breaks_a_bound_is_told_what_it_is(parameter: str) -> None:
    spec = PARAMETERS[parameter]

    bounded = bool({"AllowedPattern", "MinValue", "MaxValue"} & set(spec))
    assert bounded == ("ConstraintDescription" in spec)


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("AlarmEmail", ["ops@example.com"], ["ops", "a b@example.com"]),
        (
            "ApiDomainName",
            ["points.example.com"],
            ["points", "Points.example.com", "-a.example.com"],
        ),
        ("ApiBasePath", ["points", "v1.2"], ["a/b", "/a", "a b"]),
        ("ApiCertificateArn", [DOMAIN["ApiCertificateArn"]], ["arn:aws:acm", "my-certificate"]),
        (
            "AllowedAddresses",
            ["192.0.2.7", "198.51.100.0/24", "2001:db8::/32"],
            ["192.0.2", "192.0.2.7/33", "everybody", "2001:db8::/129"],
        ),
        ("WarmReadUnits", ["0", "12000", "40000"], ["1", "11999", "-1", "1000000"]),
        ("WarmWriteUnits", ["0", "4000", "40000"], ["1", "3999", "-1", "1000000"]),
    ],
)
def test_a_pattern_takes_what_is_meant_and_nothing_else(
    parameter: str, good: list[str], bad: list[str]
) -> None:
    pattern = re.compile(PARAMETERS[parameter]["AllowedPattern"])

    assert [each for each in good if not pattern.fullmatch(each)] == []
    assert [each for each in bad if pattern.fullmatch(each)] == []


def test_the_documentation_has_every_parameter_with_its_default() -> None:
    table = (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]+)`|none) \| \S", table, re.MULTILINE)

    assert rows == [(name, str(spec["Default"])) for name, spec in PARAMETERS.items()]


def test_the_defaults_and_a_whole_domain_are_taken() -> None:
    assert refused() == []
    assert refused(**DOMAIN, ApiBasePath="points") == []


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({"ApiDomainName": DOMAIN["ApiDomainName"]}, "ApiCertificateArn"),
        ({"ApiCertificateArn": DOMAIN["ApiCertificateArn"]}, "ApiDomainName"),
        ({"ApiBasePath": "points"}, "ApiDomainName"),
    ],
)
def test_half_a_domain_is_refused_with_what_is_missing(
    parameters: dict[str, str], missing: str
) -> None:
    (said,) = refused(**parameters)

    assert said.startswith(f"{next(iter(parameters))} wants {missing}")


def test_sftp_without_files_is_refused() -> None:
    assert refused(Sftp="true") == []
    (said,) = refused(Sftp="true", Jobs="expirations")
    assert said.startswith("Sftp wants Jobs")


def test_without_a_domain_the_api_is_at_the_address_that_aws_chooses() -> None:
    found = deployed()

    assert "ApiDomain" not in found["Resources"]
    assert ".execute-api." in found["Outputs"]["ApiUrl"]["Value"]["Fn::Sub"]
    assert endpoint_is_disabled() is False


def endpoint_is_disabled(**parameters: Json) -> Json:
    (server,) = of("Api", **parameters)["Body"]["servers"]
    return server["x-amazon-apigateway-endpoint-configuration"]["disableExecuteApiEndpoint"]


@pytest.mark.parametrize(
    ("base_path", "url"),
    [("", "https://points.example.com"), ("loyalty", "https://points.example.com/loyalty")],
)
def test_with_a_domain_the_api_answers_there_alone(base_path: str, url: str) -> None:
    given = {**DOMAIN, "ApiBasePath": base_path}
    mapping = of("ApiBasePathMapping", **given)

    assert of("ApiDomain", **given) == {
        "DomainName": DOMAIN["ApiDomainName"],
        "RegionalCertificateArn": DOMAIN["ApiCertificateArn"],
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "SecurityPolicy": "TLS_1_2",
    }
    assert mapping.get("BasePath", "") == base_path
    assert (mapping["RestApiId"], mapping["DomainName"]) == ({"Ref": "Api"}, {"Ref": "ApiDomain"})
    assert deployed(**given)["Outputs"]["ApiUrl"]["Value"] == url
    assert endpoint_is_disabled(**given) is True


@pytest.mark.parametrize("policy", PARAMETERS["TlsPolicy"]["AllowedValues"])
def test_api_and_domain_have_one_tls_policy_and_never_less_than_1_2(policy: str) -> None:
    for name in ("Api", "ApiDomain"):
        found = of(name, **DOMAIN, TlsPolicy=policy)
        assert found["SecurityPolicy"] == policy
        # An enhanced policy is not taken without it, another not with it.
        strict = policy.startswith("SecurityPolicy_")
        assert found.get("EndpointAccessMode") == ("STRICT" if strict else None)
    assert policy == "TLS_1_2" or policy.startswith("SecurityPolicy_TLS13_")


def test_an_api_for_everybody_has_no_resource_policy() -> None:
    assert "Policy" not in of("Api")


def test_an_api_for_some_addresses_denies_all_others() -> None:
    addresses = ["192.0.2.7", "198.51.100.0/24"]
    allow, deny = of("Api", AllowedAddresses=addresses)["Policy"]["Statement"]

    assert (allow["Effect"], "Condition" in allow) == ("Allow", False)
    assert deny["Effect"] == "Deny"
    assert deny["Condition"] == {"NotIpAddress": {"aws:SourceIp": addresses}}
    for statement in (allow, deny):
        assert statement["Resource"] == "execute-api:/*"
        assert statement["Principal"] == "*"


@pytest.mark.parametrize(
    ("parameters", "warm"),
    [
        ({}, None),
        ({"WarmReadUnits": "20000"}, {"ReadUnitsPerSecond": "20000"}),
        ({"WarmWriteUnits": "10000"}, {"WriteUnitsPerSecond": "10000"}),
        (
            {"WarmReadUnits": "20000", "WarmWriteUnits": "10000"},
            {"ReadUnitsPerSecond": "20000", "WriteUnitsPerSecond": "10000"},
        ),
    ],
)
def test_busy_tables_and_the_index_that_each_credit_writes_are_warmed(
    parameters: dict[str, str], warm: dict[str, str] | None
) -> None:
    assert [of(name, **parameters).get("WarmThroughput") for name in BUSY] == [warm] * len(BUSY)
    (index,) = of("LedgerTable", **parameters)["GlobalSecondaryIndexes"]
    assert index.get("WarmThroughput") == warm


def test_refused_pushes_are_kept_for_as_long_as_the_parameter_says() -> None:
    rules = of("Bucket", QuarantineRetentionDays=7)["LifecycleConfiguration"]["Rules"]

    assert [r["ExpirationInDays"] for r in rules if r.get("Prefix") == "quarantine/"] == [7]
