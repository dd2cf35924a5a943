"""Members that take identifiers from one another: any order and any crash end the same way."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.member import Member, MemberStatus
from pointflow.services import settle_identifiers as settle_identifiers_module
from pointflow.services.import_members import import_members
from pointflow.services.settle_identifiers import settle_identifiers
from tests.fakes.faults import Faults, WorkerKilled, every_fault
from tests.fakes.member_directory import FakeMembers
from tests.unit.importing import CATALOG, HEADER, counts, lines_of, run, told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


def test_a_swap_works_in_any_order_and_no_identifier_ever_points_at_nobody(path: Path) -> None:
    known = [
        Member("acme", 1, "a@example.com", "ann"),
        Member("acme", 2, "b@example.com", "bob"),
        Member("acme", 3, "c@example.com", "cleo"),
    ]
    wanted = [
        Member("acme", 1, "b@example.com", "cleo", status=MemberStatus.ACTIVE),
        Member("acme", 2, "c@example.com", "ann", "T-1"),
        Member("acme", 3, "a@example.com", "bob"),
    ]
    for order in itertools.permutations(wanted):
        members = FakeMembers(known)
        report = run(path, members, *lines_of(order))
        assert counts(report) == (3, 0, 0, 0)
        assert all(member in members for member in wanted)
        assert members.exchanges == [{1, 2, 3}]


def test_members_that_take_over_from_one_another_need_no_exchange(path: Path) -> None:
    count = 200
    known = [Member("acme", user_id, f"{user_id}@example.com") for user_id in range(1, count + 1)]
    wanted = [
        Member("acme", user_id, f"{user_id + 1}@example.com") for user_id in range(1, count + 1)
    ]
    shuffled = sorted(wanted, key=lambda member: hashlib.sha256(b"%d" % member.user_id).digest())
    for order in (wanted, wanted[::-1], shuffled):
        members = FakeMembers(known)
        assert counts(run(path, members, *lines_of(order))) == (count, 0, 0, 0)
        assert all(member in members for member in wanted)
        assert members.exchanges == []


def test_a_ring_too_long_for_a_transaction_is_opened_first(path: Path) -> None:
    count = 50
    known = [Member("acme", n, f"{n}@example.com", f"user{n}") for n in range(count)][1:]
    wanted = [
        Member("acme", n, f"{n % (count - 1) + 1}@example.com", f"user{n}") for n in range(1, count)
    ]
    members = FakeMembers(known)
    assert counts(run(path, members, *lines_of(wanted))) == (count - 1, 0, 0, 0)
    assert all(member in members for member in wanted)
    assert members.exchanges == []


def test_whoever_waits_for_a_refused_line_is_refused_too(path: Path) -> None:
    members = FakeMembers(
        [
            Member("acme", 1, "a@example.com"),
            Member("acme", 2, "b@example.com"),
            Member("acme", 9, "z@example.com"),
        ]
    )
    report = run(
        path, members, "acme,1,b@example.com,,,,", "acme,2,z@example.com,,,,", "acme,3,c,,,,"
    )
    assert told(report) == [(2, "email"), (3, "email")]
    assert Member("acme", 1, "a@example.com") in members
    assert Member("acme", 2, "b@example.com") in members


def test_a_ring_with_a_member_that_cannot_be_saved_loses_nobody_an_identifier(path: Path) -> None:
    known = [
        Member("acme", 1, "a@example.com", "ann"),
        Member("acme", 2, "b@example.com", "bob"),
        Member("acme", 9, "z@example.com", "zoe"),
    ]
    members = FakeMembers(known)
    report = run(path, members, "acme,1,b@example.com,zoe,,,", "acme,2,a@example.com,bob,,,")
    assert told(report) == [(2, "username"), (3, "email")]
    assert all(member in members for member in known)


def test_two_that_want_the_same_are_not_tried_for_ever() -> None:
    members = FakeMembers(
        [Member("acme", 1, "a@example.com"), Member("acme", 2, "b@example.com", "bob")]
    )
    waiting = [Member("acme", 1, "a@example.com", "bob"), Member("acme", 2, "a@example.com", "x")]
    outcomes = dict(settle_identifiers(members, waiting, at=100))
    assert outcomes.keys() == set(waiting)


@given(st.data())
def test_any_reshuffle_of_identifiers_ends_as_the_file_says(data: st.DataObject) -> None:
    """Whatever moves between members, and in whatever order: one pass over the deferred does it."""
    count = data.draw(st.integers(1, 30))
    user_ids = range(1, count + 1)
    values = [*(f"v{number}" for number in user_ids), None, None]

    def profiles() -> list[Member]:
        emails = data.draw(st.permutations(values))
        usernames = data.draw(st.permutations(values))
        rows = zip(user_ids, emails, usernames, strict=False)
        return [Member("acme", user_id, email, username) for user_id, email, username in rows]

    members = FakeMembers(profiles())
    wanted = data.draw(st.permutations(profiles()))
    outcomes = dict(settle_identifiers(members, wanted, at=100))
    assert not [outcome for outcome in outcomes.values() if isinstance(outcome, Exception)]
    assert outcomes.keys() == set(wanted)
    assert all(member in members for member in wanted)


def test_running_again_finishes_what_a_crash_left_at_any_position(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle_identifiers_module, "MOST_IN_EXCHANGE", 2)
    known = [
        Member("acme", 1, "a@example.com", "ann"),
        Member("acme", 2, "b@example.com", "bob"),
        *(Member("acme", n, f"{n}@example.com") for n in range(10, 14)),
    ]
    lines = [
        "acme,1,b@example.com,ann,T-1,,100",
        "acme,2,a@example.com,bob,T-1,inactive,200",
        "acme,3,c@example.com,,,,300",
        *(f"acme,{n},{(n - 9) % 4 + 10}@example.com,,,,5" for n in range(10, 14)),
    ]
    path.write_text("\n".join((HEADER, *lines)), encoding="utf-8")

    def import_with(faults: Faults) -> FakeMembers:
        members = FakeMembers(known)
        try:
            import_members(path, members=faults.wrap(members), catalog=CATALOG, at=100)
        except WorkerKilled:
            import_members(path, members=members, catalog=CATALOG, at=200)
        return members

    whole = Faults()
    expected = import_with(whole)
    accounts = [expected.member("acme", user_id) for user_id in range(40)]
    assert sum(account.balance for account in accounts if account) == 600 + 4 * 5
    for position, when in every_fault(len(whole.calls)):
        members = import_with(Faults(position, when))
        assert [members.member("acme", user_id) for user_id in range(40)] == accounts
