"""Members in DynamoDB: whatever happens in between, pointers and profiles agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.ledger_items import entry_of
from pointflow.adapters.member_requests import ProfileChange, build_profile_steps
from pointflow.adapters.retrying import Backoff
from pointflow.domain.errors import (
    ConflictError,
    ContentionError,
    IdentifierHeldError,
    NotFoundError,
)
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus
from tests.unit.moto_tables import Interrupted, moto_tables

EMAIL = IdentifierKey(Identifier.EMAIL, "ann@example.com")
USERNAME = IdentifierKey(Identifier.USERNAME, "Ann")
THIRD = IdentifierKey(Identifier.THIRD_PARTY_ID, "T-1")
ANN = Member("acme", 1, email=EMAIL.value, username=USERNAME.value, third_party_id=THIRD.value)


def cancelled(*codes: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits += 1

    def backoff(self) -> Backoff:
        return Backoff(
            self.now + 20,
            uniform=lambda _low, high: high,
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )


@pytest.fixture
def client() -> Iterator[Interrupted]:
    with moto_tables() as client:
        yield Interrupted(client)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def members(client: Interrupted, clock: Clock) -> DynamoDBMembers:
    return DynamoDBMembers(client, "members", "ledger", patience=clock.backoff)  # type: ignore[arg-type]


def holders(members: DynamoDBMembers, *keys: IdentifierKey) -> dict[IdentifierKey, set[int]]:
    return {key: set(users) for key, users in members.holders("acme", keys).items()}


def test_a_saved_member_is_found_by_every_identifier(members: DynamoDBMembers) -> None:
    assert members.save_profile(ANN, at=100)
    assert members.member("acme", 1) == ANN
    user_id = IdentifierKey(Identifier.CT_USER_ID, "1")
    assert holders(members, user_id, EMAIL, USERNAME, THIRD) == {
        user_id: {1},
        EMAIL: {1},
        USERNAME: {1},
        THIRD: {1},
    }


def test_saving_the_same_profile_again_writes_nothing(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    members.save_profile(ANN, at=100)
    client.calls.clear()
    assert not members.save_profile(ANN, at=200)
    assert client.calls == ["get_item"]


def test_saving_a_profile_leaves_points_and_creation_time_alone(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    members.save_profile(ANN, at=100)
    members.open_balance("acme", 1, 500, at=150)
    members.save_profile(Member("acme", 1, email="new@example.com", balance=7, lifetime=7), at=200)
    assert members.member("acme", 1) == Member(
        "acme", 1, email="new@example.com", balance=500, lifetime=500
    )
    item = client.get_item(TableName="members", Key={"key": {"S": "acme#M#1"}})["Item"]
    assert (item["created_at"], item["updated_at"]) == ({"N": "100"}, {"N": "200"})


def test_identifiers_that_are_given_up_point_at_nobody(members: DynamoDBMembers) -> None:
    members.save_profile(ANN, at=100)
    members.save_profile(Member("acme", 1), at=200)
    assert holders(members, EMAIL, USERNAME, THIRD) == {}
    assert members.save_profile(Member("acme", 2, email=EMAIL.value, username="Ann"), at=300)
    assert holders(members, EMAIL, USERNAME) == {EMAIL: {2}, USERNAME: {2}}


@pytest.mark.parametrize("kind", [Identifier.EMAIL, Identifier.USERNAME])
def test_an_identifier_that_another_member_holds_is_refused_without_telling_its_value(
    members: DynamoDBMembers, kind: Identifier
) -> None:
    members.save_profile(ANN, at=100)
    taken = (
        Member("acme", 2, email=EMAIL.value)
        if kind is Identifier.EMAIL
        else Member("acme", 2, username=USERNAME.value)
    )
    with pytest.raises(IdentifierHeldError) as refused:
        members.save_profile(taken, at=200)
    assert (refused.value.kind, refused.value.holder, refused.value.wanted_by) == (kind, 1, 2)
    assert "nn" not in str(refused.value)
    assert members.member("acme", 2) is None


def test_another_clients_member_may_have_the_same_identifiers(members: DynamoDBMembers) -> None:
    members.save_profile(ANN, at=100)
    other = Member("globex", 1, email=EMAIL.value, username=USERNAME.value)
    assert members.save_profile(other, at=100)
    assert holders(members, EMAIL) == {EMAIL: {1}}


def test_a_third_party_id_names_all_who_share_it_until_the_last_one_leaves(
    members: DynamoDBMembers,
) -> None:
    for user_id in (30, 7, 12):
        members.save_profile(Member("acme", user_id, third_party_id="T-1"), at=100)
    assert holders(members, THIRD) == {THIRD: {7, 12, 30}}
    for user_id in (30, 7, 12):
        members.save_profile(Member("acme", user_id), at=200)
    assert holders(members, THIRD) == {}
    members.save_profile(Member("acme", 7, third_party_id="T-1"), at=300)
    assert holders(members, THIRD) == {THIRD: {7}}


def test_many_keys_are_read_a_hundred_at_a_time_and_repeated_ones_once(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    for user_id in (1, 150, 250):
        members.save_profile(Member("acme", user_id), at=100)
    client.calls.clear()
    keys = [IdentifierKey(Identifier.CT_USER_ID, str(user_id)) for user_id in range(1, 251)] * 2
    found = members.holders("acme", keys)
    assert {int(key.value) for key in found} == {1, 150, 250}
    assert client.calls == ["batch_get_item"] * 3


def test_a_value_too_long_for_any_key_belongs_to_nobody_and_spoils_no_other(
    members: DynamoDBMembers,
) -> None:
    members.save_profile(ANN, at=100)
    endless = IdentifierKey(Identifier.USERNAME, "é" * 1024)
    assert holders(members, endless, EMAIL) == {EMAIL: {1}}


def test_statuses_are_those_of_the_members_that_exist(members: DynamoDBMembers) -> None:
    members.save_profile(Member("acme", 1), at=100)
    members.save_profile(Member("acme", 2, status=MemberStatus.INACTIVE), at=100)
    assert members.statuses("acme", [1, 2, 3, 1]) == {
        1: MemberStatus.ACTIVE,
        2: MemberStatus.INACTIVE,
    }


@pytest.mark.parametrize(
    "trouble",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "None"),
        ClientError(
            {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, "x"
        ),
        ReadTimeoutError(endpoint_url="x"),
    ],
    ids=["conflict", "throttled action", "throttled request", "timeout"],
)
def test_contention_is_waited_out(
    members: DynamoDBMembers, client: Interrupted, clock: Clock, trouble: Exception
) -> None:
    client.before["transact_write_items"] = [trouble, trouble]
    assert members.save_profile(ANN, at=100)
    assert clock.waits == 2
    client.before["transact_write_items"] = [trouble]
    assert members.open_balance("acme", 1, 5, at=100)


def test_a_conflict_says_nothing_about_who_holds_an_identifier(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    client.before["transact_write_items"] = [
        cancelled("None", "ConditionalCheckFailed", "TransactionConflict")
    ]
    assert members.save_profile(ANN, at=100)


def test_contention_beyond_the_deadline_is_told(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    conflict = cancelled("None", "TransactionConflict")
    client.before["transact_write_items"] = [conflict] * 1000
    with pytest.raises(ContentionError):
        members.save_profile(ANN, at=100)
    with pytest.raises(ContentionError):
        members.open_balance("acme", 1, 5, at=100)


def test_other_errors_are_raised_at_once(
    members: DynamoDBMembers, client: Interrupted, clock: Clock
) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "x")
    client.before["transact_write_items"] = [denied, denied, cancelled("ValidationError", "None")]
    with pytest.raises(ClientError, match="AccessDenied"):
        members.save_profile(ANN, at=100)
    with pytest.raises(ClientError, match="AccessDenied"):
        members.open_balance("acme", 1, 5, at=100)
    with pytest.raises(ClientError, match="TransactionCanceled"):
        members.save_profile(Member("acme", 1, email=EMAIL.value), at=100)
    assert clock.waits == 0


def test_a_profile_that_changes_under_our_hands_is_read_again_and_leaves_no_stale_pointer(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    members.save_profile(ANN, at=100)
    other = IdentifierKey(Identifier.EMAIL, "other@example.com")
    ours = IdentifierKey(Identifier.EMAIL, "ours@example.com")
    client.before["transact_write_items"] = [
        lambda: members.save_profile(Member("acme", 1, email=other.value), at=150)
    ]
    members.save_profile(Member("acme", 1, email=ours.value), at=200)
    assert holders(members, EMAIL, other, ours, USERNAME, THIRD) == {ours: {1}}


def test_two_imports_that_create_the_same_member_leave_one_and_its_pointers(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    client.before["transact_write_items"] = [
        lambda: members.save_profile(Member("acme", 1, third_party_id="T-2"), at=150)
    ]
    members.save_profile(ANN, at=200)
    second = IdentifierKey(Identifier.THIRD_PARTY_ID, "T-2")
    assert holders(members, EMAIL, USERNAME, THIRD, second) == {
        EMAIL: {1},
        USERNAME: {1},
        THIRD: {1},
    }


def test_an_identifier_taken_between_reading_and_writing_is_refused(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    client.before["transact_write_items"] = [lambda: members.save_profile(ANN, at=150)]
    with pytest.raises(IdentifierHeldError):
        members.save_profile(Member("acme", 2, email=EMAIL.value), at=200)


def test_a_write_whose_answer_was_lost_is_not_repeated(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    def written_but_unheard() -> None:
        members.save_profile(ANN, at=150)
        raise ReadTimeoutError(endpoint_url="x")

    client.before["transact_write_items"] = [written_but_unheard]
    members.save_profile(ANN, at=200)
    assert client.calls.count("transact_write_items") == 2
    assert members.member("acme", 1) == ANN


def test_a_third_party_id_shared_by_more_members_than_an_item_holds_is_refused(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    client.before["transact_write_items"] = [cancelled("None", "ValidationError")]
    with pytest.raises(ConflictError, match="shared by too many"):
        members.save_profile(Member("acme", 1, third_party_id="T-1"), at=100)


def test_members_exchange_identifiers_in_one_transaction(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    names = ["a", "b", "c"]
    emails = [IdentifierKey(Identifier.EMAIL, f"{name}@example.com") for name in names]
    for user_id, (name, email) in enumerate(zip(names, emails, strict=True), start=1):
        members.save_profile(
            Member("acme", user_id, email=email.value, username=name, third_party_id="T-1"), at=100
        )
    client.calls.clear()
    members.exchange_identifiers(
        [
            Member("acme", 1, email=emails[1].value, username="z"),
            Member("acme", 2, email=emails[2].value, username="b"),
            Member("acme", 3, email=emails[0].value, username="a", status=MemberStatus.INACTIVE),
        ],
        at=200,
    )
    assert client.calls.count("transact_write_items") == 1
    freed = IdentifierKey(Identifier.USERNAME, "c")
    assert holders(members, *emails, freed, THIRD) == {
        emails[0]: {3},
        emails[1]: {1},
        emails[2]: {2},
        THIRD: {1, 2, 3},
    }
    assert members.member("acme", 3) == Member(
        "acme", 3, email="a@example.com", username="a", third_party_id="T-1"
    )


def test_an_exchange_takes_nothing_from_whoever_does_not_give_it_up(
    members: DynamoDBMembers,
) -> None:
    members.save_profile(ANN, at=100)
    members.save_profile(Member("acme", 2, email="b@example.com"), at=100)
    with pytest.raises(IdentifierHeldError) as refused:
        members.exchange_identifiers(
            [ANN, Member("acme", 2, email="b@example.com", username=ANN.username)], at=200
        )
    assert (refused.value.holder, refused.value.wanted_by) == (1, 2)
    with pytest.raises(NotFoundError):
        members.exchange_identifiers([ANN, Member("acme", 3, email="c@example.com")], at=200)


def test_an_exchange_of_twenty_members_fits_a_transaction() -> None:
    changes = [
        ProfileChange(
            Member("acme", user_id, email=f"old{user_id}", username=f"old{user_id}"),
            Member("acme", user_id, email=f"new{user_id}", username=f"new{user_id}"),
        )
        for user_id in range(20)
    ]
    assert len(build_profile_steps("members", changes, at=1)) == 100


def test_an_opening_balance_is_one_ledger_entry_and_counts_once(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    members.save_profile(ANN, at=100)
    assert members.open_balance("acme", 1, 500, at=150)
    assert not members.open_balance("acme", 1, 900, at=200)
    assert members.member("acme", 1) == Member(
        "acme", 1, ANN.email, ANN.username, ANN.third_party_id, balance=500, lifetime=500
    )
    key = {"identity": {"S": "acme/opening-balance/1"}}
    item = client.get_item(TableName="ledger", Key=key)["Item"]
    assert item["member"] == {"S": "acme#1"}
    assert entry_of(item) == Entry(
        identity="acme/opening-balance/1",
        content="opening-balance",
        decision=Decision.CREDITED,
        recorded_at=150,
        user_id=1,
        activity_at=150,
        points=500,
    )


def test_of_two_imports_that_open_a_balance_at_once_one_counts(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    members.save_profile(ANN, at=100)
    client.before["transact_write_items"] = [lambda: members.open_balance("acme", 1, 500, at=150)]
    assert not members.open_balance("acme", 1, 500, at=150)
    opened = members.member("acme", 1)
    assert opened is not None
    assert (opened.balance, opened.lifetime) == (500, 500)


def test_there_is_no_opening_balance_without_a_member(
    members: DynamoDBMembers, client: Interrupted
) -> None:
    with pytest.raises(NotFoundError, match="acme has no member 1"):
        members.open_balance("acme", 1, 500, at=100)
    assert client.scan(TableName="ledger")["Items"] == []
    assert client.scan(TableName="members")["Items"] == []
