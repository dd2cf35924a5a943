"""Members against DynamoDB's own transactions: pointers and profiles agree, whoever writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.member_requests import holders_of, identifier_key
from pointflow.domain.client import Client
from pointflow.domain.errors import ConflictError, IdentifierHeldError, NotFoundError
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus
from pointflow.services.import_members import MembersReport, import_members

HEADER = "client_id,user_id,email,username,third_party_id,status,opening_balance"
POINTERS = (Identifier.EMAIL, Identifier.USERNAME, Identifier.THIRD_PARTY_ID)


class World:
    """A directory on empty tables, and what lies in them."""

    def __init__(self, dynamodb: DynamoDBClient, tables: Mapping[str, str], path: Path) -> None:
        self._dynamodb = dynamodb
        self._tables = tables
        self._path = path
        self.directory = DynamoDBMembers(dynamodb, tables["MembersTable"], tables["LedgerTable"])
        self.ledger = DynamoDBLedger(dynamodb, tables["LedgerTable"], tables["MembersTable"])
        self.catalog = DynamoDBCatalog(dynamodb, tables["CatalogTable"])
        self.catalog.put_client(Client("acme"))

    def items(self, logical_id: str) -> list[dict[str, Any]]:
        scan = self._dynamodb.get_paginator("scan")
        pages = scan.paginate(TableName=self._tables[logical_id], ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def pointer_fits(self, key: str, padding: int) -> bool:
        """Put a shared pointer in place, made so many bytes longer, if DynamoDB takes it."""
        item: dict[str, Any] = {
            "key": {"S": key},
            "user_ids": {"NS": ["1"]},
            "padding": {"S": "x" * padding},
        }
        try:
            self._dynamodb.put_item(TableName=self._tables["MembersTable"], Item=item)
        except ClientError as error:
            if "size" in str(error):
                return False
            raise
        return True

    def members(self) -> list[Member]:
        user_ids = [
            int(item["user_id"]["N"])
            for item in self.items("MembersTable")
            if "#M#" in item["key"]["S"]
        ]
        found = [self.directory.member("acme", user_id) for user_id in sorted(user_ids)]
        return [member for member in found if member is not None]

    def pointers(self) -> dict[str, frozenset[int]]:
        pointers = {
            item["key"]["S"]: holders_of(item)
            for item in self.items("MembersTable")
            if "#M#" not in item["key"]["S"]
        }
        return {key: users for key, users in pointers.items() if users}

    def run_import(self, lines: Iterable[str]) -> MembersReport:
        self.write(lines)
        return self.repeat_import()

    def write(self, lines: Iterable[str]) -> None:
        self._path.write_text("\n".join((HEADER, *lines)), encoding="utf-8")

    def repeat_import(self) -> MembersReport:
        return import_members(self._path, members=self.directory, catalog=self.catalog, at=100)


def pointers_of(members: Iterable[Member]) -> dict[str, frozenset[int]]:
    """The pointers that these members should have, and no others."""
    expected: dict[str, set[int]] = {}
    for member in members:
        for kind in POINTERS:
            value = member.identifier(kind)
            if value is not None:
                key = identifier_key("acme", IdentifierKey(kind, value))
                expected.setdefault(key, set()).add(member.user_id)
    return {key: frozenset(users) for key, users in expected.items()}


def at_once(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run calls side by side; a conflict is an answer like any other."""

    def answer(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except ConflictError as conflict:
            return conflict

    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(answer, calls))


@pytest.fixture
def world(dynamodb: DynamoDBClient, tables: Mapping[str, str], tmp_path: Path) -> World:
    return World(dynamodb, tables, tmp_path / "members.csv")


def test_a_member_moves_through_profiles_and_leaves_no_pointer_behind(world: World) -> None:
    profiles = [
        Member("acme", 1, "a@example.com", "ann", "T-1"),
        Member("acme", 1, "b@example.com", None, "T-2", MemberStatus.INACTIVE),
        Member("acme", 1),
        Member("acme", 1, None, "bob", "T-1"),
    ]
    for at, profile in enumerate(profiles):
        assert world.directory.save_profile(profile, at)
        assert not world.directory.save_profile(profile, at)
        assert world.members() == [profile]
        assert world.pointers() == pointers_of([profile])


def test_an_identifier_that_is_held_stays_where_it_is(world: World) -> None:
    ann = Member("acme", 1, "a@example.com", "ann")
    world.directory.save_profile(ann, at=1)
    for taker in (Member("acme", 2, "a@example.com"), Member("acme", 2, "b@example.com", "ann")):
        with pytest.raises(IdentifierHeldError) as refused:
            world.directory.save_profile(taker, at=2)
        assert (refused.value.holder, refused.value.wanted_by) == (1, 2)
    assert world.members() == [ann]
    assert world.pointers() == pointers_of([ann])


