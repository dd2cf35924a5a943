"""Views, history and month index against DynamoDB's own conditions, orders and limits."""

import json
import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, Literal

import pytest
from botocore.exceptions import ReadTimeoutError
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations
from pointflow.adapters.retrying import Backoff
from pointflow.domain.errors import ContentionError
from pointflow.domain.expiration_view import ArchivedPush, ExpirationView, ViewChange
from pointflow.domain.iso_time import utc_text
from pointflow.domain.push import UNDATED_FOR, KeyKind, MemberKey, Push
from pointflow.domain.push_body import MAX_BODY_BYTES, read_push
from pointflow.services.accept_push import Receipt, accept_push
from pointflow.services.project_expirations import project_expirations
from pointflow.services.read_expirations import read_upcoming
from tests.fakes.faults import Faults
from tests.integration.wired import short_way

NOW = 1_653_480_000_000  # 2022-05-25T12:00:00Z
MAY, JULY = date(2022, 5, 1), date(2022, 7, 31)
TIMEOUT = ReadTimeoutError(endpoint_url="https://dynamodb")


def push(
    points: Mapping[str, int], message_date: str | None = None, user_id: int = 7, **more: Any
) -> Push:
    body = {
        "user_id": user_id,
        "message_date": message_date,
        "redemption_period_points_expiration": [
            {"expiration_date": day, "points_expiring": each} for day, each in points.items()
        ],
        **more,
    }
    read = read_push(json.dumps(body).encode(), client_id="acme", received_at=NOW)
    assert isinstance(read, Push), read
    return read


