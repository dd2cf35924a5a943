"""A member is forgotten: what is personal goes, the points stay, and nothing brings it back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.erasure import Names
from pointflow.domain.errors import ContentionError
from pointflow.domain.expiration_view import ViewChange
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus
from pointflow.domain.push import KeyKind, MemberKey
from pointflow.domain.reject_lines import encode_reject
from pointflow.services.accept_push import accept_push
from pointflow.services.forget_member import Forgetting, forget_member
from pointflow.services.import_members import import_members
from pointflow.services.project_expirations import erase_forgotten, project_expirations
from pointflow_cli.commands import forget as command
from pointflow_cli.commands.members import member_app, members_app
from pointflow_cli.errors import CommandError
from tests.fakes.audit import FakeAuditLog, auditor
from tests.fakes.erasure import FakeTombstones, FakeVersions
from tests.fakes.faults import Faults, WorkerKilled
from tests.fakes.member_directory import FakeMembers
from tests.fakes.push_store import FakeExpirations
from tests.unit import programme_desk, pushes
from tests.unit.importing import CATALOG, HEADER

ANN = Member("acme", 7, "ann@example.com", "Ann", "T-1", balance=50, lifetime=80)
BOB = Member("acme", 8, "bob@example.com", balance=5)
BY_EMAIL = MemberKey("acme", KeyKind.EMAIL, "ann@example.com")
REJECTS = "rejects/acme/activities_acme_20260101000000.txt/v1/000000/intake.jsonl"
HERS = RejectedRow(1, b"|7|||1|x", RowCode.POINTS_INVALID, "POINTS", "POINTS is 'x'")


@dataclass
class World:
    """Ann and Bob, with pushes about both, and a rejected row of Ann's."""

    members: FakeMembers = field(default_factory=lambda: FakeMembers([ANN, BOB]))
    tombstones: FakeTombstones = field(default_factory=FakeTombstones)
    expirations: FakeExpirations = field(default_factory=FakeExpirations)
    bucket: FakeVersions = field(default_factory=FakeVersions)

    def __post_init__(self) -> None:
        self.push(user_id=7)
        self.push(user_id=None, email_address="ann@example.com")
        self.push(user_id=8)
        self.bucket.put(REJECTS, encode_reject(HERS))

    def push(self, message_date: str = "2022-05-25T11:00:00Z", **who: Any) -> None:
        """Take a push in, and let the projection see it."""
        raw = pushes.body({"2022-06-30": 5}, message_date, **who)
        accept_push(pushes.push(raw), received_at=pushes.NOW, store=self.expirations)
        self.project()

    def project(self) -> None:
        while self.expirations.changes:
            change = self.expirations.changes.pop(0)
            if not erase_forgotten(change, forgotten=self.tombstones, eraser=self.expirations):
                project_expirations(change, at=pushes.NOW, index=self.expirations)

    def forget(self, user_id: int = 7, faults: Faults | None = None) -> Forgetting:
        faults = faults or Faults()
        done = forget_member(
            "acme",
            user_id,
            members=faults.wrap(self.members),
            tombstones=faults.wrap(self.tombstones),
            pushes=faults.wrap(self.expirations),
            bucket=faults.wrap(self.bucket),
            at=100,
        )
        self.project()
        return done

    @property
    def of_ann(self) -> list[object]:
        """Whatever is left that is personal of Ann."""
        named = {MemberKey("acme", KeyKind.USER_ID, "7"), BY_EMAIL}
        places: list[tuple[Any, ...]] = [*self.expirations.index, *self.expirations.archived]
        account = self.members.member("acme", 7)
        assert account is not None
        names = Names.of(ANN, shares_third_party_id=False)
        return [
            *(key for key in self.expirations.views if key in named),
            *(place for place in places if place[0] in named),
            *(each for each in (account.email, account.username, account.third_party_id) if each),
            *(body for body in self.bucket.bodies() if names.in_row(body) or b"|7|" in body),
        ]


def test_nothing_personal_is_left_and_the_points_stay() -> None:
    world = World()
    assert world.of_ann

    done = world.forget()

    assert world.of_ann == []
    assert world.members.member("acme", 7) == Member(
        "acme", 7, status=MemberStatus.FORGOTTEN, balance=50, lifetime=80
    )
    assert (done.account, done.pushes, done.index_days, done.swept.rows) == (True, 4, 2, 1)


