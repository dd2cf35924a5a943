"""DynamoDB without botocore's serialisers, for the calls that crediting and push intake make.

What the adapters build by hand is already the JSON that DynamoDB reads. botocore walks through each
request and answer value by value, and once more to find out which tables they name: for a
transaction of a hundred actions three quarters of all processor time. Here a request is written
and an answer read by `json`, in C. Connections and their errors stay botocore's.
"""

from __future__ import annotations

import base64
import json
import socket
import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, cast

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session

from pointflow.adapters.sigv4 import JsonSigner

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb import DynamoDBClient

CONTENT_TYPE = "application/x-amz-json-1.0"
_TARGET = "DynamoDB_20120810."
_DESCRIBED = frozenset({"__type", "message", "Message"})
_UNNAMED_ERRORS: Mapping[int, str] = {
    HTTPStatus.INTERNAL_SERVER_ERROR: "InternalServerError",
    HTTPStatus.BAD_GATEWAY: "ServiceUnavailable",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
    HTTPStatus.GATEWAY_TIMEOUT: "ServiceUnavailable",
    HTTPStatus.TOO_MANY_REQUESTS: "ThrottlingException",
}


def _in_base64(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} has no form in JSON")


# Kept: json.dumps with settings of its own makes an encoder for each call.
_JSON = json.JSONEncoder(separators=(",", ":"), default=_in_base64)


class Http(Protocol):
    """Sends a prepared request; botocore's `URLLib3Session`, or a test's own."""

    def send(self, request: Any) -> Any:
        """Answer with status code, headers and content; raise what botocore raises."""
        ...


class WireDynamoDB:
    """A DynamoDB client whose calls on items go over the wire as they are.

    Safe for threads. Requests and answers have the form of botocore's low-level client, without a
    token (the ledger's conditions do what a token would); bytes may be sent, and come back in
    base64, as DynamoDB tells them. Nothing is repeated here: whoever calls repeats what may be
    repeated. Errors are `ClientError` with botocore's codes, never a client's own subclasses of
    it, and botocore's errors of connections.

    Parameters
    ----------
    client : DynamoDBClient
        Makes all other calls; names endpoint and region.
    credentials : Credentials
    http : Http
    """

    def __init__(self, client: DynamoDBClient, credentials: Credentials, http: Http) -> None:
        self._client = client
        self._credentials = credentials
        self._http = http
        self._url = client.meta.endpoint_url.rstrip("/") + "/"
        self._signer = JsonSigner(self._url, client.meta.region_name, "dynamodb", CONTENT_TYPE)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """BatchGetItem."""
        return self._call("BatchGetItem", request)

    def get_item(self, **request: Any) -> dict[str, Any]:
        """GetItem."""
        return self._call("GetItem", request)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """PutItem."""
        return self._call("PutItem", request)

    def query(self, **request: Any) -> dict[str, Any]:
        """Query, one page."""
        return self._call("Query", request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        """UpdateItem."""
        return self._call("UpdateItem", request)

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """TransactWriteItems."""
        return self._call("TransactWriteItems", request)

    def _call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        body = _JSON.encode(request).encode("ascii")
        credentials = self._credentials.get_frozen_credentials()
        # botocore's session sends whatever mapping it is given.
        headers: Any = self._signer.headers(credentials, _TARGET + operation, body)
        headers["Accept-Encoding"] = "identity"
        answer = self._http.send(
            AWSPreparedRequest("POST", self._url, headers, body, stream_output=False)
        )
        content: bytes = answer.content
        checksum = answer.headers.get("x-amz-crc32")
        if checksum is not None and int(checksum) != zlib.crc32(content):
            raise HTTPClientError(error=ValueError("the answer does not fit its checksum"))
        if answer.status_code == HTTPStatus.OK:
            return cast("dict[str, Any]", json.loads(content))
        raise ClientError(cast("Any", error_response(answer.status_code, content)), operation)


def wire(client: DynamoDBClient, config: Config) -> DynamoDBClient:
    """Take the short way for the calls that are many, with the settings of the client.

    Raises
    ------
    NoCredentialsError
        The environment has none.
    """
    session = botocore.session.get_session()
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    settings: Any = config
    timeout: Any = (settings.connect_timeout, settings.read_timeout)
    # A request goes out as headers, then body: without this the body waits until the other side has
    # acknowledged the headers, which it may put off for 40 ms.
    at_once: Any = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    http = URLLib3Session(
        verify=session.get_config_variable("ca_bundle") or True,
        timeout=timeout,
        max_pool_connections=settings.max_pool_connections,
        socket_options=[at_once],
    )
    return cast("DynamoDBClient", WireDynamoDB(client, credentials, http))


def error_response(status: int, content: bytes) -> dict[str, Any]:
    """An error answer in the form in which botocore hands it on."""
    try:
        told = json.loads(content)
    except ValueError:
        told = {}
    if not isinstance(told, dict):
        told = {}
    code = str(told.get("__type", "")).rpartition("#")[2].partition(":")[0]
    message = told.get("message") or told.get("Message") or ""
    # Beside these an answer may bring the item in the way, or a transaction's reasons.
    return {
        **{name: value for name, value in told.items() if name not in _DESCRIBED},
        "Error": {"Code": code or _UNNAMED_ERRORS.get(status, str(status)), "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
