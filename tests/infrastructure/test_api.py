"""The API: never open, one shape of answer whoever gives it."""

from __future__ import annotations

import json

import pytest

from pointflow.domain.authorization import ROUTES
from pointflow.domain.problem import CONTENT_TYPE, Problem, ProblemCode
from tests.infrastructure.template import Json, properties, resources, template

RESPONSES = sorted(resources("AWS::ApiGateway::GatewayResponse"))


def operations() -> dict[tuple[str, str], Json]:
    paths = properties("Api")["Body"]["paths"]
    return {
        (method.upper(), path): operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_every_route_asks_for_a_credential_and_has_its_scope() -> None:
    assert set(operations()) == set(ROUTES)
    for route, operation in operations().items():
        assert operation["security"] == [{"CredentialAuthorizer": []}], route


def test_every_request_is_checked_anew_and_no_header_is_demanded() -> None:
    (scheme,) = properties("Api")["Body"]["components"]["securitySchemes"].values()
    authorizer = scheme["x-amazon-apigateway-authorizer"]

    assert authorizer["type"] == "request"
    assert authorizer["authorizerResultTtlInSeconds"] == 0
    assert "identitySource" not in authorizer


@pytest.mark.parametrize("response", RESPONSES)
def test_what_the_gateway_answers_itself_has_the_shape_of_a_problem(response: str) -> None:
    found = properties(response)
    document = json.loads(found["ResponseTemplates"]["application/json"])
    problem = Problem(ProblemCode(document["code"]), document["detail"])

    assert document == problem.document()
    assert found["StatusCode"] == str(problem.status)
    parameters = found["ResponseParameters"]
    assert parameters["gatewayresponse.header.Content-Type"] == f"'{CONTENT_TYPE}'"
    assert ("gatewayresponse.header.WWW-Authenticate" in parameters) == (problem.status == 401)


def test_the_deployment_waits_for_every_response() -> None:
    deployment = template()["Resources"]["ApiResponsesDeployment1"]

    assert sorted(deployment["DependsOn"]) == RESPONSES


def test_failures_of_our_own_tell_the_sender_to_try_again() -> None:
    ours = {
        properties(name)["ResponseType"]
        for name in RESPONSES
        if properties(name)["StatusCode"] == "503"
    }

    assert ours == {
        "AUTHORIZER_FAILURE",
        "AUTHORIZER_CONFIGURATION_ERROR",
        "INTEGRATION_FAILURE",
        "INTEGRATION_TIMEOUT",
        "DEFAULT_5XX",
    }