def test_others_are_left_alone() -> None:
    world = World()

    world.forget()

    assert BOB in world.members
    assert [key.value for key in world.expirations.views] == ["8"]
    assert [(key.value, day) for key, day in world.expirations.index] == [("8", date(2022, 6, 30))]


def test_no_identifier_leads_to_a_forgotten_member() -> None:
    world = World()
    world.forget()

    keys = [IdentifierKey(kind, ANN.identifier(kind) or "") for kind in Identifier]

    assert world.members.holders("acme", keys) == {}


def test_a_third_party_id_that_others_share_names_them_too_and_is_left() -> None:
    world = World()
    world.members = FakeMembers([ANN, Member("acme", 8, third_party_id="T-1")])
    world.push(user_id=None, third_party_id="T-1")

    done = world.forget()

    shared = MemberKey("acme", KeyKind.THIRD_PARTY_ID, "T-1")
    assert done.shares_third_party_id
    assert shared in world.expirations.views
    assert shared not in world.tombstones.graves


def test_somebody_who_is_no_member_is_forgotten_by_number() -> None:
    world = World()
    world.push(user_id=99)

    done = world.forget(99)

    assert (done.account, done.pushes) == (False, 2)
    world.push("2022-05-25T11:30:00Z", user_id=99)
    assert MemberKey("acme", KeyKind.USER_ID, "99") not in world.expirations.views


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_anywhere_is_finished_by_the_next(when: Any) -> None:
    whole = Faults()
    World().forget(faults=whole)
    for position in range(len(whole.calls)):
        world = World()
        with pytest.raises(WorkerKilled):
            world.forget(faults=Faults(position, when))
        world.project()

        world.forget()

        assert world.of_ann == [], whole.calls[position]
        assert world.members.balance_of("acme", 7) == 50


def test_forgetting_again_changes_nothing() -> None:
    world = World()
    world.forget()

    assert world.forget() == Forgetting()


@pytest.mark.parametrize("who", [{"user_id": 7}, {"user_id": None, "email_address": ANN.email}])
def test_what_is_pushed_about_a_forgotten_member_later_does_not_stay(who: Any) -> None:
    world = World()
    world.forget()

    world.push("2022-05-25T11:30:00Z", **who)

    assert world.of_ann == []


def test_a_change_without_any_view_is_about_nobody() -> None:
    assert not erase_forgotten(
        ViewChange(None, None), forgotten=FakeTombstones(), eraser=FakeExpirations()
    )


# Imports


def imported(world: World, path: Path, *lines: str, readmit: Any = None) -> Any:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return import_members(
        path,
        members=world.members,
        catalog=CATALOG,
        at=100,
        tombstones=world.tombstones,
        readmit=readmit,
    )


@pytest.mark.parametrize("line", ["acme,7,,,,,", "acme,9,ann@example.com,,,,", "acme,7,x@y.z,,,,"])
def test_an_import_skips_the_forgotten_and_says_so(tmp_path: Path, line: str) -> None:
    world = World()
    world.forget()

    report = imported(world, tmp_path / "m.csv", line, "acme,10,,,,,")

    assert (report.forgotten, report.forgotten_lines) == (1, [2])
    assert (report.imported, report.refused, report.lines) == (1, 0, 2)
    assert world.of_ann == []


def test_an_import_that_began_before_meets_the_account_itself(tmp_path: Path) -> None:
    world = World()
    world.forget()
    world.tombstones.graves.clear()

    assert imported(world, tmp_path / "m.csv", "acme,7,ann@example.com,,,,").forgotten == 1


def test_a_forgotten_member_can_be_let_in_again_with_its_points(tmp_path: Path) -> None:
    world = World()
    world.forget()
    let_in: list[int] = []

    report = imported(
        world,
        tmp_path / "m.csv",
        "acme,7,ann@example.com,Ann,T-1,,",
        "acme,8,bob@example.com,,,,",
        readmit=lambda member: let_in.append(member.user_id),
    )

    assert (report.imported, report.forgotten, let_in) == (1, 0, [7])
    assert ANN in world.members
    assert world.tombstones.graves == {}
    world.push("2022-05-25T11:30:00Z", user_id=7)
    assert MemberKey("acme", KeyKind.USER_ID, "7") in world.expirations.views


