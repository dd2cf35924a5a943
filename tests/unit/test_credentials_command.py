"""`pointflow credentials`: what is shown once, what always, and what never."""

from datetime import UTC, datetime

import pytest

from pointflow.domain.credential import API_KEY
from tests.fakes.credential_store import credential
from tests.unit.push_desk import World
from tests.unit.push_desk import world as make_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(monkeypatch)


def test_a_new_credential_is_shown_once_with_everything(world: World) -> None:
    ran = world.run("credentials", "add", "--scopes", "read, Push", "--label", "loyalty", "--json")

    added = ran.document
    assert set(added) == {
        "client_id", "id", "username", "scopes", "created_at", "password", "api_key",
    }  # fmt: skip
    assert (added["username"], added["scopes"]) == ("acme.loyalty", ["push", "read"])
    assert datetime.fromisoformat(added["created_at"]).tzinfo == UTC
    assert API_KEY.fullmatch(added["api_key"])
    (stored,) = world.credentials.of("acme")
    assert (stored.password, stored.api_key) == (added["password"], added["api_key"])
    assert "cannot be shown again" in ran.notes


def test_passwords_and_keys_hold_256_random_bits_each(world: World) -> None:
    first, second = (world.run("credentials", "add", "--json").document for _ in range(2))

    assert len(first["password"]) == len(first["api_key"].partition(".")[2]) == 43
    secrets = {first["password"], second["password"], first["api_key"], second["api_key"]}
    assert len(secrets) == 4
    assert first["id"] != second["id"]


def test_a_credential_may_push_by_default_and_nothing_else(world: World) -> None:
    assert world.run("credentials", "add", "--json").document["scopes"] == ["push"]


def test_people_see_whole_secrets_however_narrow_the_window(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    ran = world.run("credentials", "add")

    (stored,) = world.credentials.of("acme")
    assert f"password  {stored.password}\n" in ran.out
    assert f"api key   {stored.api_key}\n" in ran.out


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_the_list_never_shows_what_is_secret(world: World, form: tuple[str, ...]) -> None:
    world.credentials.put("acme", (credential("c1"), credential("c2")))

    out = world.run("credentials", "list", *form).out

    assert "c1" in out
    assert "c2" in out
    for each in world.credentials.of("acme"):
        assert str(each.password) not in out
        assert str(each.api_key) not in out


def test_the_list_of_nothing_is_an_empty_array_and_a_hint_for_people(world: World) -> None:
    assert world.run("credentials", "list", "--json").document == []
    assert "pointflow credentials add" in world.run("credentials", "list").notes


def test_rotation_adds_a_successor_and_says_how_to_end_it(world: World) -> None:
    world.credentials.put("acme", (credential("c1"),))

    ran = world.run("credentials", "rotate", "--json")

    assert [each.credential_id for each in world.credentials.of("acme")] == [
        "c1",
        ran.document["id"],
    ]
    assert ran.document["scopes"] == ["push", "read"]
    assert "pointflow credentials revoke c1" in ran.notes


def test_which_of_several_to_rotate_is_not_guessed(world: World) -> None:
    world.credentials.put("acme", (credential("c1"), credential("c2")))

    assert world.run("credentials", "rotate").error == (
        "pointflow: client acme has 2 live credentials; name one: pointflow credentials list"
    )
    assert world.run("credentials", "rotate", "c2").code == 0


def test_a_revoked_credential_is_gone(world: World) -> None:
    world.credentials.put("acme", (credential("c1"), credential("c2")))

    ran = world.run("credentials", "revoke", "c1")
    assert (ran.code, ran.out) == (0, "revoked c1\n")
    assert "no live credential left" not in ran.notes

    last = world.run("credentials", "revoke", "c2", "--json")
    assert (last.document["id"], "password" in last.document) == ("c2", False)
    assert "no live credential left" in last.notes
    assert world.credentials.of("acme") == ()


def test_each_client_has_its_own(world: World) -> None:
    world.run("credentials", "add", "--client", "globex")

    assert world.run("credentials", "list", "--client", "acme", "--json").document == []
    (listed,) = world.run("credentials", "list", "--client", "globex", "--json").document
    assert (listed["client_id"], listed["username"]) == ("globex", "globex")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "--scopes", "push,admin"), "'push,admin' is no list of scopes"),
        (("add", "--scopes", ","), "',' is no list of scopes"),
        (("add", "--label", "a.b"), "'a.b' is no label"),
        (("revoke", "c9"), "client acme has no credential c9"),
        (("rotate",), "client acme has 0 live credentials"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    ran = world.run("credentials", *arguments, "--json")

    assert (ran.code, ran.out) == (2, "")
    assert ran.error.startswith(f"pointflow: {said}; ")
    assert world.credentials.read("acme") is None


def test_a_secret_that_cannot_be_used_is_one_line(world: World) -> None:
    world.credentials.break_down("acme")

    assert world.run("credentials", "list").error == (
        "pointflow: the secret of client acme is out of reach"
    )
