"""credential_authorizer as API Gateway calls it."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from credential_authorizer import app
from pointflow.bootstrap import access
from pointflow.domain.authorization import AuthMode, Identity
from pointflow.domain.credential import Scope
from pointflow.domain.errors import CredentialsUnavailableError, MessageInvalidError
from pointflow.observability import logger, metrics
from pointflow.services.authorize_request import authorize_request
from tests.fakes.credential_store import FakeCredentialStore, credential

EVENTS = Path(__file__).parents[2] / "events" / "credential_authorizer"
CONTEXT: Any = SimpleNamespace(
    function_name="credential-authorizer",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:credential-authorizer",
    aws_request_id="f1",
)


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs."""
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture
def store() -> FakeCredentialStore:
    reader = credential("reader", password=None, scopes=frozenset({Scope.READ}))
    return FakeCredentialStore(("acme", (credential("c1"), reader)))


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


def answer(event: dict[str, Any], store: FakeCredentialStore) -> dict[str, Any]:
    def authorize(headers: Any) -> Identity:
        return authorize_request(headers, live=store, mode=AuthMode.ANY)

    return app.lambda_handler(event, CONTEXT, authorize)


def effect(policy: dict[str, Any]) -> str:
    (statement,) = policy["policyDocument"]["Statement"]
    return str(statement["Effect"])


@pytest.mark.parametrize("name", ["push_api_key", "push_basic", "read_member"])
def test_a_live_credential_may_use_the_method(name: str, store: FakeCredentialStore) -> None:
    policy = answer(load(name), store)

    assert effect(policy) == "Allow"
    assert policy["context"] == {
        "client_id": "acme",
        "credential_id": "c1",
        "scopes": "push read",
    }


def test_the_policy_names_the_method_and_nothing_of_the_member(store: FakeCredentialStore) -> None:
    (statement,) = answer(load("read_member"), store)["policyDocument"]["Statement"]

    assert statement["Resource"].endswith("/live/GET/v1/members/*/points-expiration")


def test_a_missing_scope_is_denied_not_unauthorized(store: FakeCredentialStore) -> None:
    event = load("push_api_key")
    event["multiValueHeaders"]["x-api-key"] = [f"acme.{'reader':k<43}"]

    assert effect(answer(event, store)) == "Deny"


@pytest.mark.parametrize("name", ["poison_no_credential", "poison_wrong_beside_right"])
def test_what_is_not_a_live_credential_is_the_401_of_api_gateway(
    name: str, store: FakeCredentialStore, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$") as told:
        answer(load(name), store)

    assert told.value.__cause__ is None
    assert '"AuthorizationFailures":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_single_headers_do_where_there_are_no_others(store: FakeCredentialStore) -> None:
    event = load("push_basic")
    event["multiValueHeaders"] = None

    assert effect(answer(event, store)) == "Allow"


def test_a_secret_that_cannot_be_read_fails_the_authorizer(
    store: FakeCredentialStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.break_down("acme")

    with pytest.raises(CredentialsUnavailableError):
        answer(load("push_api_key"), store)

    assert '"CredentialsUnavailable":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_nothing_secret_is_logged(
    store: FakeCredentialStore, capsys: pytest.CaptureFixture[str], log: io.StringIO
) -> None:
    answer(load("push_basic"), store)
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        answer(load("poison_wrong_beside_right"), store)

    written = "".join(capsys.readouterr()) + log.getvalue()
    assert '"unauthorized"' in written
    assert "Basic" not in written
    assert "pass:word" not in written
    assert "acme.c1" not in written


@pytest.mark.parametrize("name", ["poison_token_authorizer", "poison_no_method"])
def test_an_event_of_another_kind_is_refused(name: str, store: FakeCredentialStore) -> None:
    with pytest.raises(MessageInvalidError):
        answer(load(name), store)


@pytest.mark.parametrize(
    "environment",
    [{}, {"CREDENTIALS_PREFIX": ""}, {"CREDENTIALS_PREFIX": "p", "AUTH_MODE": "open"}],
)
def test_a_function_that_is_not_set_up_lets_nobody_in(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CREDENTIALS_PREFIX", "AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    access.authorize.cache_clear()

    with pytest.raises(CredentialsUnavailableError):
        app.lambda_handler(load("push_api_key"), CONTEXT)
