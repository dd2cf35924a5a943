"""`pointflow expirations`: a member's months as bars, and everybody's next days."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pointflow.domain.member import Member
from pointflow_cli.month_bars import LONGEST, SHORTEST, month_bars
from tests.fakes.member_directory import FakeMembers
from tests.unit.push_desk import World
from tests.unit.push_desk import world as make_world
from tests.unit.pushes import body

MONTHS = [
    {
        "expiration_date": "2022-05-31T23:00:00-04:00",
        "points_expiring": 300,
        "points_redeemed": 100,
    },
    {"expiration_date": "2022-04-30T00:00:00Z", "points_expired": 200, "points_expiring": 0},
    {"expiration_date": "2022-06-30T00:00:00Z", "points_expiring": 0},
]
INACTIVE = {
    "last_qualified_date": "2022-05-25T08:45:41.000Z",
    "expiration_date": "2023-05-25T22:45:41-04:00",
    "days_until_expiry": 365,
    "points_expiring": 1200,
}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(monkeypatch)


def push_of_everything() -> bytes:
    document = json.loads(body({}, "2022-05-25T10:00:00Z"))
    return json.dumps(
        document
        | {
            "redemption_period_points_expiration": MONTHS,
            "inactivity_points_expiration": [INACTIVE],
        }
    ).encode()


def drawn(entries: list[dict[str, object]], *, columns: int = 200, plain: bool = True) -> list[str]:
    console = Console(width=200, force_terminal=False, record=False)
    with console.capture() as capture:
        console.print(month_bars(entries, columns=columns, plain=plain))
    return [line.rstrip() for line in capture.get().splitlines()]


# --- show ---------------------------------------------------------------------------------------


def test_show_draws_a_bar_a_month_in_order(world: World) -> None:
    world.receive(push_of_everything())

    lines = world.run("expirations", "show", 7).out.splitlines()

    assert lines[0] == "push of 2022-05-25T10:00:00Z, received 2022-05-25T12:00:00.000Z"
    assert [line.split()[:4] for line in lines[2:5]] == [
        ["2022-04-30", "200", "0", "0"],
        ["2022-05-31", "0", "100", "300"],
        ["2022-06-30", "0", "0", "0"],
    ]
    assert lines[5] == (
        "inactivity: 1,200 points expire on 2023-05-26 unless active again;"
        " last active on 2022-05-25"
    )


def test_bars_are_as_long_as_the_points_are_many() -> None:
    header, april, may, june = drawn(MONTHS)

    assert "x expired  - redeemed  # expiring" in header
    assert april.endswith("  " + "x" * (LONGEST // 2))
    assert may.endswith("  " + "-" * (LONGEST // 4) + "#" * (LONGEST * 3 // 4))
    assert june.split() == ["2022-06-30", "0", "0", "0"]


def test_bars_are_blocks_where_the_terminal_has_them() -> None:
    assert drawn(MONTHS, plain=False)[2].endswith("░" * 10 + "█" * 30)


def test_bars_shrink_with_the_window() -> None:
    assert max(len(line) for line in drawn(MONTHS, columns=70)[1:]) <= 70
    assert drawn(MONTHS, columns=20)[1].endswith("  " + "x" * (SHORTEST // 2))


def test_few_points_are_seen_beside_many() -> None:
    entries = [
        {"expiration_date": "2022-05-31", "points_expiring": 10**12, "points_redeemed": 1},
        {"expiration_date": "2022-06-30", "points_expiring": 1},
    ]

    assert [line.split()[-1].count("#") > 0 for line in drawn(entries)[1:]] == [True, True]
    assert "-" in drawn(entries)[1].split()[-1]


@given(st.lists(st.tuples(*[st.integers(0, 10**12)] * 3), max_size=8))
def test_no_bar_is_much_longer_than_the_longest(points: list[tuple[int, int, int]]) -> None:
    entries = [
        {
            "expiration_date": "2022-05-31",
            "points_expired": expired,
            "points_redeemed": redeemed,
            "points_expiring": expiring,
        }
        for expired, redeemed, expiring in points
    ]

    for line in drawn(entries)[1:]:
        bar = line.rpartition(" ")[2]
        assert set(bar) <= set("x-#") or bar.replace(",", "").isdigit()
        assert len(bar) <= LONGEST + 3


def test_show_as_json_is_the_view_in_the_shape_of_the_push(world: World) -> None:
    world.receive(push_of_everything())

    document = world.run("expirations", "show", "007", "--json").document

    assert document == {"user_id": 7} | {
        name: value for name, value in json.loads(push_of_everything()).items() if value is not None
    }


def test_show_finds_what_is_kept_under_the_members_email(world: World) -> None:
    world.members = FakeMembers([Member("acme", 7, email="ann@example.com")])
    world.receive(body({"2022-06-30": 5}, user_id=None, email_address="ann@example.com"))

    assert "2022-06-30" in world.run("expirations", "show", 7).out


def test_a_cleared_view_says_so(world: World) -> None:
    world.receive(body({}))

    assert world.run("expirations", "show", 7).out.splitlines() == [
        "undated push, received 2022-05-25T12:00:00.000Z",
        "nothing expires",
    ]


@pytest.mark.parametrize("user_id", ["0", "x", "1.5", "\u0667", "1" * 19])
def test_what_is_no_user_id_is_one_line(world: World, user_id: str) -> None:
    assert "is no CT user id; " in world.run("expirations", "show", user_id).error


def test_a_member_without_a_push_is_one_line_with_the_next_step(world: World) -> None:
    ran = world.run("expirations", "show", 8, "--json")

    assert (ran.code, ran.out) == (2, "")
    assert ran.error.startswith("pointflow: no push has come for member 8 of client acme; ")


# --- upcoming -----------------------------------------------------------------------------------

DAYS = ("--from", "2022-06-01", "--to", "2022-06-30")


def test_upcoming_lists_the_soonest_first(world: World) -> None:
    world.receive(body({"2022-06-30": 1500, "2022-06-10": 5, "2022-07-01": 9}))

    assert world.run("expirations", "upcoming", *DAYS).out.splitlines() == [
        "2022-06-10             5  member 7",
        "2022-06-30         1,500  member 7",
    ]


def test_upcoming_can_be_narrowed_to_those_with_many_points(world: World) -> None:
    world.receive(body({"2022-06-30": 1500, "2022-06-10": 5}))

    found = world.run("expirations", "upcoming", *DAYS, "--min-points", 6, "--json").document

    assert [(item["expiration_date"], item["points_expiring"]) for item in found] == [
        ("2022-06-30", 1500)
    ]


def test_upcoming_turns_every_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointflow_cli.commands.expirations.MAX_PAGE", 2)
    world.receive(body({f"2022-06-{day}": day for day in range(10, 17)}))

    found = world.run("expirations", "upcoming", *DAYS, "--json").document

    assert [item["points_expiring"] for item in found] == list(range(10, 17))


def test_members_are_named_as_the_push_named_them(world: World) -> None:
    world.receive(body({"2022-06-10": 1}, user_id=None, email_address="ann@example.com"))
    world.receive(body({"2022-06-11": 2}, user_id=None, third_party_id="t 1"))

    out = world.run("expirations", "upcoming", *DAYS).out

    assert "1  ann@example.com\n" in out
    assert "2  third party id t 1\n" in out


def test_upcoming_as_csv_holds_no_formulas(world: World, tmp_path: Path) -> None:
    world.receive(body({"2022-06-10": 1}, user_id=None, third_party_id="=1+1"))
    world.receive(body({"2022-06-11": 2}))
    path = tmp_path / "out.csv"

    ran = world.run("expirations", "upcoming", *DAYS, "--csv", path)

    with path.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert (first["third_party_id"], first["user_id"]) == ("'=1+1", "")
    assert (second["expiration_date"], second["points_expiring"], second["user_id"]) == (
        "2022-06-11",
        "2",
        "7",
    )
    assert "2 lines in" in ran.notes
    assert ran.out == ""


def test_upcoming_of_nothing_is_an_empty_array_and_a_hint_for_people(world: World) -> None:
    assert world.run("expirations", "upcoming", "--json").document == []
    assert "nobody of client acme" in world.run("expirations", "upcoming", *DAYS).notes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "tomorrow"), "--from 'tomorrow' is no day"),
        (("--to", "2022-02-30"), "--to '2022-02-30' is no day"),
        (("--from", "2022-06-02", "--to", "2022-06-01"), "--to 2022-06-01 does not lie"),
        (("--from", "2022-06-02", "--to", "2032-06-01"), "--to 2032-06-01 does not lie"),
        (("--csv", "x.csv", "--json"), "--csv and --json exclude each other"),
    ],
)
def test_what_cannot_be_listed_is_one_line(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    ran = world.run("expirations", "upcoming", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.error.startswith(f"pointflow: {said}")