def test_of_many_that_want_an_email_at_once_one_gets_it(world: World) -> None:
    rivals = [Member("acme", user_id, "a@example.com") for user_id in range(1, 31)]
    answers = at_once([partial(world.directory.save_profile, rival, at=1) for rival in rivals])
    assert answers.count(True) == 1
    assert len([each for each in answers if isinstance(each, IdentifierHeldError)]) == 29
    assert world.members() == [rivals[answers.index(True)]]
    assert world.pointers() == pointers_of(world.members())


def test_one_member_changed_by_many_at_once_keeps_the_pointers_of_its_last_profile(
    world: World,
) -> None:
    profiles = [
        Member("acme", 1, f"{n % 5}@example.com", f"name{n % 3}", f"T-{n % 4}") for n in range(60)
    ]
    at_once([partial(world.directory.save_profile, profile, at=1) for profile in profiles])
    (standing,) = world.members()
    assert standing in profiles
    assert world.pointers() == pointers_of([standing])


def test_a_third_party_id_joined_and_left_by_many_at_once_loses_nobody(world: World) -> None:
    for user_id in range(1, 31):
        world.directory.save_profile(Member("acme", user_id, third_party_id="T-1"), at=1)
    leaving = [Member("acme", user_id) for user_id in range(1, 31)]
    joining = [Member("acme", user_id, third_party_id="T-1") for user_id in range(31, 61)]
    both = [member for pair in zip(leaving, joining, strict=True) for member in pair]
    assert all(at_once([partial(world.directory.save_profile, each, at=2) for each in both]))
    assert world.pointers() == {"acme#THIRD#T-1": frozenset(range(31, 61))}


def test_a_third_party_id_that_the_last_member_left_can_be_joined_again(world: World) -> None:
    key = IdentifierKey(Identifier.THIRD_PARTY_ID, "T-1")
    world.directory.save_profile(Member("acme", 1, third_party_id="T-1"), at=1)
    world.directory.save_profile(Member("acme", 1), at=2)
    assert world.directory.holders("acme", [key]) == {}
    world.directory.save_profile(Member("acme", 2, third_party_id="T-1"), at=3)
    assert world.directory.holders("acme", [key]) == {key: {2}}


def test_a_third_party_id_that_no_item_can_hold_more_members_of_is_told(world: World) -> None:
    key = "acme#THIRD#T-1"
    fits, too_long = 400_000, 410_000
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if world.pointer_fits(key, middle):
            fits = middle
        else:
            too_long = middle
    assert world.pointer_fits(key, fits)
    member = Member("acme", 10**17 - 1, third_party_id="T-1")
    with pytest.raises(ConflictError, match="shared by too many members"):
        world.directory.save_profile(member, at=1)
    assert world.members() == []


def test_keys_beyond_any_limit_are_nobodys_and_spoil_no_other(world: World) -> None:
    known = [Member("acme", user_id, f"{user_id}@example.com") for user_id in range(1, 131)]
    at_once([partial(world.directory.save_profile, member, at=1) for member in known])
    asked = [IdentifierKey(Identifier.EMAIL, f"{user_id}@example.com") for user_id in range(250)]
    endless = [IdentifierKey(Identifier.USERNAME, "u" * size) for size in (2_034, 2_035, 4_000)]
    found = world.directory.holders("acme", [*asked, *endless, *asked])
    assert sorted(min(users) for users in found.values()) == list(range(1, 131))
    assert len(world.directory.statuses("acme", range(250))) == 130


def test_twenty_members_exchange_both_identifiers_in_one_transaction(world: World) -> None:
    known = [Member("acme", n, f"{n}@example.com", f"u{n}", "T-1") for n in range(1, 21)]
    for member in known:
        world.directory.save_profile(member, at=1)
    wanted = [Member("acme", n, f"new{n}", f"u{n % 20 + 1}", "T-1") for n in range(1, 21)]
    world.directory.exchange_identifiers(wanted, at=2)
    assert world.members() == wanted
    assert world.pointers() == pointers_of(wanted)


