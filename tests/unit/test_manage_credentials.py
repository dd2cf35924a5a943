"""Credentials are added, replaced and withdrawn one by one, whoever else edits at the same time."""

from itertools import count

import pytest

from pointflow.domain.credential import MOST_CREDENTIALS, Scope, client_of_key
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.services.manage_credentials import (
    EDITS_TRIED,
    Minting,
    add_credential,
    list_credentials,
    revoke_credential,
    rotate_credential,
)
from tests.fakes.credential_store import FakeCredentialStore, credential

READ = frozenset({Scope.READ})
NOW = 1_770_000_000


@pytest.fixture
def minting() -> Minting:
    numbers = count(1)
    return Minting(
        secret=lambda: f"s{next(numbers):0>42}",
        credential_id=lambda: f"id{next(numbers)}",
        now=NOW,
    )


def ids(store: FakeCredentialStore) -> list[str]:
    return [each.credential_id for each in store.of("acme")]


def test_the_first_credential_makes_the_clients_secret(minting: Minting) -> None:
    store = FakeCredentialStore()

    added = add_credential("acme", READ, None, store=store, minting=minting)

    assert store.of("acme") == (added,)
    assert (added.username, added.scopes, added.created_at) == ("acme", READ, NOW)
    assert client_of_key(added.api_key or "") == "acme"
    assert str(added.password) not in str(added.api_key)


def test_one_more_leaves_the_others_live(minting: Minting) -> None:
    store = FakeCredentialStore(("acme", (credential("c1"),)))

    added = add_credential("acme", READ, "loyalty", store=store, minting=minting)

    assert store.of("acme") == (credential("c1"), added)
    assert added.username == "acme.loyalty"


def test_a_rotated_credential_has_a_successor_of_the_same_name_and_scopes(
    minting: Minting,
) -> None:
    old = credential("c1", scopes=READ)
    store = FakeCredentialStore(("acme", (old, credential("c2"))))

    new = rotate_credential("acme", "c1", store=store, minting=minting)

    assert store.of("acme") == (old, credential("c2"), new)
    assert (new.username, new.scopes) == (old.username, old.scopes)
    assert new.password != old.password
    assert new.api_key != old.api_key


def test_a_revoked_credential_is_gone_and_the_others_stay(minting: Minting) -> None:
    store = FakeCredentialStore(("acme", (credential("c1"), credential("c2"))))

    assert revoke_credential("acme", "c1", store=store) == credential("c1")
    assert ids(store) == ["c2"]


def test_the_list_is_oldest_first_and_empty_for_a_client_without_a_secret() -> None:
    store = FakeCredentialStore(("acme", (credential("c2"), credential("c1"))))

    assert [each.credential_id for each in list_credentials("acme", store=store)] == ["c1", "c2"]
    assert list_credentials("globex", store=store) == ()


def test_an_unknown_credential_cannot_be_rotated_or_revoked(minting: Minting) -> None:
    store = FakeCredentialStore(("acme", (credential("c1"),)))

    with pytest.raises(NotFoundError, match="no credential c9"):
        rotate_credential("acme", "c9", store=store, minting=minting)
    with pytest.raises(NotFoundError, match="no credential c9"):
        revoke_credential("acme", "c9", store=store)
    with pytest.raises(NotFoundError, match="client globex has no credential"):
        revoke_credential("globex", "c1", store=store)
    assert ids(store) == ["c1"]


def test_an_edit_in_between_is_kept(minting: Minting) -> None:
    store = FakeCredentialStore(("acme", (credential("c1"),)))
    store.before_writing = [lambda: store.put("acme", (credential("c1"), credential("theirs")))]

    added = add_credential("acme", READ, None, store=store, minting=minting)

    assert ids(store) == ["c1", "theirs", added.credential_id]


def test_a_secret_made_in_between_is_kept(minting: Minting) -> None:
    store = FakeCredentialStore()
    store.before_writing = [lambda: store.put("acme", (credential("theirs"),))]

    added = add_credential("acme", READ, None, store=store, minting=minting)

    assert ids(store) == ["theirs", added.credential_id]


def test_a_credential_revoked_in_between_is_not_rotated(minting: Minting) -> None:
    store = FakeCredentialStore(("acme", (credential("c1"), credential("c2"))))
    store.before_writing = [lambda: store.put("acme", (credential("c2"),))]

    with pytest.raises(NotFoundError):
        rotate_credential("acme", "c1", store=store, minting=minting)
    assert ids(store) == ["c2"]


def test_edits_without_end_end_the_own_one(minting: Minting) -> None:
    store = FakeCredentialStore(("acme", ()))
    store.before_writing = [lambda: store.put("acme", ())] * EDITS_TRIED

    with pytest.raises(ConflictError, match="keep changing"):
        add_credential("acme", READ, None, store=store, minting=minting)
    assert ids(store) == []


def test_a_client_has_a_bounded_number_of_live_credentials(minting: Minting) -> None:
    full = tuple(credential(f"c{number}") for number in range(MOST_CREDENTIALS))
    store = FakeCredentialStore(("acme", full))

    with pytest.raises(ConflictError, match="20 live credentials already"):
        add_credential("acme", READ, None, store=store, minting=minting)
    assert store.of("acme") == full
