"""Credentials of the sample client: where `pointflow up` takes them from, where it keeps them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from pointflow.domain.credential import MOST_CREDENTIALS, Credential, Scope
from pointflow.services.manage_credentials import list_credentials
from pointflow_cli.commands.up import describe
from pointflow_local.processes import ProcessId
from pointflow_local.samples import sample_credentials
from pointflow_local.state import LocalStack, read_state, state_file, write_state
from tests.fakes.credential_store import PUSH_AND_READ, FakeCredentialStore, credential

EVERYTHING = frozenset(Scope)
KNOWN = {"username": "acme", "password": "pw", "api_key": "acme.key"}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTFLOW_HOME", str(tmp_path / "home"))


def local_stack(credentials: dict[str, str] | None = None) -> LocalStack:
    return LocalStack(
        endpoint_url="http://127.0.0.1:4567",
        region="us-east-1",
        access_key="test",
        secret_key="test",
        process=ProcessId(1, "now", "token"),
        credentials=credentials,
    )


def presented(known: Credential) -> dict[str, str | None]:
    return {
        "username": known.username,
        "password": known.password,
        "api_key": known.api_key,
    }


def test_a_client_without_credentials_gets_one_that_may_do_everything() -> None:
    store = FakeCredentialStore()
    found = sample_credentials(store)
    (minted,) = list_credentials("acme", store=store)
    assert found == presented(minted)
    assert minted.scopes == EVERYTHING


def test_asking_again_makes_no_second_one() -> None:
    store = FakeCredentialStore()
    assert sample_credentials(store) == sample_credentials(store)
    assert len(store.of("acme")) == 1


def test_once_the_old_one_is_revoked_its_successor_is_told() -> None:
    successor = credential("new", scopes=EVERYTHING)
    store = FakeCredentialStore(("acme", (credential("old", scopes=EVERYTHING), successor)))
    store.put("acme", (successor,))
    assert sample_credentials(store) == presented(successor)


@pytest.mark.parametrize(
    "other",
    [credential(scopes=PUSH_AND_READ), credential(scopes=EVERYTHING, password=None)],
    ids=["may not do everything", "has no password"],
)
def test_a_credential_that_falls_short_is_left_alone_and_not_told(other: Credential) -> None:
    store = FakeCredentialStore(("acme", (other,)))
    found = sample_credentials(store)
    kept, minted = store.of("acme")
    assert kept == other
    assert found == presented(minted)


def test_a_secret_that_takes_none_keeps_no_stack_from_coming_up() -> None:
    full = FakeCredentialStore(
        ("acme", tuple(credential(f"c{number}") for number in range(MOST_CREDENTIALS)))
    )
    broken = FakeCredentialStore()
    broken.break_down("acme")
    assert sample_credentials(full) is None
    assert sample_credentials(broken) is None


def test_credentials_are_kept_where_only_their_owner_reads_them() -> None:
    state_file().parent.mkdir(parents=True)
    state_file().with_suffix(".draft").write_text("left by one that was interrupted")
    before = os.umask(0)
    try:
        write_state(local_stack(KNOWN))
    finally:
        os.umask(before)
    assert stat.S_IMODE(state_file().stat().st_mode) == 0o600
    assert json.loads(state_file().read_text())["credentials"] == KNOWN
    assert read_state() == local_stack(KNOWN)


def test_a_stack_shows_its_credentials_to_up_alone() -> None:
    assert describe(local_stack(KNOWN))["credentials"] == KNOWN
    assert describe(local_stack())["credentials"] is None
    assert "acme.key" not in repr(local_stack(KNOWN))