def test_an_exchange_that_one_member_stands_in_the_way_of_changes_nothing(world: World) -> None:
    known = [Member("acme", n, f"{n}@example.com") for n in (1, 2, 3)]
    for member in known:
        world.directory.save_profile(member, at=1)
    wanted = [Member("acme", 1, "2@example.com"), Member("acme", 2, "3@example.com")]
    with pytest.raises(IdentifierHeldError) as refused:
        world.directory.exchange_identifiers(wanted, at=2)
    assert (refused.value.holder, refused.value.wanted_by) == (3, 2)
    assert world.members() == known
    assert world.pointers() == pointers_of(known)


def test_an_opening_balance_counts_once_however_many_open_it_at_once(world: World) -> None:
    with pytest.raises(NotFoundError):
        world.directory.open_balance("acme", 1, 500, at=1)
    world.directory.save_profile(Member("acme", 1), at=1)
    opened = at_once([lambda: world.directory.open_balance("acme", 1, 500, at=1)] * 16)
    assert opened.count(True) == 1
    assert world.members() == [Member("acme", 1, balance=500, lifetime=500)]
    (entry,) = world.items("LedgerTable")
    assert entry["identity"] == {"S": "acme/opening-balance/1"}
    assert entry["points"] == {"N": "500"}


def test_profiles_saved_while_points_arrive_lose_no_points(world: World) -> None:
    world.directory.save_profile(Member("acme", 1), at=1)

    def credit(line: int) -> None:
        entry = Entry(
            identity=f"acme/activities_acme_20260101000000.txt/{line}",
            content="mine",
            decision=Decision.CREDITED,
            recorded_at=1,
            user_id=1,
            activity_id=7,
            activity_at=1,
            points=3,
            matched_by=Identifier.CT_USER_ID,
        )
        world.ledger.record("acme", [entry], time.monotonic() + 20)

    profiles = [Member("acme", 1, f"{n}@example.com", f"u{n % 3}") for n in range(20)]
    at_once(
        [
            *(partial(credit, line) for line in range(10)),
            *(partial(world.directory.save_profile, profile, at=1) for profile in profiles),
            partial(world.directory.open_balance, "acme", 1, 7, at=1),
            *(partial(credit, line) for line in range(20)),
        ]
    )
    (standing,) = world.members()
    assert (standing.balance, standing.lifetime) == (67, 67)
    assert world.pointers() == pointers_of([standing])


def test_a_file_of_swaps_and_rings_is_imported_whatever_its_order(world: World) -> None:
    count = 60
    first = [f"acme,{n},{n}@example.com,u{n},T-{n % 3},,{n}" for n in range(1, count + 1)]
    assert world.run_import(first).opened == count
    # Pairs swap emails, rings of ten pass on usernames, and everybody changes third party ids.
    wanted = [
        Member(
            "acme",
            n,
            f"{(n - 1 ^ 1) + 1}@example.com",
            f"u{n + 1 if n % 10 else n - 9}",
            f"T-{n % 2}",
            balance=n,
            lifetime=n,
        )
        for n in range(1, count + 1)
    ]
    lines = [
        f"acme,{each.user_id},{each.email},{each.username},{each.third_party_id},,{each.balance}"
        for each in reversed(wanted)
    ]
    report = world.run_import(lines)
    assert (report.refused, report.opened, report.imported) == (0, 0, count)
    assert world.members() == wanted
    assert world.pointers() == pointers_of(wanted)
    again = world.repeat_import()
    assert (again.unchanged, again.imported) == (count, 0)


def test_two_imports_of_one_file_at_once_open_each_balance_once(world: World) -> None:
    world.write(f"acme,{n},{n}@example.com,u{n},T-{n % 3},,{n}" for n in range(1, 61))
    first, second = at_once([world.repeat_import] * 2)
    assert first.opened + second.opened == 60
    assert first.refused + second.refused == 0
    expected = [
        Member("acme", n, f"{n}@example.com", f"u{n}", f"T-{n % 3}", balance=n, lifetime=n)
        for n in range(1, 61)
    ]
    assert world.members() == expected
    assert world.pointers() == pointers_of(expected)
    assert len(world.items("LedgerTable")) == 60


def test_two_imports_of_one_swap_at_once_end_as_the_file_says(world: World) -> None:
    world.run_import(f"acme,{n},{n}@example.com,u{n},,," for n in range(1, 21))
    wanted = [
        Member("acme", n, f"{(n - 1 ^ 1) + 1}@example.com", f"u{n % 20 + 1}") for n in range(1, 21)
    ]
    world.write(f"acme,{each.user_id},{each.email},{each.username},,," for each in wanted)
    at_once([world.repeat_import] * 3)
    world.repeat_import()
    assert world.members() == wanted
    assert world.pointers() == pointers_of(wanted)
