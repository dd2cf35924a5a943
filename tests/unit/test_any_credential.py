"""Whatever is presented to the authorizer: the one live credential is let in, nothing else is."""

from __future__ import annotations

import io
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credential_authorizer import app
from pointflow.adapters.cached_credentials import CachedCredentials
from pointflow.domain.authorization import MAX_HEADER_CHARACTERS, AuthMode, Identity
from pointflow.observability import logger, metrics
from pointflow.services.authorize_request import authorize_request
from tests.fakes.credential_store import FakeCredentialStore, credential
from tests.unit.test_credential_authorizer_app import CONTEXT

API = "arn:aws:execute-api:us-east-1:123456789012:a1"
NON_ASCII = "pässwörd:ß€\u0301"
LATIN = "pässwörd:ß"
ACME = credential("c1")
ACME_KEY = str(ACME.api_key)
GLOBEX_KEY = str(credential("g1", "globex").api_key)


def basic(username: str, password: str, *, scheme: str = "Basic", encoding: str = "utf-8") -> str:
    return f"{scheme} {b64encode(f'{username}:{password}'.encode(encoding)).decode()}"


ACME_BASIC = basic("acme", "pass:word")


@pytest.fixture(autouse=True)
def _process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    monkeypatch.setattr(logger.registered_handler, "stream", io.StringIO())


def world(mode: AuthMode = AuthMode.ANY) -> Callable[[Any], Identity]:
    store = FakeCredentialStore(
        (
            "acme",
            (
                ACME,
                credential("c2", password=NON_ASCII),
                credential("c3", password=LATIN),
            ),
        ),
        ("globex", (credential("g1", "globex", password="other"),)),
    )
    live = CachedCredentials(store, is_client=lambda client_id: client_id in {"acme", "globex"})
    return lambda headers: authorize_request(headers, live=live, mode=mode)


def enters(*headers: tuple[str, str], mode: AuthMode = AuthMode.ANY) -> str | None:
    """The client that is let in; None for a 401. Anything else would be a 500."""
    many: dict[str, list[str]] = {}
    for name, value in headers:
        many.setdefault(name, []).append(value)
    event = {
        "type": "REQUEST",
        "methodArn": f"{API}/live/POST/v1/points-expirations",
        "httpMethod": "POST",
        "resource": "/v1/points-expirations",
        "multiValueHeaders": many,
    }
    begun = time.process_time()
    try:
        policy = app.lambda_handler(event, CONTEXT, world(mode))
    except Exception as error:
        if str(error) == "Unauthorized":  # API Gateway goes by the text
            return None
        raise
    finally:
        assert time.process_time() - begun < 1.0
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    return str(policy["context"]["client_id"])


def cases(text: str) -> Iterator[str]:
    yield from (text, text.lower(), text.upper(), text.title(), text.swapcase())


@pytest.mark.parametrize("name", sorted({*cases("Authorization")}))
@pytest.mark.parametrize("scheme", sorted({*cases("Basic"), "bAsIc"}))
def test_names_of_headers_and_schemes_count_in_any_case(name: str, scheme: str) -> None:
    assert enters((name, basic("acme", "pass:word", scheme=scheme))) == "acme"


@pytest.mark.parametrize("name", sorted({*cases("x-api-key"), "X-Api-Key"}))
def test_the_key_does_too(name: str) -> None:
    assert enters((name, ACME_KEY)) == "acme"


@pytest.mark.parametrize(
    ("password", "encoding"), [(NON_ASCII, "utf-8"), (LATIN, "utf-8"), (LATIN, "latin-1")]
)
def test_a_password_beyond_ascii_counts_in_either_encoding(password: str, encoding: str) -> None:
    assert enters(("Authorization", basic("acme", password, encoding=encoding))) == "acme"


