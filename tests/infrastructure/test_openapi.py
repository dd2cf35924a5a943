"""docs/openapi.json: what the code says, valid, and complete."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from http_api import app as http_api
from openapi.__main__ import PUSH, TARGET, main
from openapi.document import OPERATIONS, differences, document, text
from pointflow.domain.authorization import ROUTES
from tests.infrastructure.template import properties

DOCUMENT = document()
CASES = [
    pytest.param(operation, id=operation["operationId"])
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
]


def responses(operation: dict[str, Any]) -> dict[str, Any]:
    """The answers by status, those among the components too."""
    shared = DOCUMENT["components"]["responses"]
    return {
        status: shared[told["$ref"].rpartition("/")[2]] if "$ref" in told else told
        for status, told in operation["responses"].items()
    }


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of a schema that may refer to the document's components."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_the_committed_document_is_what_the_code_says() -> None:
    assert TARGET.read_text() == text(), "run make openapi"
    assert main(["--check"]) == 0


def test_the_document_is_a_valid_openapi_document() -> None:
    OpenAPIV31SpecValidator(json.loads(text())).validate()


def test_every_route_that_is_deployed_or_handled_is_described_and_no_other() -> None:
    deployed = {
        (method.upper(), path)
        for path, methods in properties("Api")["Body"]["paths"].items()
        for method in methods
    }

    assert list(differences({*http_api.ROUTES, PUSH}, deployed)) == []


def test_a_route_that_is_missing_somewhere_is_named_with_the_place() -> None:
    routes = set(ROUTES)
    new = ("GET", "/v1/new")

    assert list(differences(routes - {PUSH}, routes)) == [
        "POST /v1/points-expirations is missing in the functions"
    ]
    assert list(differences(routes, routes | {new})) == [
        f"GET /v1/new is missing in {place}"
        for place in (
            "openapi.document.OPERATIONS",
            "pointflow.domain.authorization.ROUTES",
            "the functions",
        )
    ]


def test_no_two_operations_have_one_name() -> None:
    names = [operation.operation_id for operation in OPERATIONS.values()]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("operation", CASES)
def test_every_example_of_an_answer_or_a_body_fits_its_schema(operation: dict[str, Any]) -> None:
    told = [*responses(operation).values()]
    if "requestBody" in operation:
        told.append(operation["requestBody"])
    contents = [content for each in told for content in each["content"].values()]

    for content in contents:
        assert content["examples"]
        for example in content["examples"].values():
            validator(content["schema"]).validate(example["value"])


@pytest.mark.parametrize("operation", CASES)
def test_every_operation_documents_what_the_gateway_in_front_of_it_may_answer(
    operation: dict[str, Any],
) -> None:
    told = responses(operation)

    assert {"400", "401", "403", "404", "413", "415", "429", "503"} <= set(told)
    assert "WWW-Authenticate" in told["401"]["headers"]
    assert "Retry-After" in told["429"]["headers"]
    assert "Retry-After" in told["503"]["headers"]