class World:
    """An empty table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self.dynamodb = dynamodb
        self.table = table
        self.store = self.open(dynamodb)

    def open(self, client: Any, seconds: float = 20) -> DynamoDBExpirations:
        return DynamoDBExpirations(
            client, self.table, patience=lambda: Backoff(time.monotonic() + seconds)
        )

    def accept(self, sent: Push, at: int = NOW) -> Receipt:
        return accept_push(sent, received_at=at, store=self.store)

    def current(self, sent: Push) -> ExpirationView:
        shown = self.store.current(sent.member)
        assert shown is not None
        return shown

    def history(self, member: MemberKey, page: int = 50) -> list[ArchivedPush]:
        found: list[ArchivedPush] = []
        while True:
            before = found[-1].position if found else None
            more = self.store.history(member, before, page)
            found += more
            if len(more) < page:
                return found

    def listed(self, first: date = MAY, last: date = JULY) -> dict[tuple[str, str], int]:
        return {
            (each.expiration.day.isoformat(), each.member.value): each.expiration.points
            for each in self.store.entries("acme", first, last)
            if each.expiration.points
        }


@pytest.fixture
def world(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> World:
    # As deployed: what intake calls goes over the wire without botocore's serialisers.
    return World(short_way(dynamodb), tables["ExpirationsTable"])


def test_the_newest_message_date_is_shown_and_all_are_kept(world: World) -> None:
    old, middle, new = (push({"2022-06-30": n}, utc_text(NOW - 10 + n)) for n in (1, 2, 3))

    assert [world.accept(sent, NOW + at) for at, sent in enumerate((middle, old, new, old))] == [
        *(Receipt.STORED, Receipt.STALE, Receipt.STORED, Receipt.DUPLICATE),
    ]
    assert world.current(new).body == new.body
    assert [kept.body for kept in world.history(new.member)] == [new.body, middle.body, old.body]


def test_equal_message_dates_are_put_in_order_by_first_receipt_then_digest(world: World) -> None:
    one, two, three = (push({"2022-06-30": n}, utc_text(NOW)) for n in (1, 2, 3))
    world.accept(one, NOW)
    world.accept(two, NOW + 1)
    world.accept(three, NOW + 1)
    world.accept(one, NOW + 2)

    assert world.current(one).body == max(two, three, key=lambda sent: sent.digest).body


def test_an_undated_push_is_a_repeat_for_seven_days(world: World) -> None:
    first, second = push({"2022-06-30": 1}), push({"2022-06-30": 2})
    world.accept(first, NOW)
    world.accept(second, NOW + 1)

    assert world.accept(first, NOW + UNDATED_FOR - 1) is Receipt.DUPLICATE
    assert world.current(first).body == second.body
    assert world.accept(first, NOW + UNDATED_FOR) is Receipt.STORED
    assert world.current(first).body == first.body


def test_a_duplicate_shows_what_a_crash_left_unshown(world: World) -> None:
    sent = push({"2022-06-30": 1}, utc_text(NOW))
    world.store.archive(sent, NOW)

    assert world.accept(sent, NOW + 99) is Receipt.DUPLICATE
    assert world.current(sent).version.received_at == NOW


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("position", [0, 1])
def test_a_write_whose_answer_is_lost_is_sent_again_and_counts_once(
    world: World, position: int, when: Literal["before", "after"]
) -> None:
    sent = push({"2022-06-30": 1}, utc_text(NOW))
    faults = Faults(position, when, TIMEOUT)
    store = world.open(faults.wrap(world.dynamodb))

    assert accept_push(sent, received_at=NOW, store=store) is Receipt.STORED
    assert faults.calls == ["put_item"] * 3
    assert len(world.history(sent.member)) == 1


def test_a_table_that_stays_away_is_told_to_the_sender(world: World) -> None:
    store = world.open(Faults(0, "before", TIMEOUT).wrap(world.dynamodb), seconds=0)

    with pytest.raises(ContentionError):
        accept_push(push({}), received_at=NOW, store=store)


def test_workers_with_pushes_in_any_order_end_in_the_newest_view_of_each_member(
    world: World,
) -> None:
    rng = random.Random(3)  # noqa: S311 - the same order every time
    sent = [
        push({"2022-06-30": n}, utc_text(NOW - n // 2) if n % 4 else None, user_id=1 + n % 5)
        for n in range(60)
    ]
    deliveries = sent * 3
    rng.shuffle(deliveries)

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda each: world.accept(each[1], NOW + each[0]), enumerate(deliveries))
        )

    assert answers.count(Receipt.DUPLICATE) == 120
    for user_id in range(1, 6):
        member = MemberKey("acme", KeyKind.USER_ID, str(user_id))
        kept = world.history(member, page=5)
        shown = world.store.current(member)
        assert shown is not None
        assert len(kept) == 12
        assert shown.version == max(each.version for each in kept)


def test_dated_and_undated_history_is_one_list_newest_first(world: World) -> None:
    for number in range(20):
        dated = push({"2022-06-30": number}, utc_text(NOW + 2 * number))
        world.accept(dated, NOW + 5_000)
        world.accept(push({"2022-07-31": number}), NOW + 2 * number + 1)
    kept = world.history(dated.member, page=7)

    assert [each.version.instant for each in kept] == list(range(NOW + 39, NOW - 1, -1))


def test_the_longest_body_and_keys_are_stored(world: World) -> None:
    filler = "é" * 5_000 + "\U0001f600"
    sent = push({}, user_id=None, third_party_id="é" * 127, filler=filler)  # type: ignore[arg-type]
    raw = sent.body.ljust(MAX_BODY_BYTES)
    read = read_push(raw.encode(), client_id="c" * 32, received_at=NOW)
    assert isinstance(read, Push)
    world.accept(read)
    change = ViewChange(None, world.current(read))
    project_expirations(change, at=NOW, index=world.store)

    assert world.current(read).body == raw


def test_the_month_index_follows_in_any_order(world: World) -> None:
    rng = random.Random(7)  # noqa: S311 - the same order every time
    changes: list[ViewChange] = []
    newest: dict[int, Push] = {}
    for user_id in range(1, 41):
        shown = None
        for number in range(3):
            days = rng.sample(["2022-05-31", "2022-06-15", "2022-06-30", "2022-07-31"], k=2)
            sent = push(dict.fromkeys(days, number + 1), user_id=user_id)
            world.accept(sent, NOW + number)
            changes.append(ViewChange(shown, world.current(sent)))
            shown, newest[user_id] = world.current(sent), sent
    deliveries = changes + rng.sample(changes, k=40)
    rng.shuffle(deliveries)

    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda change: project_expirations(change, at=NOW, index=world.store), deliveries
            )
        )

    assert world.listed() == {
        (each.day.isoformat(), str(user_id)): each.points
        for user_id, sent in newest.items()
        for each in sent.expirations
    }


def test_upcoming_expirations_are_paged_by_day_and_member_over_shards_and_months(
    world: World,
) -> None:
    for user_id in range(1, 121):
        shown = push({"2022-05-31": user_id, "2022-07-31": 1}, user_id=user_id)
        world.accept(shown)
        project_expirations(ViewChange(None, world.current(shown)), at=NOW, index=world.store)
    pages, cursor = [], None
    while True:
        page = read_upcoming(
            "acme",
            MAY,
            JULY,
            cursor=cursor,
            limit=50,
            now=NOW,
            index=world.store,
            views=world.store,
        )
        pages.append([each.position for each in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert [len(page) for page in pages] == [50, 50, 50, 50, 40]
    everything = [position for page in pages for position in page]
    assert everything == sorted(set(everything))
    assert len(world.listed(date(2022, 5, 31), date(2022, 5, 31))) == 120
    assert world.listed(date(2022, 6, 1), date(2022, 7, 30)) == {}


def test_a_view_that_goes_empties_its_days_for_good(world: World) -> None:
    sent = push({"2022-06-30": 1})
    world.accept(sent)
    shown = world.current(sent)
    for change in (ViewChange(None, shown), ViewChange(shown, None), ViewChange(None, shown)):
        project_expirations(change, at=NOW, index=world.store)

    assert world.listed() == {}
