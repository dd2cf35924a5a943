"""What a view shows, and what a change of it means for the month index."""

import json
from datetime import date

import pytest

from pointflow.domain.expiration_view import ArchivedPush, ViewChange, document_of, index_entries
from tests.unit.pushes import ANN, DAY, NOW, push, view


def entries(change: ViewChange) -> dict[str, int]:
    return {
        entry.expiration.day.isoformat(): entry.expiration.points
        for entry in index_entries(change, NOW)
    }


def test_every_day_of_the_new_view_is_written_and_what_is_gone_is_emptied() -> None:
    old = view({"2022-05-31": 1, "2022-06-30": 2}, NOW)
    new = view({"2022-06-30": 2, "2022-07-31": 3}, NOW + DAY)
    change = ViewChange(old, new)

    assert entries(change) == {"2022-05-31": 0, "2022-06-30": 2, "2022-07-31": 3}
    assert {entry.version for entry in index_entries(change, NOW)} == {new.version}


def test_a_first_view_writes_its_days_and_a_view_that_goes_empties_them() -> None:
    only = view({"2022-05-31": 1})

    assert entries(ViewChange(None, only)) == {"2022-05-31": 1}
    assert entries(ViewChange(only, None)) == {"2022-05-31": 0}
    assert entries(ViewChange(None, None)) == {}


def test_the_next_expiration_is_the_first_from_today_on() -> None:
    shown = view({"2022-05-31": 1, "2022-06-30": 2})

    nearest = shown.next_expiration(date(2022, 5, 31))
    assert nearest is not None
    assert nearest.points == 1
    later = shown.next_expiration(date(2022, 6, 1))
    assert later is not None
    assert later.points == 2
    assert shown.next_expiration(date(2022, 7, 1)) is None


def test_a_document_has_the_documented_names_and_types_and_keeps_what_is_unknown() -> None:
    sent = {
        "user_id": "007",
        "email_address": " ",
        "third_party_id": 12322,
        "message_date": None,
        "tier": {"name": "gold", "limit": None},
        "redemption_period_point_expired": [
            {"points_expiring": "05", "points_redeemed": None, "expiration_date": "2022-05-31"}
        ],
        "inactivity_points_expiration": [{"points_expiring": 1, "note": "7"}],
    }

    assert document_of(json.dumps(sent)) == {
        "user_id": 7,
        "third_party_id": "12322",
        "tier": {"name": "gold", "limit": None},
        "redemption_period_points_expiration": [
            {"points_expiring": 5, "expiration_date": "2022-05-31"}
        ],
        "inactivity_points_expiration": [{"points_expiring": 1, "note": "7"}],
    }


@pytest.mark.parametrize("anything", ["²", "9" * 5_000, "07", [1]])
def test_a_name_of_the_other_array_holds_anything_and_is_kept_as_sent(anything: object) -> None:
    day = {"expiration_date": "2022-05-31", "points_expiring": 1}
    sent = {
        "user_id": 7,
        "redemption_period_points_expiration": [{**day, "days_until_expiry": anything}],
        "inactivity_points_expiration": [{**day, "points_redeemed": anything}],
    }

    assert push(json.dumps(sent).encode())
    assert document_of(json.dumps(sent)) == sent


def test_the_document_of_a_view_is_that_of_its_body() -> None:
    shown = view({"2022-05-31": 1})
    kept = ArchivedPush(ANN, shown.version, None, shown.body)

    assert shown.document() == kept.document() == document_of(shown.body)


@pytest.mark.parametrize("days", [{}, {"2022-05-31": 5}])
def test_a_document_can_be_pushed_again_and_means_the_same(days: dict[str, int]) -> None:
    shown = view(days)

    assert document_of(json.dumps(shown.document())) == shown.document()
