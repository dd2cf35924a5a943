"""A member's view and history, and everybody's next months, page by page."""

import base64
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.expiration_view import IndexEntry, ViewChange
from pointflow.domain.member import Member
from pointflow.domain.push import Expiration, KeyKind, MemberKey, Version
from pointflow.services.accept_push import accept_push
from pointflow.services.project_expirations import project_expirations
from pointflow.services.read_expirations import (
    MAX_EXAMINED,
    MAX_HISTORY_CHARACTERS,
    MAX_HISTORY_PAGE,
    MAX_PAGE,
    Page,
    history_item,
    read_current,
    read_history,
    read_upcoming,
    upcoming_item,
)
from tests.fakes.member_directory import FakeMembers
from tests.fakes.push_store import FakeExpirations
from tests.unit.pushes import ANN, DAY, NOW, body, push, view

MAY, JULY = date(2022, 5, 1), date(2022, 7, 31)
MEMBERS = FakeMembers(
    [
        Member("acme", 7, email="ann@example.com", third_party_id="shared"),
        Member("acme", 8, email="bob@example.com", third_party_id="shared"),
    ]
)


def key(kind: KeyKind, value: str) -> MemberKey:
    return MemberKey("acme", kind, value)


def world_of(*raws: bytes) -> FakeExpirations:
    """Everything accepted a day apart and projected."""
    store = FakeExpirations()
    for number, raw in enumerate(raws):
        accept_push(push(raw), received_at=NOW + number * DAY, store=store)
    for change in store.changes:
        project_expirations(change, at=NOW, index=store)
    return store


# --- One member ---------------------------------------------------------------------------------


def by_email(points: int) -> bytes:
    return body({"2022-06-30": points}, user_id=None, email_address="Ann@example.com")


def by_third_party_id(points: int) -> bytes:
    return body({"2022-06-30": points}, user_id=None, third_party_id="shared")


def current_points(store: FakeExpirations, user_id: int = 7) -> int | None:
    shown = read_current("acme", user_id, views=store, members=MEMBERS)
    return shown.expirations[0].points if shown else None


def test_the_view_under_the_user_id_is_shown() -> None:
    assert current_points(world_of(body({"2022-06-30": 5}))) == 5


def test_views_under_email_and_third_party_id_are_the_members_too_and_the_newest_wins() -> None:
    assert current_points(world_of(by_email(2))) == 2
    assert current_points(world_of(body({"2022-06-30": 1}), by_email(2))) == 2
    assert current_points(world_of(by_email(2), body({"2022-06-30": 1}))) == 1
    assert current_points(world_of(by_email(2), by_third_party_id(3))) == 3


def test_a_shared_third_party_id_means_its_lowest_holder() -> None:
    store = world_of(by_third_party_id(3))

    assert (current_points(store, 7), current_points(store, 8)) == (3, None)


def test_whom_the_directory_does_not_know_has_the_view_under_the_user_id() -> None:
    assert current_points(world_of(body({"2022-06-30": 5}, user_id=99)), 99) == 5


def test_there_may_be_no_view() -> None:
    store = world_of(body({"2022-06-30": 5}))

    assert current_points(store, 8) is None
    assert read_current("other", 7, views=store, members=MEMBERS) is None


def history(store: FakeExpirations, cursor: str | None = None, limit: int = 2) -> Page[Any]:
    return read_history("acme", 7, cursor=cursor, limit=limit, views=store, members=MEMBERS)


