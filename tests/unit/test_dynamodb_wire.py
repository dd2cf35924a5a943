"""The short way to DynamoDB: what goes over the wire, and what is made of the answer."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError, ReadTimeoutError

from pointflow.adapters import dynamodb_wire
from pointflow.adapters.dynamodb_wire import WireDynamoDB, wire
from pointflow.adapters.retrying import error_code, is_contention

ACCOUNT = {"key": {"S": "acme#M#1"}, "status": {"S": "inactive \u7530"}}
OPERATIONS = {
    "batch_get_item": "BatchGetItem",
    "get_item": "GetItem",
    "put_item": "PutItem",
    "query": "Query",
    "transact_write_items": "TransactWriteItems",
    "update_item": "UpdateItem",
}


class OneAnswer:
    """Answers everything alike, or with an error; `requests` are those it was sent."""

    def __init__(
        self,
        document: Any = None,
        status: int = 200,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        error: Exception | None = None,
    ) -> None:
        self.requests: list[Any] = []
        body = json.dumps(document).encode() if content is None else content
        self._answer = SimpleNamespace(status_code=status, content=body, headers=headers or {})
        self._error = error

    def send(self, request: Any) -> Any:
        self.requests.append(request)
        if self._error is not None:
            raise self._error
        return self._answer


def wired(http: OneAnswer) -> WireDynamoDB:
    client: Any = SimpleNamespace(
        meta=SimpleNamespace(endpoint_url="https://dynamodb.test", region_name="eu-west-1"),
        describe_table=lambda **request: request,
    )
    return WireDynamoDB(client, Credentials("AKID", "secret", "token"), http)


@pytest.mark.parametrize("method", OPERATIONS)
def test_a_call_is_its_own_json_signed_and_its_answer_read_back(method: str) -> None:
    http = OneAnswer({"Item": ACCOUNT})

    assert getattr(wired(http), method)(TableName="members", Key={"key": {"S": "\u7530"}}) == {
        "Item": ACCOUNT
    }

    (request,) = http.requests
    assert (request.method, request.url) == ("POST", "https://dynamodb.test/")
    assert json.loads(request.body) == {"TableName": "members", "Key": {"key": {"S": "\u7530"}}}
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    assert headers["x-amz-target"] == f"DynamoDB_20120810.{OPERATIONS[method]}"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["x-amz-security-token"] == "token"
    signed = headers["authorization"]
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "/eu-west-1/dynamodb/aws4_request" in signed
    assert {"host", "x-amz-date", "x-amz-target"} <= set(
        signed.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    )


def test_every_other_call_is_the_clients() -> None:
    http = OneAnswer()
    assert wired(http).describe_table(TableName="members") == {"TableName": "members"}
    assert http.requests == []


def failure(http: OneAnswer) -> ClientError:
    with pytest.raises(ClientError) as caught:
        wired(http).transact_write_items(TransactItems=[])
    return caught.value


def test_a_cancelled_transaction_brings_its_reasons_and_the_items_in_the_way() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": ACCOUNT}]
    error = failure(
        OneAnswer(
            {
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": "cancelled",
                "CancellationReasons": reasons,
            },
            400,
        )
    )
    response: Any = error.response
    assert error_code(error) == "TransactionCanceledException"
    assert response["CancellationReasons"] == reasons
    assert response["Error"]["Message"] == "cancelled"
    assert not is_contention(error)


def test_a_condition_that_failed_brings_the_item_in_the_way() -> None:
    error = failure(
        OneAnswer({"__type": "x#ConditionalCheckFailedException", "Item": ACCOUNT}, 400)
    )
    response: Any = error.response
    assert (error_code(error), response["Item"]) == ("ConditionalCheckFailedException", ACCOUNT)


@pytest.mark.parametrize(
    ("status", "content", "code", "may_be_repeated"),
    [
        (400, b'{"__type":"a#ProvisionedThroughputExceededException"}', None, True),
        (400, b'{"__type":"a#ThrottlingException:http://x"}', "ThrottlingException", True),
        (500, b'{"__type":"InternalServerError","message":"x"}', "InternalServerError", True),
        (500, b"", "InternalServerError", True),
        (502, b"<html>", "ServiceUnavailable", True),
        (503, b"[]", "ServiceUnavailable", True),
        (504, b"{}", "ServiceUnavailable", True),
        (429, b"\xff", "ThrottlingException", True),
        (403, b'{"__type":"a#AccessDeniedException"}', "AccessDeniedException", False),
        (413, b"", "413", False),
    ],
)
def test_an_error_has_the_name_by_which_it_is_repeated_or_not(
    status: int, content: bytes, code: str | None, may_be_repeated: bool
) -> None:
    error = failure(OneAnswer(status=status, content=content))
    assert error_code(error) == (code or "ProvisionedThroughputExceededException")
    assert is_contention(error) is may_be_repeated


def test_an_answer_that_was_damaged_on_its_way_is_asked_for_again() -> None:
    content = b'{"Item": {}}'
    right = {"x-amz-crc32": str(zlib.crc32(content))}
    assert wired(OneAnswer(content=content, headers=right)).get_item() == {"Item": {}}

    wrong = {"x-amz-crc32": "1"}
    with pytest.raises(HTTPClientError) as caught:
        wired(OneAnswer(content=content, headers=wrong)).get_item()
    assert is_contention(caught.value)


def test_a_broken_connection_is_botocores_own_error() -> None:
    timed_out = ReadTimeoutError(endpoint_url="https://dynamodb.test")
    with pytest.raises(ReadTimeoutError):
        wired(OneAnswer(error=timed_out)).transact_write_items()
    assert is_contention(timed_out)


def test_bytes_go_in_base64_and_nothing_else_that_json_has_no_form_for() -> None:
    http = OneAnswer({})

    wired(http).put_item(TableName="views", Item={"body": {"B": b"\x00\xff\xfe"}})

    assert json.loads(http.requests[0].body)["Item"] == {"body": {"B": "AP/+"}}
    with pytest.raises(TypeError, match="set has no form in JSON"):
        wired(http).put_item(TableName="views", Item={"body": {"SS": {"a"}}})


def test_it_takes_the_settings_of_the_client_and_needs_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[dict[str, Any]] = []

    def session(**settings: Any) -> OneAnswer:
        made.append(settings)
        return OneAnswer({})

    monkeypatch.setattr(dynamodb_wire, "URLLib3Session", session)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    config = Config(connect_timeout=2, read_timeout=10, max_pool_connections=32)
    client = boto3.client("dynamodb", region_name="eu-west-1", config=config)

    monkeypatch.setenv("AWS_CA_BUNDLE", "/own/ca.pem")
    wire(client, config).get_item(TableName="x", Key={})
    monkeypatch.delenv("AWS_CA_BUNDLE")
    wire(client, config).get_item(TableName="x", Key={})

    at_once = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = {"timeout": (2, 10), "max_pool_connections": 32, "socket_options": [at_once]}
    assert made == [{"verify": "/own/ca.pem", **rest}, {"verify": True, **rest}]

    class Nobody:
        def get_credentials(self) -> None:
            return None

    monkeypatch.setattr("botocore.session.get_session", Nobody)
    with pytest.raises(NoCredentialsError):
        wire(client, config)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failure_of_the_service_passes_whatever_its_name(status: int) -> None:
    answer: Any = {
        "Error": {"Code": "SomethingNew", "Message": ""},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    assert is_contention(ClientError(answer, "TransactWriteItems"))
    answer["ResponseMetadata"]["HTTPStatusCode"] = 400
    assert not is_contention(ClientError(answer, "TransactWriteItems"))
