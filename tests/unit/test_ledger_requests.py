"""Entries as items and as requests: what DynamoDB is asked to do, to the attribute."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.adapters.ledger_items import entry_item, entry_of
from pointflow.adapters.ledger_requests import (
    Group,
    build_credit_transaction,
    pack,
    plan_lanes,
)
from pointflow.domain.codes import RowCode
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Identifier

FILE = "acme/activities_acme_20260101000000.txt"


def credit(line: int, user_id: int, points: int = 10) -> Entry:
    return Entry(
        identity=f"{FILE}/{line}",
        content="c" * 64,
        decision=Decision.CREDITED,
        recorded_at=1_760_000_000,
        user_id=user_id,
        activity_id=7,
        activity_at=1_750_000_000,
        points=points,
        matched_by=Identifier.EMAIL,
    )


def rejection(line: int) -> Entry:
    return credit(line, 1).rejected(RowCode.ACTIVITY_UNKNOWN)


def build(*groups: Group) -> list[dict[str, Any]]:
    request = build_credit_transaction(
        groups, client_id="acme", ledger_table="Ledger", members_table="Members"
    )
    return [dict(action) for action in request["TransactItems"]]


def test_a_members_rows_fold_into_one_balance_update_after_their_entries() -> None:
    first, second, update = build(Group(42, (credit(1, 42, 10), credit(2, 42, 5))))

    assert first["Put"]["Item"]["identity"] == {"S": f"{FILE}/1"}
    assert second["Put"]["Item"]["identity"] == {"S": f"{FILE}/2"}
    assert update["Update"]["Key"] == {"key": {"S": "acme#M#42"}}
    values = update["Update"]["ExpressionAttributeValues"]
    assert (values[":balance"], values[":lifetime"]) == ({"N": "15"}, {"N": "15"})


def test_only_an_active_member_that_exists_is_credited() -> None:
    _, update = build(Group(42, (credit(1, 42),)))

    assert update["Update"]["ConditionExpression"] == (
        "attribute_exists(#key) AND #status = :active"
    )
    assert update["Update"]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_an_entry_replaces_nothing_but_a_rejection_of_other_content() -> None:
    (put,) = build(Group(None, (rejection(1),)))

    assert put["Put"]["ConditionExpression"] == (
        "attribute_not_exists(#identity) OR (#decision = :rejected AND #content <> :mine)"
    )
    assert put["Put"]["ExpressionAttributeValues"] == {
        ":rejected": {"S": "REJECTED"},
        ":mine": {"S": "c" * 64},
    }
    assert put["Put"]["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_a_rejection_changes_no_balance() -> None:
    assert [list(action) for action in build(Group(None, (rejection(1),)))] == [["Put"]]


def test_only_credits_appear_in_a_members_history() -> None:
    assert entry_item("acme", credit(1, 42))["member"] == {"S": "acme#42"}
    assert "member" not in entry_item("acme", rejection(1))


def test_the_largest_possible_item_stays_under_one_kilobyte() -> None:
    entry = Entry(
        identity=f"{'x' * 32}/activities_{'x' * 32}_20260101000000.txt/{10**12}",
        content="c" * 64,
        decision=Decision.CREDITED,
        recorded_at=10**12,
        user_id=10**18 - 1,
        activity_id=10**18 - 1,
        activity_at=10**12,
        points=10**9,
        matched_by=Identifier.THIRD_PARTY_ID,
        conflict=True,
    )

    item = entry_item("x" * 32, entry)

    assert len(json.dumps(item)) < 1024  # with all its JSON, more than DynamoDB counts


@given(
    st.builds(
        Entry,
        identity=st.text(min_size=1),
        content=st.text(min_size=1),
        decision=st.just(Decision.CREDITED),
        recorded_at=st.integers(0, 10**12),
        user_id=st.integers(1, 10**18),
        activity_id=st.none() | st.integers(1, 10**18),
        activity_at=st.none() | st.integers(0, 10**12),
        points=st.integers(0, 10**9),
        matched_by=st.none() | st.sampled_from(Identifier),
        conflict=st.booleans(),
    ),
    st.none() | st.sampled_from(RowCode),
)
def test_an_entry_reads_back_as_it_was_written(entry: Entry, code: RowCode | None) -> None:
    entry = entry if code is None else entry.rejected(code)

    assert entry_of(entry_item("acme", entry)) == entry


def test_fifty_members_of_one_row_fill_a_transaction() -> None:
    lanes = plan_lanes(credit(line, user_id=line) for line in range(1, 501))

    assert [[len(transaction) for transaction in lane] for lane in lanes] == [[50]] * 10


def test_a_hundred_rejections_fill_a_transaction_of_their_own() -> None:
    lanes = plan_lanes([credit(1, 1), *(rejection(line) for line in range(2, 103))])

    assert [[len(transaction) for transaction in lane] for lane in lanes] == [[1], [100], [1]]


def test_a_member_with_more_rows_than_fit_gets_transactions_one_after_the_other() -> None:
    hot = [credit(line, user_id=1) for line in range(1, 251)]

    long_lane, other = plan_lanes([credit(900, user_id=2), *hot])

    assert [[group.actions for group in transaction] for transaction in long_lane] == [
        [100],
        [100],
        [53],
    ]
    assert [group.user_id for (group,) in long_lane] == [1, 1, 1]
    assert [group.user_id for group in other[0]] == [2]


def test_a_credit_without_a_member_is_a_mistake() -> None:
    nobody = Entry("acme/f/1", "c", Decision.CREDITED, 0)

    with pytest.raises(ValueError, match="names no member"):
        plan_lanes([nobody])


@given(st.lists(st.tuples(st.integers(1, 8) | st.integers(1, 500), st.booleans()), max_size=600))
def test_lanes_hold_every_entry_once_share_no_member_and_keep_the_limit(
    rows: list[tuple[int, bool]],
) -> None:
    entries = [
        credit(line, user_id) if credited else rejection(line)
        for line, (user_id, credited) in enumerate(rows, start=1)
    ]

    lanes = plan_lanes(entries)

    packed = [e for lane in lanes for t in lane for group in t for e in group.entries]
    assert sorted(e.identity for e in packed) == sorted(e.identity for e in entries)
    assert all(
        sum(group.actions for group in transaction) <= 100 for lane in lanes for transaction in lane
    )
    members = [{g.user_id for t in lane for g in t} - {None} for lane in lanes]
    assert sum(map(len, members)) == len(set[int | None]().union(*members))


def test_packing_nothing_makes_no_transaction() -> None:
    assert list(pack([])) == []
    assert plan_lanes([]) == []
