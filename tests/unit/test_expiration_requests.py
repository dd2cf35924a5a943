"""What ExpirationsTable is asked: keys, attributes and the conditions that need no read."""

import zlib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from pointflow.adapters.expiration_items import (
    SHARDS,
    entry_key,
    entry_of_item,
    history_item,
    push_of_item,
    view_item,
    view_of_item,
)
from pointflow.adapters.expiration_requests import (
    put_current,
    put_history,
    query_dated,
    query_shard,
    query_undated,
    update_entry,
)
from pointflow.domain.expiration_view import HistoryPosition, IndexEntry, view_of
from pointflow.domain.push import Expiration, KeyKind, MemberKey, Push, Version
from tests.unit.pushes import ANN, DAY, NOW, body, entry_item, push

DATED = push(body({"2022-05-31": 5}, message_date="2022-05-25T08:00:00-04:00"))
UNDATED = push(body({"2022-05-31": 5}))
DAYS = 400


def names_in(request: dict[str, Any]) -> set[str]:
    return set(request["ExpressionAttributeNames"])


def test_a_dated_push_is_filed_under_its_instant_and_digest() -> None:
    item = history_item(DATED, NOW + 5, DAYS)

    assert item["pk"] == {"S": "acme#U#7"}
    assert item["sk"] == {"S": f"PUSH#00{NOW}#{DATED.digest[:32]}"}
    assert item["received_at"] == {"N": str(NOW + 5)}
    assert item["expires_at"] == {"N": str(NOW // 1000 + DAYS * 86_400)}
    assert item["body"] == {"B": zlib.compress(DATED.body.encode())}


def test_an_undated_push_is_filed_under_its_digest_alone() -> None:
    item = history_item(UNDATED, NOW, DAYS)

    assert item["sk"] == {"S": f"PUSH#-#{UNDATED.digest[:32]}"}
    assert item["instant"] == item["received_at"] == {"N": str(NOW)}
    assert "message_date" not in item


@pytest.mark.parametrize("kept", [DATED, UNDATED])
def test_items_are_read_as_they_were_written(kept: Push) -> None:
    shown = view_of(kept, NOW + DAY)
    archived = push_of_item(history_item(kept, NOW + DAY, DAYS))
    entry = IndexEntry(
        MemberKey("acme", KeyKind.EMAIL, "a#b@example.com"),
        Expiration(date(2022, 5, 31), 2, 3),
        shown.version,
        lowered_at=NOW,
    )

    assert view_of_item(view_item(shown)) == shown
    assert (archived.version, archived.body, archived.message_date) == (
        shown.version,
        kept.body,
        kept.message_date,
    )
    assert entry_of_item(entry_item(entry)) == entry
    assert entry_of_item(entry_item(entry)).lowered_at == NOW
    never = replace(entry, lowered_at=0)
    assert entry_of_item(entry_item(never)).lowered_at == 0


def test_a_push_is_kept_once_and_the_one_on_record_is_answered() -> None:
    request = put_history("t", DATED, NOW, DAYS)

    assert request["ConditionExpression"] == "attribute_not_exists(#pk)"
    assert request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
    assert "ExpressionAttributeValues" not in request


def test_an_undated_push_is_kept_again_after_seven_days() -> None:
    request = put_history("t", UNDATED, NOW, DAYS)

    assert request["ConditionExpression"] == (
        "attribute_not_exists(#pk) OR #received_at <= :forgotten"
    )
    assert request["ExpressionAttributeValues"] == {":forgotten": {"N": str(NOW - 7 * DAY)}}


def test_a_view_is_shown_if_it_is_greater_in_date_then_receipt_then_digest() -> None:
    request = put_current("t", view_of(DATED, NOW))

    assert request["ConditionExpression"] == (
        "attribute_not_exists(#pk) OR (#instant < :instant OR (#instant = :instant AND"
        " (#received_at < :received_at OR (#received_at = :received_at AND #hash < :hash))))"
    )
    assert request["ExpressionAttributeValues"] == {
        ":instant": {"N": str(NOW)},
        ":received_at": {"N": str(NOW)},
        ":hash": {"S": DATED.digest},
    }
    assert names_in(request) == {"#pk", "#instant", "#received_at", "#hash"}


def entry(points: int, day: str = "2022-05-31", user_id: int = 7) -> IndexEntry:
    return IndexEntry(
        MemberKey("acme", KeyKind.USER_ID, str(user_id)),
        Expiration(date.fromisoformat(day), points),
        Version(NOW, NOW, "d"),
    )


def test_only_an_emptied_entry_takes_the_place_of_one_of_its_own_version() -> None:
    assert "#hash < :hash" in update_entry("t", entry(5))["ConditionExpression"]
    assert "#hash <= :hash" in update_entry("t", entry(0))["ConditionExpression"]


def test_when_a_day_was_lowered_outlives_a_push_that_lowers_nothing() -> None:
    lowered = update_entry("t", replace(entry(5), lowered_at=NOW))
    other = update_entry("t", entry(5))

    assert "#lowered_at = :lowered_at" in lowered["UpdateExpression"]
    assert lowered["ExpressionAttributeValues"][":lowered_at"] == {"N": str(NOW)}
    assert "lowered_at" not in other["UpdateExpression"]
    assert names_in(lowered) - names_in(other) == {"#lowered_at"}
    assert other["Key"] == entry_key(entry(5))


def test_a_members_entries_lie_in_one_shard_of_each_month() -> None:
    one, two = entry_item(entry(5)), entry_item(entry(5, "2022-06-30"))

    assert one["pk"]["S"].startswith("acme#2022-05#")
    assert two["pk"]["S"].startswith("acme#2022-06#")
    assert one["pk"]["S"][-2:] == two["pk"]["S"][-2:]
    assert one["sk"] == {"S": "2022-05-31#acme#U#7"}


def test_members_are_spread_over_all_shards() -> None:
    used = {entry_item(entry(5, user_id=user_id))["pk"]["S"] for user_id in range(1_000)}

    assert used == {f"acme#2022-05#{shard:02d}" for shard in range(SHARDS)}


def test_entries_outlive_their_day_and_emptied_ones_their_removal() -> None:
    day = int(datetime(2022, 5, 31, tzinfo=UTC).timestamp())

    assert entry_item(entry(5))["expires_at"] == {"N": str(day + 40 * 86_400)}
    assert entry_item(entry(0))["expires_at"] == {"N": str(NOW // 1000 + 40 * 86_400)}
    late = replace(entry(0), lowered_at=NOW + 9 * DAY)
    assert entry_item(late)["expires_at"] == {"N": str(NOW // 1000 + 49 * 86_400)}


def test_keys_stay_within_what_dynamodb_takes() -> None:
    longest = MemberKey("c" * 32, KeyKind.THIRD_PARTY_ID, "t" * 254)
    item = entry_item(IndexEntry(longest, Expiration(date(2022, 5, 31), 1), Version(1, 1, "d")))

    assert len(item["sk"]["S"]) <= 1_024
    assert len(longest.text) <= 2_048


def test_queries_read_consistently_what_must_be_and_newest_first() -> None:
    whole = query_dated("t", ANN, None, 5)
    below = query_dated("t", ANN, HistoryPosition(7, "ab"), 5)

    assert whole["ExpressionAttributeValues"][":high"] == {"S": "PUSH#;"}
    assert below["ExpressionAttributeValues"][":high"] == {"S": "PUSH#000000000000007#ab"}
    assert (whole["ScanIndexForward"], whole["ConsistentRead"], whole["Limit"]) == (False, True, 5)
    assert query_undated("t", ANN)["ConsistentRead"] is True
    assert query_shard("t", "acme#2022-05#00", "a", "b", 5)["ConsistentRead"] is True
