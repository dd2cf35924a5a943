"""The document in a client's secret, and finding again what was presented."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.credential import (
    MOST_CREDENTIALS,
    BasicPair,
    Credential,
    Presented,
    PresentedKey,
    Scope,
    client_of_key,
    client_of_username,
    decode_credentials,
    encode_credentials,
    find_match,
)
from pointflow.domain.errors import CredentialsUnavailableError
from tests.fakes.credential_store import credential

ITEM: dict[str, Any] = {
    "id": "c1",
    "username": "acme.loyalty",
    "password": "pass:word",
    "api_key": f"acme.{'k' * 43}",
    "scopes": ["push", "read"],
    "created_at": 1_760_000_000,
}


def document(*items: object) -> str:
    return json.dumps({"credentials": list(items)})


def test_a_secret_holds_any_number_of_live_credentials() -> None:
    found = decode_credentials("acme", document(ITEM, {**ITEM, "id": "c2", "scopes": ["upload"]}))

    assert [each.credential_id for each in found] == ["c1", "c2"]
    assert found[0].scopes == {Scope.PUSH, Scope.READ}
    assert found[1].scopes == {Scope.UPLOAD}
    assert decode_credentials("acme", document()) == ()


def test_what_is_written_reads_back_as_it_was() -> None:
    written = (credential("c1"), credential("c2", password="пароль"))

    assert decode_credentials("acme", encode_credentials(written)) == written


def test_a_credential_may_have_only_one_of_its_two_forms() -> None:
    (key_only,) = decode_credentials("acme", document({**ITEM, "username": None, "password": None}))
    (pair_only,) = decode_credentials("acme", document({**ITEM, "api_key": None}))

    assert (key_only.username, pair_only.api_key) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"credentials": {}}',
        document("c1"),
        document({}),
        *(
            document({**ITEM, **change})
            for change in (
                {"id": None},
                {"id": ""},
                {"password": None},
                {"username": None},
                {"username": "other"},
                {"username": "acme loyalty"},
                {"password": "\ud800"},
                {"api_key": f"other.{'k' * 43}"},
                {"api_key": "nokey"},
                {"api_key": 5},
                {"scopes": "push"},
                {"scopes": ["admin"]},
                {"scopes": [["push"]]},
                {"created_at": "2026-01-01"},
                {"created_at": True},
                {"created_at": -1},
                {"created_at": 10**20},
            )
        ),
        document(ITEM, ITEM),
    ],
)
def test_a_malformed_secret_is_unusable_as_a_whole_and_never_quoted(text: str) -> None:
    with pytest.raises(CredentialsUnavailableError, match="client acme cannot be used") as told:
        decode_credentials("acme", text)

    assert "pass:word" not in str(told.value)
    assert "kkkk" not in str(told.value)


def test_nothing_secret_shows_in_a_repr() -> None:
    shown = repr(credential()) + repr(BasicPair("acme", b"acme", b"pass:word"))
    shown += repr(PresentedKey("acme", b"acme.key"))

    assert "pass:word" not in shown
    assert "acme.k" not in shown


@pytest.mark.parametrize(
    ("username", "client_id"),
    [
        ("acme", "acme"),
        ("acme.loyalty_2", "acme"),
        ("acme.", None),
        ("acme.a.b", None),
        (".acme", None),
        ("acme\n", None),
        ("acmé", None),
        ("", None),
        ("a" * 33, None),
    ],
)
def test_a_user_name_names_its_client_before_the_dot(username: str, client_id: str | None) -> None:
    assert client_of_username(username) == client_id


@pytest.mark.parametrize(
    ("api_key", "client_id"),
    [
        (f"acme.{'-_aZ9' * 8}", "acme"),
        ("acme", None),
        ("acme.", None),
        ("acme.a b", None),
        ("acme.é", None),
        (f"acme.{'k' * 201}", None),
    ],
)
def test_a_key_names_its_client_by_a_prefix(api_key: str, client_id: str | None) -> None:
    assert client_of_key(api_key) == client_id


def test_each_of_several_live_credentials_is_found() -> None:
    live = (credential("c1", password="one"), credential("c2", password="two"))

    assert find_match(BasicPair("acme", b"acme", b"two"), live) == live[1]
    assert find_match(PresentedKey("acme", (live[0].api_key or "").encode()), live) == live[0]
    assert find_match(BasicPair("acme", b"acme", b"three"), live) is None
    assert find_match(BasicPair("acme", b"acme.other", b"one"), live) is None
    assert find_match(PresentedKey("acme", b"acme.three"), live) is None


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_password_is_found_in_either_encoding(encoding: str) -> None:
    live = (credential(password="pässwörd"),)

    assert find_match(BasicPair("acme", b"acme", "pässwörd".encode(encoding)), live) == live[0]


def test_a_missing_form_matches_nothing() -> None:
    bare = (Credential("c1", frozenset(), 0),)

    assert find_match(BasicPair("acme", b"", b""), bare) is None
    assert find_match(PresentedKey("acme", b""), bare) is None


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_only_the_very_pair_matches(username: bytes, password: bytes) -> None:
    live = (credential(password="word"),)

    found = find_match(BasicPair("acme", username, password), live)

    assert (found is not None) == ((username, password) == (b"acme", b"word"))


def test_every_live_credential_is_compared_whatever_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[int, int]] = []

    def counting(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return left == right

    monkeypatch.setattr("pointflow.domain.credential.compare_digest", counting)
    live = tuple(credential(f"c{number}") for number in range(3))
    right = PresentedKey("acme", (live[0].api_key or "").encode())
    pair = BasicPair("acme", b"acme", b"wrong")
    asked: list[tuple[Presented, tuple[Credential, ...]]] = [
        *((right, live), (PresentedKey("acme", b"acme.x"), live)),
        *((pair, live), (PresentedKey("nobody", b"nobody.x"), ()), (pair, ())),
    ]
    for presented, credentials in asked:
        compared.clear()
        find_match(presented, credentials)
        assert compared == [(32, 32)] * MOST_CREDENTIALS


def test_what_fills_the_places_up_is_nobodys_credential() -> None:
    assert find_match(BasicPair("nobody", b"nobody", b"nobody"), ()) is None
    assert find_match(PresentedKey("nobody", b"nobody"), ()) is None
