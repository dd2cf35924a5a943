"""The credentials of clients in AWS Secrets Manager, one secret a client."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.retrying import error_code
from pointflow.domain.credential import decode_credentials, encode_credentials
from pointflow.domain.errors import ConflictError, CredentialsUnavailableError
from pointflow.ports.credentials import Credentials, StoredCredentials

CURRENT = "AWSCURRENT"
NEXT = "POINTFLOW_NEXT"
"""The label under which a new version waits for the moment in which it becomes the current one."""


class SecretsCredentials:
    """Fulfils `ports.credentials.CredentialStore`.

    Parameters
    ----------
    client : Any
        A boto3 client of Secrets Manager.
    prefix : str
        Secrets are named `<prefix>/<client id>`.
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def read(self, client_id: str) -> StoredCredentials | None:
        """What is current; None for a client without a secret.

        A secret that is there, but marked for deletion or without a text in it, is no client
        without a secret: it cannot be used.
        """
        try:
            answer = self._client.get_secret_value(SecretId=self._name(client_id))
        except (ClientError, BotoCoreError) as error:
            if _code(error) == "ResourceNotFoundException":
                return None
            raise _unavailable(client_id, error) from error
        credentials = decode_credentials(client_id, answer.get("SecretString", ""))
        return StoredCredentials(credentials, answer["VersionId"])

    def create(self, client_id: str, credentials: Credentials) -> None:
        """Make a client's secret."""
        try:
            self._client.create_secret(
                Name=self._name(client_id),
                Description=f"Credentials of client {client_id} for the pointflow API",
                SecretString=encode_credentials(credentials),
            )
        except (ClientError, BotoCoreError) as error:
            if _code(error) == "ResourceExistsException":
                raise ConflictError(f"client {client_id} has a secret already") from error
            raise _unavailable(client_id, error) from error

    def replace(self, client_id: str, credentials: Credentials, version: str) -> None:
        """Put others in the place of those of a version.

        A new version never becomes the current one by being written; it does so by taking the
        label away from the version that was read, which fails when that one has it no longer.
        """
        name = self._name(client_id)
        try:
            written = self._client.put_secret_value(
                SecretId=name,
                SecretString=encode_credentials(credentials),
                VersionStages=[NEXT],
                ClientRequestToken=str(uuid4()),
            )
            self._client.update_secret_version_stage(
                SecretId=name,
                VersionStage=CURRENT,
                MoveToVersionId=written["VersionId"],
                RemoveFromVersionId=version,
            )
        except (ClientError, BotoCoreError) as error:
            if _code(error) in {"InvalidParameterException", "ResourceNotFoundException"}:
                raise ConflictError(f"the credentials of client {client_id} changed") from error
            raise _unavailable(client_id, error) from error

    def _name(self, client_id: str) -> str:
        return f"{self._prefix}/{client_id}"


def _code(error: ClientError | BotoCoreError) -> str:
    return error_code(error) if isinstance(error, ClientError) else type(error).__name__


def _unavailable(client_id: str, error: ClientError | BotoCoreError) -> CredentialsUnavailableError:
    return CredentialsUnavailableError(
        f"the secret of client {client_id} is out of reach: {_code(error)}"
    )
