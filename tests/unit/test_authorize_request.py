"""Who a request comes from."""

from base64 import b64encode

import pytest

from pointflow.adapters.cached_credentials import (
    FRESH_SECONDS,
    MOST_STRANGERS,
    REFRESH_SECONDS,
    TTL_SECONDS,
    CachedCredentials,
)
from pointflow.domain.authorization import AuthMode, Identity
from pointflow.domain.credential import Scope
from pointflow.domain.errors import CredentialsUnavailableError, UnauthorizedError
from pointflow.services.authorize_request import authorize_request
from tests.fakes.credential_store import PUSH_AND_READ, FakeCredentialStore, credential

OLD, NEW = credential("old", password="one"), credential("new", password="two")


class World:
    """A container of the authorizer, its clock, and the secrets."""

    def __init__(self, store: FakeCredentialStore) -> None:
        self.now = 1_000.0
        self.store = store
        self.clients = {"acme", "globex"}
        self._live = CachedCredentials(
            store, lambda name: name in self.clients, monotonic=lambda: self.now
        )

    def key(self, api_key: str | None) -> Identity:
        return self._authorize({"x-api-key": [api_key or ""]})

    def pair(self, username: str, password: str) -> Identity:
        encoded = b64encode(f"{username}:{password}".encode()).decode()
        return self._authorize({"Authorization": [f"Basic {encoded}"]})

    def both(self, api_key: str | None, password: str) -> Identity:
        encoded = b64encode(f"acme:{password}".encode()).decode()
        return self._authorize(
            {"x-api-key": [api_key or ""], "Authorization": [f"Basic {encoded}"]}
        )

    def refuses(self, api_key: str | None) -> bool:
        try:
            self.key(api_key)
        except UnauthorizedError:
            return True
        return False

    def _authorize(self, headers: dict[str, list[str]]) -> Identity:
        return authorize_request(headers, live=self._live, mode=AuthMode.ANY)


@pytest.fixture
def world() -> World:
    return World(FakeCredentialStore(("acme", (OLD,)), ("globex", (credential("g", "globex"),))))


def test_either_form_of_a_live_credential_tells_who_it_is(world: World) -> None:
    expected = Identity("acme", "old", PUSH_AND_READ)

    assert world.key(OLD.api_key) == expected
    assert world.pair("acme", "one") == expected
    assert world.both(OLD.api_key, "one") == expected


def test_both_forms_must_be_right(world: World) -> None:
    with pytest.raises(UnauthorizedError):
        world.both(OLD.api_key, "wrong")
    with pytest.raises(UnauthorizedError):
        world.both(f"acme.{'x' * 43}", "one")


def test_two_credentials_of_a_client_may_do_what_both_may_do(world: World) -> None:
    reader = credential("reader", password="r", scopes=frozenset({Scope.READ}))
    world.store.put("acme", (OLD, reader))

    assert world.both(OLD.api_key, "r") == Identity("acme", "old+reader", frozenset({Scope.READ}))


def test_a_credential_of_one_client_is_worth_nothing_as_anothers(world: World) -> None:
    assert world.refuses((OLD.api_key or "").replace("acme", "globex"))


def test_an_unknown_client_is_answered_like_a_wrong_password(world: World) -> None:
    with pytest.raises(UnauthorizedError) as unknown:
        world.pair("nobody", "nobody")
    with pytest.raises(UnauthorizedError) as wrong:
        world.pair("acme", "wrong")

    assert (unknown.value.args, wrong.value.args) == ((), ())
    assert world.store.reads == ["nobody", "acme"]


def test_the_credential_that_stands_in_for_unknown_clients_lets_nobody_in() -> None:
    world = World(FakeCredentialStore(("nobody", ())))

    with pytest.raises(UnauthorizedError):
        world.pair("nobody", "nobody")


def test_a_client_without_a_secret_cannot_be_checked_and_any_other_name_is_a_stranger(
    world: World,
) -> None:
    world.clients.add("initech")

    with pytest.raises(CredentialsUnavailableError, match="initech has no secret"):
        world.key(f"initech.{'x' * 43}")
    assert world.refuses(f"nobody.{'x' * 43}")


def test_a_client_whose_credentials_are_all_revoked_is_unauthorized() -> None:
    assert World(FakeCredentialStore(("acme", ()))).refuses(OLD.api_key)


def test_the_secret_is_read_once_in_five_minutes(world: World) -> None:
    for _ in range(3):
        world.key(OLD.api_key)
    assert world.store.reads == ["acme"]

    world.now += TTL_SECONDS
    world.key(OLD.api_key)
    assert world.store.reads == ["acme", "acme"]