@pytest.mark.parametrize("when", ["before", "after"])
def test_letting_in_that_dies_anywhere_is_finished_by_the_next(tmp_path: Path, when: Any) -> None:
    line = "acme,7,ann@example.com,Ann,T-1,,"
    whole = Faults()
    for position in range(-1, 8):
        world = World()
        world.forget()
        members, tombstones = world.members, world.tombstones
        faults = Faults(position, when) if position >= 0 else whole
        world.members, world.tombstones = faults.wrap(members), faults.wrap(tombstones)
        try:
            imported(world, tmp_path / "m.csv", line, readmit=lambda _: None)
        except WorkerKilled:
            world.members, world.tombstones = members, tombstones
            imported(world, tmp_path / "m.csv", line, readmit=lambda _: None)
        assert ANN in members
        assert tombstones.graves == {}
    assert "lift" in whole.calls


def test_a_member_let_in_may_take_an_identifier_from_one_in_the_same_file(tmp_path: Path) -> None:
    world = World()
    world.forget()

    report = imported(
        world,
        tmp_path / "m.csv",
        "acme,7,bob@example.com,,,,",
        "acme,8,b@example.com,,,,",
        readmit=lambda _: None,
    )

    assert (report.imported, report.refused) == (2, 0)
    assert world.tombstones.graves == {}


# The commands


class Desk:
    """`pointflow member forget` on a world."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World()
        self.audit = FakeAuditLog()
        made = command.EraserDesk(
            "acme",
            self.world.members,
            self.world.tombstones,
            self.world.expirations,
            self.world.bucket,
            auditor(self.audit),
        )
        monkeypatch.setattr(command, "open_eraser", lambda _stack, _client: made)

    def run(self, *arguments: str) -> Any:
        return CliRunner().invoke(member_app, ["forget", *arguments])


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_the_command_says_what_went_and_what_it_cannot_reach(desk: Desk) -> None:
    result = desk.run("7", "--yes", "--reason", "asked for", "--json")

    assert json.loads(result.stdout) == {
        "client_id": "acme",
        "user_id": 7,
        "erased": {
            "profile": True,
            "pushes": 4,
            "days_of_the_month_index": 2,
            "refused_pushes": 0,
            "rejected_rows": 1,
            "object_versions": 1,
        },
        "remains": list(command.REMAINS),
    }
    assert desk.audit.told == [("member.forget", "acme", "7", "asked for")]
    assert "ann" not in result.output.lower().replace("scanned", "")


def test_people_read_the_same(desk: Desk) -> None:
    out = desk.run("7", "--yes").stdout

    assert "forgot member 7 of acme" in out
    assert "rejected rows: 1" in out
    assert "backups of the tables" in out


def test_it_has_to_be_confirmed(desk: Desk) -> None:
    result = desk.run("7")

    assert isinstance(result.exception, CommandError)
    assert desk.audit.kept == []
    assert ANN in desk.world.members


def test_without_its_record_nobody_is_forgotten(desk: Desk) -> None:
    desk.audit.error = ContentionError("busy")

    assert isinstance(desk.run("7", "--yes").exception, ContentionError)
    assert ANN in desk.world.members
    assert desk.world.tombstones.graves == {}


def test_what_is_no_user_id_is_refused(desk: Desk) -> None:
    assert isinstance(desk.run("ann@example.com", "--yes").exception, CommandError)


def test_the_import_command_tells_of_the_forgotten_and_can_let_them_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"{HEADER}\nacme,7,,,,,\n")
    with programme_desk.desk(monkeypatch) as behind:
        for client in CATALOG.clients():
            behind.catalog.put_client(client)
        behind.tombstones.bury([MemberKey("acme", KeyKind.USER_ID, "7")], 1)

        skipped = programme_desk.answer(members_app, "import", path)
        told = programme_desk.run(members_app, "import", path)
        let_in = programme_desk.answer(members_app, "import", path, "--readmit", "--reason", "why")

    assert (skipped["forgotten"], skipped["forgotten_lines"]) == (1, [2])
    assert "FORGOTTEN: 1 lines skipped (line 2)" in told.stderr
    assert (let_in["forgotten"], let_in["imported"]) == (0, 1)
    assert behind.audit.told == [("member.readmit", "acme", "7", "why")]
