"""What counts as presented, which scope a route asks for, and the policy that says so."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.authorization import (
    ROUTES,
    AuthMode,
    Identity,
    policy,
    presented_credentials,
    required_scope,
)
from pointflow.domain.credential import BasicPair, PresentedKey, Scope
from pointflow.domain.errors import UnauthorizedError

KEY = f"acme.{'k' * 43}"
ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/live/"


def basic(pair: str | bytes, scheme: str = "Basic") -> str:
    raw = pair.encode() if isinstance(pair, str) else pair
    return f"{scheme} {b64encode(raw).decode()}"


def presented(**headers: str) -> tuple[object, ...]:
    return presented_in(AuthMode.ANY, **headers)


def presented_in(mode: AuthMode, /, **headers: str) -> tuple[object, ...]:
    named = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return presented_credentials(named, mode)


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_header_and_scheme_are_read_in_any_case(name: str, scheme: str) -> None:
    assert presented(**{name: basic("acme:secret", scheme)}) == (
        BasicPair("acme", b"acme", b"secret"),
    )


def test_a_password_may_hold_colons_and_any_bytes_or_be_empty() -> None:
    assert presented(authorization=basic("acme:a:b:")) == (BasicPair("acme", b"acme", b"a:b:"),)
    assert presented(authorization=basic(b"acme:\xff\x00")) == (
        BasicPair("acme", b"acme", b"\xff\x00"),
    )
    assert presented(authorization=basic("acme:")) == (BasicPair("acme", b"acme", b""),)


def test_missing_padding_is_forgiven() -> None:
    value = basic("acme:secret1").rstrip("=")

    assert presented(authorization=value) == (BasicPair("acme", b"acme", b"secret1"),)


def test_a_label_belongs_to_the_user_name() -> None:
    assert presented(authorization=basic("acme.loyalty:x")) == (
        BasicPair("acme", b"acme.loyalty", b"x"),
    )


def test_a_key_is_read_with_spaces_around_it_trimmed() -> None:
    assert presented(X_Api_Key=f" {KEY}\t") == (PresentedKey("acme", KEY.encode()),)


def test_both_kinds_of_one_client_may_be_presented_together() -> None:
    assert len(presented(authorization=basic("acme:x"), x_api_key=KEY)) == 2


def test_the_same_header_twice_counts_twice_unless_it_is_the_same() -> None:
    twice = {"x-api-key": [KEY, KEY], "X-API-KEY": [f"acme.{'z' * 43}"]}

    assert len(presented_credentials(twice, AuthMode.ANY)) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"x_api_key": " "},
        {"authorization": "Basic"},
        {"authorization": "Basic "},
        {"authorization": "Basic ===="},
        {"authorization": "Basic !!!!"},
        {"authorization": "Basic YQ"},
        {"authorization": "Basic A"},
        {"authorization": "Basic YWNtZTp4 YWNtZTp4"},
        {"authorization": "Basic YWNtZTp4é"},
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"Digest {KEY}"},
        {"authorization": KEY},
        {"authorization": basic("acme")},
        {"authorization": basic(":secret")},
        {"authorization": basic("acmé:secret")},
        {"authorization": basic(b"acme\xff:secret")},
        {"authorization": basic("a" * 33 + ":secret")},
        {"authorization": basic("acme:" + "x" * 3000)},
        {"x_api_key": "acme"},
        {"x_api_key": "k" * 43},
        {"x_api_key": KEY + "k" * 5000},
        {"x_api_key": f"acmé.{'k' * 43}"},
        {"x_api_key": f"{KEY}, {KEY}"},
    ],
)
def test_nothing_or_what_cannot_be_a_credential_is_unauthorized(headers: dict[str, str]) -> None:
    with pytest.raises(UnauthorizedError):
        presented(**headers)


@pytest.mark.parametrize("wrong", ["Bearer x", basic("globex:x"), "Basic !"])
def test_anything_wrong_beside_a_key_makes_the_request_unauthorized(wrong: str) -> None:
    with pytest.raises(UnauthorizedError):
        presented(authorization=wrong, x_api_key=KEY)


def test_an_empty_header_beside_a_key_presents_nothing() -> None:
    assert len(presented(authorization="", x_api_key=KEY)) == 1


@pytest.mark.parametrize(
    ("mode", "pair_alone", "key_alone"),
    [
        (AuthMode.ANY, True, True),
        (AuthMode.BASIC, True, False),
        (AuthMode.API_KEY, False, True),
    ],
)
def test_the_mode_says_which_kind_must_be_there(
    mode: AuthMode, pair_alone: bool, key_alone: bool
) -> None:
    def enough(**headers: str) -> bool:
        try:
            return bool(presented_in(mode, **headers))
        except UnauthorizedError:
            return False

    assert enough(authorization=basic("acme:x")) is pair_alone
    assert enough(x_api_key=KEY) is key_alone
    assert enough(authorization=basic("acme:x"), x_api_key=KEY)


@given(st.text(), st.text())
def test_any_text_in_the_headers_is_a_credential_or_unauthorized(value: str, key: str) -> None:
    for headers in ({"Authorization": [value]}, {"Authorization": [f"Basic {value}"]}):
        try:
            found = presented_credentials({**headers, "x-api-key": [key]}, AuthMode.ANY)
        except UnauthorizedError:
            continue
        assert all(each.client_id for each in found)


def test_every_route_asks_for_a_scope_and_unknown_ones_for_what_nobody_has() -> None:
    assert required_scope("POST", "/v1/points-expirations") is Scope.PUSH
    assert required_scope("get", "/v1/points-expirations") is Scope.READ
    assert required_scope("GET", "/v1/members/{user_id}/points-expiration/history") is Scope.READ
    assert required_scope("DELETE", "/v1/points-expirations") is None
    assert set(ROUTES.values()) <= set(Scope)


def statement(identity: Identity, method: str, path: str, route: str) -> dict[str, str]:
    answer = policy(identity, required_scope(method, route), f"{ARN}{method}/{path}", route)
    (only,) = answer["policyDocument"]["Statement"]
    return dict(only)


READER = Identity("acme", "c1", frozenset({Scope.READ}))


def test_the_policy_allows_this_very_method() -> None:
    assert statement(READER, "GET", "v1/points-expirations", "/v1/points-expirations") == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": f"{ARN}GET/v1/points-expirations",
    }


def test_a_missing_scope_is_denied() -> None:
    path = "v1/points-expirations"
    assert statement(READER, "POST", path, f"/{path}")["Effect"] == "Deny"
    assert statement(READER, "GET", "v1/other", "/v1/other")["Effect"] == "Deny"


@pytest.mark.parametrize("user_id", ["1001", "*", "${aws:username}", "a/b", "?"])
def test_nothing_of_the_callers_path_gets_into_the_policy(user_id: str) -> None:
    route = "/v1/members/{user_id}/points-expiration"

    found = statement(READER, "GET", f"v1/members/{user_id}/points-expiration", route)

    assert found["Resource"] == f"{ARN}GET/v1/members/*/points-expiration"


def test_the_functions_learn_who_it_is_and_what_they_may_do() -> None:
    both = Identity("acme", "c1+c2", frozenset({Scope.READ, Scope.PUSH}))

    answer = policy(both, Scope.PUSH, f"{ARN}POST/x", "/x")

    assert answer["principalId"] == "acme"
    assert answer["context"] == {
        "client_id": "acme",
        "credential_id": "c1+c2",
        "scopes": "push read",
    }
