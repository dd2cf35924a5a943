"""Clients and activities in DynamoDB, and what a container remembers of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointflow.adapters.batch_get import batch_get
from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.retrying import Backoff
from pointflow.domain.activity import Activity
from pointflow.domain.client import Client, DuplicateContent, Matching
from pointflow.domain.errors import ContentionError
from pointflow.domain.expectation import Expectation
from tests.fakes.catalog import FakeCatalog
from tests.unit.moto_tables import moto_tables

ACME = Client("acme", "Acme Rewards", Matching.STRICT, DuplicateContent.CREDIT)
VISIT = Activity("acme", 7, default_points=50, name="Visit", starts_at=-10, ends_at=99)
SIGN_UP = Activity("acme", 8, default_points=0)


@pytest.fixture
def catalog() -> Iterator[DynamoDBCatalog]:
    with moto_tables() as client:
        yield DynamoDBCatalog(client, "catalog")


def test_a_client_is_read_as_it_was_put(catalog: DynamoDBCatalog) -> None:
    assert catalog.client("acme") is None
    catalog.put_client(Client("acme"))
    assert catalog.client("acme") == Client("acme")
    catalog.put_client(ACME)
    assert catalog.client("acme") == ACME


def test_clients_are_listed_by_id_without_their_activities(catalog: DynamoDBCatalog) -> None:
    catalog.put_client(Client("globex"))
    catalog.put_client(ACME)
    catalog.put_activity(VISIT)
    assert list(catalog.clients()) == [ACME, Client("globex")]


def test_whose_files_are_waited_for_follows_the_settings(catalog: DynamoDBCatalog) -> None:
    daily = Client("daily", expects=Expectation(390))
    mondays = Client("mondays", "Monday Club", expects=Expectation(0, frozenset({0})))
    for client in (mondays, ACME, daily):
        catalog.put_client(client)
    assert list(catalog.expecting()) == [daily, mondays]
    assert catalog.client("mondays") == mondays

    catalog.put_client(Client("daily"))
    assert list(catalog.expecting()) == [mondays]
    assert list(catalog.clients()) == [ACME, Client("daily"), mondays]


def test_activities_that_exist_are_read_however_many_are_asked(catalog: DynamoDBCatalog) -> None:
    catalog.put_activity(VISIT)
    catalog.put_activity(SIGN_UP)
    catalog.put_activity(Activity("globex", 9, default_points=1))
    assert catalog.activities("acme", []) == {}
    assert catalog.activities("acme", [*range(1, 300), 7]) == {7: VISIT, 8: SIGN_UP}


class Answering:
    """A DynamoDB client that answers BatchGetItem from a script, and keeps the requests."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[list[str]] = []

    def batch_get_item(self, **request: Any) -> Any:
        asked = request["RequestItems"]["table"]
        assert asked["ConsistentRead"]
        keys = asked["Keys"]
        self.asked.append([key["key"]["S"] for key in keys])
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        left = keys[answer:]
        unprocessed = {"UnprocessedKeys": {"table": {"Keys": left}}} if left else {}
        return {"Responses": {"table": keys[:answer]}, **unprocessed}


def read_all(client: Answering, count: int, seconds: float = 60) -> list[str]:
    now = 0.0

    def sleep(duration: float) -> None:
        nonlocal now
        now += duration

    def patience() -> Backoff:
        return Backoff(seconds, uniform=lambda _a, b: b, sleep=sleep, monotonic=lambda: now)

    keys = [{"key": {"S": str(number)}} for number in range(count)]
    found = batch_get(client, "table", keys, ("key",), patience)  # type: ignore[arg-type]
    return [item["key"]["S"] for item in found]


def test_keys_left_unprocessed_are_asked_again_until_none_is_left() -> None:
    client = Answering(60, 0, 40, 20)
    assert read_all(client, 120) == [str(number) for number in range(120)]
    assert [len(asked) for asked in client.asked] == [100, 40, 40, 20]


def test_a_throttled_read_is_repeated() -> None:
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "x")
    client = Answering(throttled, 3)
    assert read_all(client, 3) == ["0", "1", "2"]


def test_keys_still_unprocessed_at_the_deadline_are_never_taken_for_absent() -> None:
    with pytest.raises(ContentionError, match="1 keys unprocessed"):
        read_all(Answering(2, *[0] * 100), 3, seconds=5)


def test_a_read_that_is_refused_is_not_repeated() -> None:
    refused = ClientError({"Error": {"Code": "ValidationException", "Message": ""}}, "x")
    client = Answering(refused)
    with pytest.raises(ClientError, match="ValidationException"):
        read_all(client, 3)
    assert len(client.asked) == 1


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_what_exists_is_read_once_a_minute() -> None:
    clock, catalog = Clock(), FakeCatalog([ACME], [VISIT])
    cached = CachedCatalog(catalog, monotonic=clock)
    for _ in range(3):
        assert cached.client("acme") == ACME
        assert cached.activities("acme", {7}) == {7: VISIT}
    assert (len(catalog.client_reads), len(catalog.activity_reads)) == (1, 1)
    changed = Activity("acme", 7, default_points=75)
    catalog.put_activity(changed)
    catalog.put_client(Client("acme"))
    clock.now += 59
    assert cached.activities("acme", {7}) == {7: VISIT}
    clock.now += 1
    assert cached.activities("acme", {7}) == {7: changed}
    assert cached.client("acme") == Client("acme")


def test_what_was_just_added_is_known_at_once() -> None:
    catalog = FakeCatalog()
    cached = CachedCatalog(catalog, monotonic=Clock())
    assert cached.client("acme") is None
    assert cached.activities("acme", {7, 8}) == {}
    catalog.put_client(ACME)
    catalog.put_activity(VISIT)
    assert cached.client("acme") == ACME
    assert cached.activities("acme", {7, 8}) == {7: VISIT}


def test_only_what_is_not_remembered_is_read() -> None:
    catalog = FakeCatalog([], [VISIT, SIGN_UP])
    cached = CachedCatalog(catalog, monotonic=Clock())
    cached.activities("acme", {7})
    assert cached.activities("acme", {7, 8, 9}) == {7: VISIT, 8: SIGN_UP}
    assert catalog.activity_reads == [{7}, {8, 9}]


def test_one_clients_activities_are_not_anothers() -> None:
    cached = CachedCatalog(FakeCatalog([], [VISIT]), monotonic=Clock())
    assert cached.activities("acme", {7}) == {7: VISIT}
    assert cached.activities("globex", {7}) == {}


def test_a_fresh_reading_passes_what_is_remembered_by_and_is_remembered_itself() -> None:
    catalog = FakeCatalog([], [VISIT, SIGN_UP])
    cached = CachedCatalog(catalog, monotonic=Clock())
    cached.activities("acme", {7, 8})
    changed = Activity("acme", 7, default_points=75)
    catalog.put_activity(changed)
    assert cached.activities("acme", {7}) == {7: VISIT}
    assert cached.activities("acme", {7}, fresh=True) == {7: changed}
    assert cached.activities("acme", {7, 8}) == {7: changed, 8: SIGN_UP}
    assert catalog.activity_reads == [{7, 8}, {7}]
