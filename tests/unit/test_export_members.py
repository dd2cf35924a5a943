"""An export is the very file that an import reads: nothing is lost, nothing is changed."""

from __future__ import annotations

import csv
import io
import os
import tracemalloc
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pointflow.adapters.dynamodb_member_list import DynamoDBMemberList, build_scan
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.domain.member import Identifier, Member, MemberStatus
from pointflow.services.export_members import export_members
from pointflow.services.import_members import import_members
from tests.fakes.member_directory import FakeMembers
from tests.unit.importing import CATALOG, counts, run
from tests.unit.moto_tables import moto_tables
from tests.unit.test_dynamodb_members import Clock

LINES = (
    'acme,1,"quoted ""ann""@example.com","comma, name",=1+1,active,500',
    "acme,2,,\u2028separated,=1+1,inactive,",
    "globex,1,ann@example.com,-4,+5,,0",
)


def exported(members: FakeMembers, client_id: str | None = None) -> str:
    out = io.StringIO(newline="")
    export_members(client_id, out, members=members)
    return out.getvalue()


def imported(path: Path, text: str, members: FakeMembers) -> tuple[int, int, int, int]:
    path.write_text(text, encoding="utf-8", newline="")
    return counts(import_members(path, members=members, catalog=CATALOG, at=200))


def test_importing_what_was_exported_changes_nothing(tmp_path: Path) -> None:
    members = FakeMembers()
    run(tmp_path / "in.csv", members, *LINES)
    members.add_points("acme", 1, 40)
    members.writes = 0

    assert imported(tmp_path / "out.csv", exported(members), members) == (0, 3, 0, 0)
    assert members.writes == 0


def test_an_export_makes_the_same_members_elsewhere_with_their_opening_balances(
    tmp_path: Path,
) -> None:
    here, there = FakeMembers(), FakeMembers()
    run(tmp_path / "in.csv", here, *LINES)
    here.add_points("acme", 1, 40)

    assert imported(tmp_path / "out.csv", exported(here), there) == (3, 0, 0, 1)
    assert exported(there) == exported(here)
    assert there.balance_of("acme", 1) == 500


def test_only_the_members_of_the_client_that_is_asked_for_are_exported(tmp_path: Path) -> None:
    members = FakeMembers()
    run(tmp_path / "in.csv", members, *LINES)

    lines = list(csv.DictReader(io.StringIO(exported(members, "globex"))))

    assert [(line["client_id"], line["user_id"]) for line in lines] == [("globex", "1")]


TEXT = st.one_of(
    st.none(),
    st.text(
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"),
        min_size=1,
        max_size=40,
    )
    .map(lambda text: text.strip(" "))
    .filter(lambda text: text and text.lower() != "null"),
)


IMPORTED = st.sampled_from([MemberStatus.ACTIVE, MemberStatus.INACTIVE])


def test_of_a_forgotten_member_there_is_nothing_to_export() -> None:
    members = FakeMembers([Member("acme", 1, status=MemberStatus.FORGOTTEN), Member("acme", 2)])

    assert [line.split(",")[1] for line in exported(members).splitlines()] == ["user_id", "2"]


@given(email=TEXT, username=TEXT, third_party_id=TEXT, status=IMPORTED)
def test_any_value_that_an_import_takes_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    email: str | None,
    username: str | None,
    third_party_id: str | None,
    status: MemberStatus,
) -> None:
    # As an import would have stored it.
    stored = None if email is None else email.lower()
    member = Member("acme", 1, stored, username, third_party_id, status)
    members = FakeMembers([member])
    path = tmp_path_factory.getbasetemp() / "any.csv"

    assert imported(path, exported(members), members) == (0, 1, 0, 0)


class Endless:
    """Very many members that nobody keeps."""

    def __init__(self, count: int) -> None:
        self._count = count

    def members(self, client_id: str | None) -> Iterator[Member]:
        return (Member("acme", number, email=f"{number}@x") for number in range(1, self._count))

    def opening_balances(self, members: Collection[Member]) -> Mapping[tuple[str, int], int]:
        return {("acme", each.user_id): 5 for each in members}


def test_memory_does_not_grow_with_the_number_of_members() -> None:
    peaks = []
    for count in (1_000, 20_000):
        with Path(os.devnull).open("w", encoding="utf-8") as out:
            tracemalloc.start()
            export_members(None, out, members=Endless(count))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 50_000


# --- DynamoDB -----------------------------------------------------------------------------------


def test_accounts_are_listed_and_pointers_are_not() -> None:
    with moto_tables() as client:
        directory = DynamoDBMembers(client, "members", "ledger")
        listing = DynamoDBMemberList(client, "members", "ledger")
        # A username that looks like an account's key is none.
        ann = Member("acme", 1, "ann@example.com", "#M#1", "T")
        ben = Member("globex", 1, third_party_id="T", status=MemberStatus.INACTIVE)
        for member in (ann, ben):
            directory.save_profile(member, 1)
        directory.open_balance("acme", 1, 500, 1)

        everybody = sorted(listing.members(None), key=lambda each: each.client_id)
        assert [each.identifier(Identifier.USERNAME) for each in everybody] == ["#M#1", None]
        assert list(listing.members("globex")) == [ben]
        assert listing.opening_balances(everybody) == {("acme", 1): 500}


class Pages:
    """A table whose every page has one account, and whose every second answer is a throttle."""

    def __init__(self, fault: Exception, pages: int) -> None:
        self._fault = fault
        self._pages = pages
        self._calls = 0

    def scan(self, **request: object) -> dict[str, object]:
        self._calls += 1
        if self._calls % 2:
            raise self._fault
        start = request.get("ExclusiveStartKey", {"key": {"S": "0"}})
        assert isinstance(start, dict)
        page = int(start["key"]["S"]) + 1
        account = {
            "key": {"S": f"acme#M#{page}"},
            "user_id": {"N": str(page)},
            "status": {"S": "active"},
            "balance": {"N": "0"},
            "lifetime": {"N": "0"},
        }
        more = {"LastEvaluatedKey": {"key": {"S": str(page)}}} if page < self._pages else {}
        return {"Items": [account], **more}


def test_a_throttled_page_is_asked_for_again_and_no_page_is_left_out() -> None:
    clock = Clock()
    throttled = _throttled()
    client: object = Pages(throttled, 3)
    listing = DynamoDBMemberList(client, "members", "ledger", patience=clock.backoff)  # type: ignore[arg-type]

    assert [each.user_id for each in listing.members(None)] == [1, 2, 3]
    assert clock.waits == 3


def test_a_scan_reads_what_was_written_before_it() -> None:
    assert build_scan("members", None)["ConsistentRead"] is True
    assert build_scan("members", "acme")["ConsistentRead"] is True


def _throttled() -> Exception:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "Scan")
