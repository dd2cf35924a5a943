"""Credentials in Secrets Manager: read, made, and edited only on the version that was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from pointflow.adapters.secrets_credentials import NEXT, SecretsCredentials
from pointflow.domain.credential import encode_credentials
from pointflow.domain.errors import ConflictError, CredentialsUnavailableError
from tests.fakes.credential_store import credential
from tests.unit.moto_tables import Interrupted

ONE, TWO, THREE = ((credential(name),) for name in ("c1", "c2", "c3"))
NAME = "pointflow/test/credentials/acme"


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client(
            "secretsmanager",
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@pytest.fixture
def store(client: Any) -> SecretsCredentials:
    return SecretsCredentials(client, "pointflow/test/credentials")


def failing(error: Exception) -> SecretsCredentials:
    class Client:
        def __getattr__(self, _: str) -> Any:
            def call(**_: Any) -> Any:
                raise error

            return call

    return SecretsCredentials(Client(), "pointflow/test/credentials")


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetSecretValue")


def test_a_client_without_a_secret_has_no_credentials(store: SecretsCredentials) -> None:
    assert store.read("acme") is None


def test_what_was_written_is_read_back(store: SecretsCredentials, client: Any) -> None:
    store.create("acme", ONE)

    stored = store.read("acme")

    assert stored is not None
    assert stored.credentials == ONE
    secret = client.get_secret_value(SecretId=NAME)
    assert stored.version == secret["VersionId"]
    assert set(json.loads(secret["SecretString"])["credentials"][0]) == {
        "id", "username", "password", "api_key", "scopes", "created_at",
    }  # fmt: skip


def test_a_secret_is_made_once(store: SecretsCredentials) -> None:
    store.create("acme", ONE)

    with pytest.raises(ConflictError):
        store.create("acme", TWO)


class Labels:
    """One secret whose labels move as Secrets Manager documents it, which moto does not model."""

    def __init__(self, current: str) -> None:
        self.current = current
        self.written: dict[str, str] = {current: encode_credentials(ONE)}

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's own name
        assert SecretId == NAME
        return {"VersionId": self.current, "SecretString": self.written[self.current]}

    def put_secret_value(self, **request: Any) -> dict[str, str]:
        assert request["VersionStages"] == [NEXT]
        self.written[request["ClientRequestToken"]] = request["SecretString"]
        return {"VersionId": request["ClientRequestToken"]}

    def update_secret_version_stage(self, **request: Any) -> None:
        if request["RemoveFromVersionId"] != self.current:
            raise aws_error("InvalidParameterException")
        assert request["VersionStage"] == "AWSCURRENT"
        self.current = request["MoveToVersionId"]


def test_the_version_that_was_read_is_replaced_again_and_again() -> None:
    store = SecretsCredentials(Labels(current="v1"), "pointflow/test/credentials")

    for credentials in (TWO, THREE):
        stored = store.read("acme")
        assert stored is not None
        store.replace("acme", credentials, stored.version)

    stored = store.read("acme")
    assert stored is not None
    assert stored.credentials == THREE


def test_another_version_than_the_one_that_was_read_is_left_alone() -> None:
    store = SecretsCredentials(Labels(current="v1"), "pointflow/test/credentials")
    store.replace("acme", TWO, "v1")

    with pytest.raises(ConflictError):
        store.replace("acme", THREE, "v1")

    stored = store.read("acme")
    assert stored is not None
    assert stored.credentials == TWO


def test_a_secret_deleted_in_between_is_a_conflict(store: SecretsCredentials) -> None:
    with pytest.raises(ConflictError):
        store.replace("acme", TWO, "v1")


@pytest.mark.parametrize("text", ["{nope", "{}"])
def test_a_malformed_secret_is_unusable(store: SecretsCredentials, client: Any, text: str) -> None:
    client.create_secret(Name=NAME, SecretString=text)

    with pytest.raises(CredentialsUnavailableError, match="cannot be used"):
        store.read("acme")


def test_a_secret_of_bytes_is_unusable(store: SecretsCredentials, client: Any) -> None:
    client.create_secret(Name=NAME, SecretBinary=b"{}")

    with pytest.raises(CredentialsUnavailableError, match="cannot be used"):
        store.read("acme")


def test_a_secret_that_is_being_deleted_is_not_one_that_never_was(
    store: SecretsCredentials, client: Any
) -> None:
    store.create("acme", ONE)
    client.delete_secret(SecretId=NAME)

    with pytest.raises(CredentialsUnavailableError):
        store.read("acme")


@pytest.mark.parametrize(
    "error",
    [
        aws_error("AccessDeniedException"),
        aws_error("ThrottlingException"),
        aws_error("DecryptionFailure"),
        EndpointConnectionError(endpoint_url="https://secretsmanager.example"),
    ],
)
def test_whatever_else_fails_makes_credentials_unavailable(error: Exception) -> None:
    store = failing(error)

    with pytest.raises(CredentialsUnavailableError, match="client acme is out of reach"):
        store.read("acme")
    with pytest.raises(CredentialsUnavailableError):
        store.create("acme", ONE)
    with pytest.raises(CredentialsUnavailableError):
        store.replace("acme", ONE, "v1")


def test_a_writer_that_dies_half_way_leaves_what_was_current(client: Any) -> None:
    dying = Interrupted(client)
    store = SecretsCredentials(dying, "pointflow/test/credentials")
    store.create("acme", ONE)
    stored = store.read("acme")
    assert stored is not None
    dying.before["update_secret_version_stage"] = [aws_error("InternalServiceError")]

    with pytest.raises(CredentialsUnavailableError):
        store.replace("acme", TWO, stored.version)

    assert store.read("acme") == stored
