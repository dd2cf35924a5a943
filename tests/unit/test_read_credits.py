"""A member's credits: in the order of their dates, page by page, each once."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.ledger import Decision, Entry, opening_identity
from pointflow.domain.member import Identifier
from pointflow.services.read_credits import MAX_CREDITS_PAGE, credit_item, read_credits
from tests.fakes.history import FakeHistory

BATCH = "acme/activities_acme_20260101000000.txt"
CREDIT = Entry(
    f"{BATCH}/7",
    "c1",
    Decision.CREDITED,
    recorded_at=1_767_225_600,
    user_id=1,
    activity_id=70,
    activity_at=1_700_000_000,
    points=40,
    matched_by=Identifier.EMAIL,
)


def pages(entries: list[Entry], limit: int) -> list[list[Entry]]:
    found, cursor = [], None
    while True:
        page = read_credits("acme", 1, cursor=cursor, limit=limit, history=FakeHistory(entries))
        found.append(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return found


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 4))
def test_every_credit_is_on_one_page_and_newest_first(dates: list[int], limit: int) -> None:
    entries = [
        replace(CREDIT, identity=f"{BATCH}/{line}", activity_at=at)
        for line, at in enumerate(dates, 1)
    ]

    found = [entry for page in pages(entries, limit) for entry in page]

    assert sorted(found, key=lambda each: each.identity) == sorted(
        entries, key=lambda each: each.identity
    )
    assert [each.activity_at for each in found] == sorted(dates, reverse=True)


def test_a_full_last_page_is_not_followed_by_an_empty_one() -> None:
    entries = [replace(CREDIT, identity=f"{BATCH}/{line}") for line in range(4)]
    assert [len(page) for page in pages(entries, 2)] == [2, 2]


def cursor_of(client_id: str = "acme", user_id: int = 1) -> str:
    told = f"{client_id}#{user_id}:5:{BATCH}/7".encode()
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "\u00e9",
        cursor_of("globex"),
        cursor_of(user_id=2),
        cursor_of() + "A" * 2_000,
        base64.urlsafe_b64encode(b"acme#1:5").decode(),
        base64.urlsafe_b64encode(b"acme#1:-5:x").decode(),
        base64.urlsafe_b64encode(b"\xff").decode(),
    ],
)
def test_a_cursor_of_another_member_or_of_nobody_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="not one that this list gave out"):
        read_credits("acme", 1, cursor=cursor, limit=5, history=FakeHistory([CREDIT]))


@pytest.mark.parametrize("limit", [0, MAX_CREDITS_PAGE + 1])
def test_a_limit_beyond_its_bounds_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        read_credits("acme", 1, cursor=None, limit=limit, history=FakeHistory([]))


def test_a_credit_tells_its_row_and_its_dates() -> None:
    assert credit_item(CREDIT) == {
        "kind": "credit",
        "batch": "activities_acme_20260101000000.txt",
        "line": 7,
        "activity_id": 70,
        "activity_date": "2023-11-14T22:13:20.000Z",
        "points": 40,
        "matched_by": "EMAIL",
        "recorded_at": "2026-01-01T00:00:00.000Z",
    }


def test_an_opening_balance_has_no_row() -> None:
    opening = Entry(
        opening_identity("acme", 1),
        "opening-balance",
        Decision.CREDITED,
        recorded_at=0,
        user_id=1,
        activity_at=0,
        points=500,
    )
    item = credit_item(opening)
    assert (item["kind"], item["batch"], item["line"], item["points"]) == (
        "opening_balance",
        None,
        None,
        500,
    )