def test_history_is_listed_newest_first_over_all_of_a_members_keys_and_pages() -> None:
    store = world_of(
        body({"2022-06-30": 1}),
        by_email(2),
        body({"2022-06-30": 3}, message_date="2022-05-25T12:00:00.001Z"),
        by_third_party_id(4),
        body({"2022-06-30": 5}),
    )
    pages, cursor = [], None
    while True:
        page = history(store, cursor)
        pages.append([each.document() for each in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    points = [
        each["redemption_period_points_expiration"][0]["points_expiring"]
        for page in pages
        for each in page
    ]
    assert points == [5, 4, 2, 3, 1]
    assert [len(page) for page in pages] == [2, 2, 1]


def test_a_page_of_long_bodies_is_cut_short_and_goes_on_from_there() -> None:
    store = world_of(*(body({"2022-06-30": n}, filler="é" * 25_000) for n in range(1, 46)))
    told: list[int] = []
    cursor = None
    while True:
        page = history(store, cursor, limit=50)
        assert 0 < sum(len(each.body) for each in page.items) <= MAX_HISTORY_CHARACTERS
        told += [
            each.document()["redemption_period_points_expiration"][0]["points_expiring"]
            for each in page.items
        ]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert told == list(range(45, 0, -1))


def test_a_history_that_fits_one_page_has_no_next() -> None:
    store = world_of(body({"2022-06-30": 1}), body({"2022-06-30": 2}))

    assert history(store, limit=2).next_cursor is None
    assert history(FakeExpirations()).items == []


def test_a_history_longer_than_a_page_goes_on_though_one_key_holds_all_of_it() -> None:
    store = world_of(*(body({"2022-06-30": points}) for points in (1, 2, 3)))
    first = history(store, limit=2)

    assert first.next_cursor is not None
    assert len(history(store, first.next_cursor, limit=2).items) == 1


def test_a_history_item_tells_the_push_and_when_it_came() -> None:
    (kept,) = history(world_of(body({}, message_date="2022-05-25T08:00:00-04:00"))).items

    assert history_item(kept) == {
        "message_date": "2022-05-25T08:00:00-04:00",
        "received_at": "2022-05-25T12:00:00.000Z",
        "push": {
            "user_id": 7,
            "message_date": "2022-05-25T08:00:00-04:00",
            "redemption_period_points_expiration": [],
        },
    }


@pytest.mark.parametrize(
    "cursor", ["", "7", "7-", "-" + "a" * 32, "7-" + "g" * 32, "٣-" + "a" * 32, "7-" + "a" * 33]
)
def test_a_history_cursor_of_ones_own_making_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        history(FakeExpirations(), cursor)


# --- Everybody ----------------------------------------------------------------------------------


def upcoming(index: FakeExpirations, **changes: Any) -> Page[IndexEntry]:
    asked: dict[str, Any] = {
        "min_points": 1,
        "cursor": None,
        "limit": 100,
        "now": NOW + DAY,
        "views": index,
        **changes,
    }
    first, last = asked.pop("first", MAY), asked.pop("last", JULY)
    return read_upcoming("acme", first, last, index=index, **asked)


def listed(page: Page[IndexEntry]) -> list[tuple[str, str, int]]:
    return [
        (each.expiration.day.isoformat(), each.member.value, each.expiration.points)
        for each in page.items
    ]


def test_upcoming_expirations_come_soonest_first_within_the_days_asked() -> None:
    index = world_of(
        body({"2022-07-31": 1, "2022-05-31": 2, "2022-08-01": 3}),
        body({"2022-05-31": 4}, user_id=8),
    )

    assert listed(upcoming(index)) == [
        ("2022-05-31", "7", 2),
        ("2022-05-31", "8", 4),
        ("2022-07-31", "7", 1),
    ]
    assert len(upcoming(index, last=date(2022, 8, 1)).items) == 4
    assert len(upcoming(index, first=date(2022, 5, 31), last=date(2022, 5, 31)).items) == 2


def test_expirations_that_were_taken_back_are_not_listed() -> None:
    index = world_of(body({"2022-06-30": 1}), body({"2022-07-31": 1}))

    assert listed(upcoming(index)) == [("2022-07-31", "7", 1)]


def test_only_days_with_enough_points_are_listed() -> None:
    index = world_of(body({"2022-05-31": 99, "2022-06-30": 100}))

    assert listed(upcoming(index, min_points=100)) == [("2022-06-30", "7", 100)]


@given(st.integers(0, 12), st.integers(1, 5), st.integers(1, 3))
def test_pages_together_are_the_list(members: int, limit: int, min_points: int) -> None:
    index = FakeExpirations()
    for user_id in range(members):
        shown = view(
            {"2022-05-31": 1 + user_id % 3, "2022-06-30": 2},
            member=key(KeyKind.EMAIL, f"{user_id}#é@example.com"),
        )
        project_expirations(ViewChange(None, shown), at=NOW, index=index)
    whole = listed(upcoming(index, min_points=min_points))

    pages, cursor = [], None
    while True:
        page = upcoming(index, limit=limit, cursor=cursor, min_points=min_points)
        pages += listed(page)
        cursor = page.next_cursor
        if cursor is None:
            break

    assert pages == whole


def test_a_page_that_finds_little_ends_all_the_same_and_goes_on_from_there() -> None:
    index = FakeExpirations()
    for user_id in range(MAX_EXAMINED + 1):
        points = 500 if user_id == MAX_EXAMINED else 1
        index.record(
            IndexEntry(
                key(KeyKind.USER_ID, f"{user_id:06d}"),
                Expiration(date(2022, 5, 31), points),
                Version(NOW, NOW, "d"),
            )
        )
    first = upcoming(index, min_points=500)

    assert first.items == []
    assert first.next_cursor is not None
    assert len(upcoming(index, min_points=500, cursor=first.next_cursor).items) == 1


@pytest.mark.parametrize("first_page", [1, 2])
def test_what_moves_to_an_earlier_day_between_pages_is_not_missed(first_page: int) -> None:
    index = world_of(
        body({"2022-05-30": 1}, user_id=1),
        body({"2022-06-10": 2}, user_id=2),
        body({"2022-06-30": 3}),
    )
    begun = upcoming(index, limit=first_page)
    accept_push(push(body({"2022-05-31": 3})), received_at=NOW + 3 * DAY, store=index)
    project_expirations(index.changes[-1], at=NOW + 3 * DAY, index=index)

    rest = upcoming(index, cursor=begun.next_cursor, now=NOW + 9 * DAY)

    assert ("2022-05-31", "7", 3) in listed(rest)
    assert listed(upcoming(index, now=NOW + 9 * DAY)).count(("2022-05-31", "7", 3)) == 1


def test_what_has_moved_and_is_too_little_is_not_listed() -> None:
    index = world_of(body({"2022-05-31": 5}, user_id=1), body({"2022-06-30": 5}))
    begun = upcoming(index, limit=1, min_points=5)
    accept_push(push(body({"2022-05-30": 4})), received_at=NOW + 3 * DAY, store=index)
    project_expirations(index.changes[-1], at=NOW + 3 * DAY, index=index)

    assert listed(upcoming(index, cursor=begun.next_cursor, min_points=5)) == []


def test_what_comes_ahead_of_the_cursor_is_found() -> None:
    index = world_of(body({"2022-05-31": 1, "2022-06-30": 1, "2022-07-31": 1}))
    first = upcoming(index, limit=1)
    other = view({"2022-06-15": 9}, member=key(KeyKind.USER_ID, "8"))
    project_expirations(ViewChange(None, other), at=NOW, index=index)

    rest = upcoming(index, cursor=first.next_cursor)

    assert [day for day, _, _ in listed(rest)] == ["2022-06-15", "2022-06-30", "2022-07-31"]


def test_members_whose_next_month_has_passed_without_a_push_are_answered_from_the_same_push() -> (
    None
):
    index = world_of(body({"2022-05-31": 1, "2022-06-30": 2, "2022-07-31": 3}))
    later = NOW + 20 * DAY  # 14 June: no push since May

    assert listed(upcoming(index, first=date(2022, 6, 14), now=later)) == [
        ("2022-06-30", "7", 2),
        ("2022-07-31", "7", 3),
    ]
    shown = read_current("acme", 7, views=index, members=MEMBERS)
    assert shown is not None
    nearest = shown.next_expiration(date(2022, 6, 14))
    assert nearest is not None
    assert (nearest.day, nearest.points) == (date(2022, 6, 30), 2)


def test_a_list_that_was_begun_too_long_ago_has_to_be_begun_again() -> None:
    index = world_of(body({"2022-05-31": 1, "2022-06-30": 2}))
    cursor = upcoming(index, limit=1).next_cursor

    assert upcoming(index, cursor=cursor, now=NOW + 30 * DAY).items
    with pytest.raises(ValueError, match="too old"):
        upcoming(index, cursor=cursor, now=NOW + 32 * DAY)


def encoded(position: str, begun: str = str(NOW)) -> str:
    return base64.urlsafe_b64encode(f"{begun}:{position}".encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "%", "é", "AAAA", encoded("2022-05-31"), encoded("2022-05-31#acme#X#7")),
        encoded("2022-05-31#other#U#7"),
        encoded("2022-05-31#acme#U#7", begun=""),
        encoded("2022-05-31#acme#U#7", begun="-5"),
        encoded("2022-05-31#acme#U#7", begun="5\n"),
        encoded("2022-04-30#acme#U#7"),
        encoded("2022-08-01#acme#U#7"),
        encoded("2022-05-31#acme#E#" + "a" * 2_000),
        # Few characters, but more bytes than a sort key may have.
        encoded("2022-05-31#acme#E#" + "\U0001f600" * 400),
        encoded("20220531#acme#U#7"),
        encoded("2022-W22-2#acme#U#7"),
        encoded("2022-05-32#acme#U#7"),
        encoded("2022-05-31#acme#U#7", begun=str(NOW + 3 * DAY)),
        encoded("2022-05-31#acme#U#7", begun="5"),
        encoded("2022-05-31#acme#U#7") + "\n",
    ],
)
def test_an_index_cursor_of_ones_own_making_or_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        upcoming(FakeExpirations(), cursor=cursor)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": MAX_PAGE + 1}, "limit"),
        ({"min_points": 0}, "min_points"),
        ({"first": JULY, "last": MAY}, "to must"),
        ({"last": date(2024, 5, 4)}, "to must"),
    ],
)
def test_parameters_out_of_range_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        upcoming(FakeExpirations(), **changes)


def test_a_history_page_is_bounded() -> None:
    with pytest.raises(ValueError, match="limit"):
        history(FakeExpirations(), limit=MAX_HISTORY_PAGE + 1)


@pytest.mark.parametrize(
    ("member", "named"),
    [
        (ANN, (7, None, None)),
        (key(KeyKind.EMAIL, "ann@example.com"), (None, "ann@example.com", None)),
        (key(KeyKind.THIRD_PARTY_ID, "12"), (None, None, "12")),
    ],
)
def test_an_upcoming_item_names_the_member_as_the_push_did(
    member: MemberKey, named: tuple[Any, ...]
) -> None:
    entry = IndexEntry(member, Expiration(date(2022, 5, 31), 2, 3), Version(1, 1, "d"))
    item = upcoming_item(entry)

    assert (item["user_id"], item["email_address"], item["third_party_id"]) == named
    assert item["expiration_date"] == "2022-05-31"
    assert (item["points_expiring"], item["redemption_points"], item["inactivity_points"]) == (
        *(5, 2, 3),
    )


def test_a_page_is_told_as_items_and_cursor() -> None:
    assert Page([{"a": 1}], None).document() == {"items": [{"a": 1}], "next_cursor": None}