WRONG = {
    "another scheme": ("Authorization", f"Bearer {ACME_KEY}"),
    "a scheme and nothing": ("Authorization", "Basic"),
    "a scheme and a space": ("Authorization", "Basic  "),
    "two schemes": ("Authorization", f"Basic {ACME_BASIC}"),
    "no scheme": ("Authorization", ACME_BASIC.removeprefix("Basic ")),
    "a scheme beyond ASCII": ("Authorization", ACME_BASIC.replace("B", "\u0412")),
    "a tab after the scheme": ("Authorization", ACME_BASIC.replace(" ", "\t")),
    "no base64": ("Authorization", "Basic %%%"),
    "base64 beyond ASCII": ("Authorization", "Basic Zm\u00f6v"),
    "base64 for addresses": ("Authorization", "Basic YWNtZTpw_-8="),
    "base64 with a break": ("Authorization", ACME_BASIC[:10] + "\n" + ACME_BASIC[10:]),
    "base64 of one digit": ("Authorization", "Basic Y"),
    "base64 of nothing": ("Authorization", "Basic ===="),
    "no colon": ("Authorization", f"Basic {b64encode(b'acme').decode()}"),
    "nobody": ("Authorization", basic("", "pass:word")),
    "no password": ("Authorization", basic("acme", "")),
    "a longer password": ("Authorization", basic("acme", "pass:word ")),
    "another case": ("Authorization", basic("acme", "Pass:word")),
    "the name in another case": ("Authorization", basic("ACME", "pass:word")),
    "another client's password": ("Authorization", basic("acme", "other")),
    "no client": ("Authorization", basic("nobody", "pass:word")),
    "a NUL": ("Authorization", basic("acme", "pass:word\0")),
    "decomposed": ("Authorization", basic("acme", "pa\u0308sswo\u0308rd:ß")),
    "huge": ("Authorization", basic("acme", "x" * 1_000_000)),
    "lone surrogate": ("Authorization", "Basic \ud800"),
    "Digest": ("Authorization", f"Digest {ACME_BASIC}, Basic"),
    "two in one": ("Authorization", f"{ACME_BASIC}, {ACME_BASIC}"),
    "a wrong key": ("x-api-key", ACME_KEY[:-1] + "A"),
    "a shorter key": ("x-api-key", ACME_KEY[:-1]),
    "a key of nobody": ("x-api-key", "nobody." + "k" * 43),
    "a key without a client": ("x-api-key", "k" * 43),
    "a key beyond ASCII": ("x-api-key", ACME_KEY + "é"),
    "a huge key": ("x-api-key", "acme." + "k" * 1_000_000),
    "keys with a comma": ("x-api-key", f"{ACME_KEY},{ACME_KEY}"),
    "another client's key": ("x-api-key", f"acme{GLOBEX_KEY.removeprefix('globex')}"),
    "a key with a break": ("x-api-key", ACME_KEY + "\n"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("mode", list(AuthMode))
def test_what_is_wrong_is_a_401_alone_and_beside_what_is_right(what: str, mode: AuthMode) -> None:
    wrong = WRONG[what]

    assert enters(wrong, mode=mode) is None
    for right in (("Authorization", ACME_BASIC), ("x-api-key", ACME_KEY)):
        assert enters(right, wrong, mode=mode) is None
        assert enters(wrong, right, mode=mode) is None


@pytest.mark.parametrize("empty", ["", " ", "\t "])
def test_an_empty_value_presents_nothing(empty: str) -> None:
    assert enters(("x-api-key", empty)) is None
    assert enters(("x-api-key", empty), ("Authorization", empty)) is None
    assert enters(("x-api-key", empty), ("Authorization", ACME_BASIC)) == "acme"


def test_credentials_of_two_clients_are_refused_however_right_each_is() -> None:
    globex = basic("globex", "other")

    assert enters(("Authorization", globex)) == enters(("x-api-key", GLOBEX_KEY)) == "globex"
    assert enters(("Authorization", ACME_BASIC), ("x-api-key", GLOBEX_KEY)) is None
    assert enters(("Authorization", ACME_BASIC), ("Authorization", globex)) is None
    assert enters(("x-api-key", ACME_KEY), ("X-API-KEY", GLOBEX_KEY)) is None


def test_the_mode_asks_for_its_kind() -> None:
    both = (("Authorization", ACME_BASIC), ("x-api-key", ACME_KEY))

    for mode, (basic_one, key) in product(AuthMode, [both]):
        assert (enters(basic_one, mode=mode) is None) == (mode is AuthMode.API_KEY)
        assert (enters(key, mode=mode) is None) == (mode is AuthMode.BASIC)
        assert enters(*both, mode=mode) == "acme"


def test_the_longest_header_that_is_looked_at_is_longer_than_any_credential() -> None:
    assert len(ACME_BASIC) < len(ACME_KEY) * 10 < MAX_HEADER_CHARACTERS


names = st.sampled_from(["Authorization", "authorization", "X-API-Key", "x-api-key", "Host"])
values = st.one_of(
    st.text(max_size=40),
    st.text(max_size=30).map(lambda text: f"Basic {text}"),
    st.binary(max_size=40).map(lambda raw: f"Basic {b64encode(raw).decode()}"),
    st.binary(max_size=20).map(lambda raw: f"Basic {b64encode(b'acme:' + raw).decode()}"),
    st.text(max_size=50).map(lambda text: f"acme.{text}"),
    st.sampled_from([ACME_BASIC, ACME_KEY, GLOBEX_KEY]),
)
RIGHT = {
    ("authorization", ACME_BASIC): "acme",
    ("x-api-key", ACME_KEY): "acme",
    ("x-api-key", GLOBEX_KEY): "globex",
}


@settings(max_examples=500, derandomize=True, deadline=None)
@given(st.lists(st.tuples(names, values), max_size=3))
def test_any_headers_let_in_exactly_who_presents_nothing_wrong(
    headers: list[tuple[str, str]],
) -> None:
    presented = [
        RIGHT.get((name.lower(), value.strip(" \t")))
        for name, value in headers
        if name.lower() != "host" and value.strip(" \t")
    ]
    clients = set(presented)

    expected = clients.pop() if len(clients) == 1 else None

    assert enters(*headers) == expected