def test_a_rotation_loses_no_request(world: World) -> None:
    world.key(OLD.api_key)
    world.now += FRESH_SECONDS
    world.store.put("acme", (OLD, NEW))

    assert world.key(NEW.api_key).credential_id == "new"
    assert world.key(OLD.api_key).credential_id == "old"


def test_a_revoked_credential_counts_no_longer_than_five_minutes(world: World) -> None:
    world.key(OLD.api_key)
    world.store.put("acme", (NEW,))
    world.now += TTL_SECONDS

    assert world.refuses(OLD.api_key)


def test_an_attacker_makes_us_read_a_secret_once_an_interval(world: World) -> None:
    world.key(OLD.api_key)
    world.now += FRESH_SECONDS
    for _ in range(100):
        assert world.refuses(f"acme.{'x' * 43}")
    assert world.store.reads == ["acme"] * 2

    world.now += REFRESH_SECONDS
    for _ in range(100):
        assert world.refuses(f"acme.{'x' * 43}")
    assert world.store.reads == ["acme"] * 3


def test_an_attacker_delays_a_new_credential_by_one_interval_at_most(world: World) -> None:
    world.key(OLD.api_key)
    world.now += FRESH_SECONDS
    world.refuses(f"acme.{'x' * 43}")
    world.store.put("acme", (OLD, NEW))

    assert world.refuses(NEW.api_key)
    world.now += REFRESH_SECONDS
    assert world.key(NEW.api_key).credential_id == "new"


def test_an_unknown_client_is_remembered_and_found_once_it_is_there(world: World) -> None:
    key = f"late.{'k' * 43}"
    for _ in range(100):
        assert world.refuses(key)
    assert world.store.reads == ["late"]

    world.store.put("late", (credential("k" * 43, "late"),))
    world.now += REFRESH_SECONDS
    assert world.key(key).client_id == "late"


def test_made_up_clients_are_forgotten_before_they_fill_the_memory(world: World) -> None:
    world.key(OLD.api_key)
    for number in range(MOST_STRANGERS + 1):
        world.refuses(f"no{number}.{'k' * 43}")
    world.store.reads.clear()

    world.refuses(f"no{MOST_STRANGERS}.{'k' * 43}")
    world.key(OLD.api_key)
    assert world.store.reads == []
    world.refuses(f"no0.{'k' * 43}")
    assert world.store.reads == ["no0"]


def test_a_secret_that_cannot_be_read_lets_nobody_in_and_is_not_tried_on_and_on(
    world: World,
) -> None:
    world.store.break_down("acme")
    for _ in range(10):
        with pytest.raises(CredentialsUnavailableError):
            world.key(OLD.api_key)
    assert world.store.reads == ["acme"]

    world.store.mend("acme")
    world.now += REFRESH_SECONDS
    assert world.key(OLD.api_key).credential_id == "old"


def test_an_outdated_copy_is_not_fallen_back_to(world: World) -> None:
    world.key(OLD.api_key)
    world.store.break_down("acme")
    assert world.key(OLD.api_key)

    world.now += TTL_SECONDS
    with pytest.raises(CredentialsUnavailableError):
        world.key(OLD.api_key)


def test_whether_a_credential_is_wrong_is_not_said_while_that_cannot_be_known(
    world: World,
) -> None:
    world.key(OLD.api_key)
    world.now += FRESH_SECONDS
    world.store.break_down("acme")

    for _ in range(10):
        with pytest.raises(CredentialsUnavailableError):
            world.refuses(f"acme.{'x' * 43}")
    assert world.store.reads == ["acme", "acme"]


def test_a_wrong_password_during_an_outage_does_not_lock_out_who_is_known(world: World) -> None:
    world.key(OLD.api_key)
    world.now += FRESH_SECONDS
    world.store.break_down("acme")
    with pytest.raises(CredentialsUnavailableError):
        world.refuses(f"acme.{'x' * 43}")

    assert world.key(OLD.api_key).credential_id == "old"


def test_a_secret_that_is_deleted_leaves_its_client_unchecked_until_the_client_goes_too(
    world: World,
) -> None:
    world.key(OLD.api_key)
    world.store.delete("acme")
    world.now += TTL_SECONDS
    with pytest.raises(CredentialsUnavailableError):
        world.key(OLD.api_key)

    world.clients.remove("acme")
    world.now += TTL_SECONDS
    assert world.refuses(OLD.api_key)
