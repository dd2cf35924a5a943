"""`pointflow quarantine`: what was refused, why, and taking it in after a fix."""

import base64

import pytest

from pointflow.domain.errors import ContentionError
from pointflow.ports.pushes import Refused
from tests.unit.push_desk import World
from tests.unit.push_desk import world as make_world
from tests.unit.pushes import ANN, DAY, NOW, body

BROKEN = b'{"user_id": 7, "redemption_period_points_expiration": "\x1b[2J\xff"}'
INVALID = body({"2022-06-30": 5}, user_id=0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(monkeypatch)


def mended(world: World, key: str, raw: bytes) -> None:
    """A fix of ours: what was refused is valid now."""
    refused = world.quarantine.kept[key]
    delivery = refused.delivery
    world.quarantine.kept[key] = Refused(
        type(delivery)(delivery.client_id, raw, "application/json", None, delivery.received_at),
        refused.problem,
    )


def test_list_says_what_was_refused_and_why(world: World) -> None:
    world.refuse(INVALID)
    world.refuse(b"{", NOW + DAY)

    first, second = world.run("quarantine", "list", "--json").document

    assert first["key"] == "2022-05-25/0.json"
    assert first["received_at"] == "2022-05-25T12:00:00.000Z"
    assert (first["code"], first["errors"][0]["path"]) == ("PUSH_INVALID", "/user_id")
    assert (second["code"], second["bytes"]) == ("BODY_NOT_JSON", 1)
    out = world.run("quarantine", "list").out
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["KEY", "CODE"],
        ["2022-05-25/0.json", "PUSH_INVALID"],
        ["2022-05-25/1.json", "BODY_NOT_JSON"],
    ]


def test_list_is_of_one_client_and_of_the_newest(world: World) -> None:
    for number in range(3):
        world.refuse(b"{", NOW + number)
    world.refuse(b"{", client_id="globex")

    keys = [item["key"] for item in world.run("quarantine", "list", "--json").document]
    assert keys == ["2022-05-25/0.json", "2022-05-25/1.json", "2022-05-25/2.json"]
    limited = world.run("quarantine", "list", "--limit", 2, "--json").document
    assert [item["key"] for item in limited] == keys[1:]


def test_list_of_nothing_is_an_empty_array_and_a_hint_for_people(world: World) -> None:
    assert world.run("quarantine", "list", "--json").document == []
    assert "no push in quarantine" in world.run("quarantine", "list").notes


def test_show_prints_reason_and_body_with_nothing_that_a_terminal_obeys(world: World) -> None:
    world.refuse(BROKEN)

    lines = world.run("quarantine", "show", "2022-05-25/0.json").out.splitlines()

    assert lines[0] == "received 2022-05-25T12:00:00.000Z"
    assert lines[1].startswith("400 BODY_NOT_JSON: ")
    assert r"\x1b[2J\xff" in lines[-1]


def test_show_as_json_holds_the_body_byte_for_byte(world: World) -> None:
    world.refuse(BROKEN)

    document = world.run("quarantine", "show", "2022-05-25/0.json", "--json").document

    assert base64.b64decode(document["body_base64"]) == BROKEN
    assert document["code"] == "BODY_NOT_JSON"


def test_the_whole_key_does_too_but_not_anothers(world: World) -> None:
    world.refuse(BROKEN)
    world.refuse(BROKEN, client_id="globex")

    assert world.run("quarantine", "show", "quarantine/acme/2022-05-25/0.json").code == 0
    assert world.run("quarantine", "show", "quarantine/globex/2022-05-25/1.json").error == (
        "pointflow: 'quarantine/globex/2022-05-25/1.json' is not of client acme; add --client ID"
    )


@pytest.mark.parametrize("command", ["show", "replay"])
def test_an_unknown_key_is_one_line(world: World, command: str) -> None:
    ran = world.run("quarantine", command, "no.json", "--json")

    assert (ran.code, ran.out) == (2, "")
    assert ran.error.startswith("pointflow: there is no quarantine/acme/no.json; ")


def test_replay_takes_in_what_is_valid_now_as_received_when_it_came(world: World) -> None:
    world.refuse(INVALID)
    world.receive(body({"2022-06-30": 1}), NOW + DAY)
    mended(world, "quarantine/acme/2022-05-25/0.json", body({"2022-06-30": 5}))

    ran = world.run("quarantine", "replay", "2022-05-25/0.json")

    assert (ran.code, ran.out) == (0, "2022-05-25/0.json: stale\n")
    assert world.quarantine.kept == {}
    assert world.expirations.views[ANN].version.received_at == NOW + DAY
    received = {push.version.received_at for push in world.expirations.archived.values()}
    assert received == {NOW, NOW + DAY}


def test_replay_of_all_keeps_what_is_still_refused(world: World) -> None:
    world.refuse(INVALID)
    world.refuse(b"{", NOW + 1)
    mended(world, "quarantine/acme/2022-05-25/0.json", body({"2022-06-30": 5}))

    ran = world.run("quarantine", "replay", "--all", "--json")

    assert ran.code == 1
    first, second = ran.document
    assert first == {"key": "2022-05-25/0.json", "status": "stored"}
    assert (second["status"], second["code"]) == ("refused", "BODY_NOT_JSON")
    assert list(world.quarantine.kept) == ["quarantine/acme/2022-05-25/1.json"]


def test_replay_tells_people_why_a_push_is_still_refused(world: World) -> None:
    world.refuse(INVALID)

    ran = world.run("quarantine", "replay", "--all")

    assert ran.out == "2022-05-25/0.json: refused\n"
    assert "/user_id: " in ran.notes


def test_a_replay_that_cannot_be_written_leaves_the_push_where_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.refuse(INVALID)
    mended(world, "quarantine/acme/2022-05-25/0.json", body({"2022-06-30": 5}))

    def fail(*_: object) -> None:
        raise ContentionError("throttled")

    monkeypatch.setattr(world.expirations, "show", fail)

    assert world.run("quarantine", "replay", "--all").code == 2
    assert len(world.quarantine.kept) == 1

    monkeypatch.undo()
    again = make_world(monkeypatch)
    again.quarantine, again.expirations = world.quarantine, world.expirations
    assert "duplicate" not in again.run("quarantine", "replay", "--all").error
    assert again.quarantine.kept == {}


def test_replay_of_an_empty_quarantine_does_nothing(world: World) -> None:
    assert world.run("quarantine", "replay", "--all", "--json").document == []
    assert "no push in quarantine" in world.run("quarantine", "replay", "--all").notes


@pytest.mark.parametrize("arguments", [(), ("2022-05-25/0.json", "--all")])
def test_replay_wants_one_key_or_all(world: World, arguments: tuple[str, ...]) -> None:
    assert world.run("quarantine", "replay", *arguments).error == (
        "pointflow: name one push, or all of them; add a KEY, or --all"
    )
