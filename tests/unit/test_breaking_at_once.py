"""Several workers at a time, on a DynamoDB that answers conflicts: every row is credited once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pointflow.domain.activity import Activity
from pointflow.domain.client import DuplicateContent
from pointflow.domain.member import Member
from pointflow.domain.submission import Status
from pointflow.services.receive_upload import Limits
from tests.fakes.programme import CLIENT, Programme, memory_dynamodb, name_of

SLOW = 0.002
"""Seconds a transaction holds its items: long enough for others to meet it."""


def programme(
    rows: int = 24,
    duplicates: DuplicateContent = DuplicateContent.HOLD,
    limits: Limits | None = None,
) -> tuple[Programme, list[str]]:
    """Six members; every other row is of the first of them."""
    made = Programme(
        memory_dynamodb(SLOW), duplicates=duplicates, limits=limits or Limits(96, 2, 1_000)
    )
    made.fill(
        [Member(CLIENT, number, email=f"m{number}@x") for number in range(1, 7)],
        [Activity(CLIENT, 7, default_points=50)],
    )
    lines = [f"m{1 if line % 2 else 1 + line % 6}@x||||7|{line}" for line in range(1, rows + 1)]
    return made, lines


def all_points(made: Programme) -> int:
    return sum(made.balance(number) for number in range(1, 7))


def proved(made: Programme) -> bool:
    found = made.verify()
    return (found.drifts, found.errors, found.round_.moving) == ((), (), 0)


def test_the_same_message_with_two_workers_at_the_same_moment_counts_once() -> None:
    made, rows = programme()
    made.upload(rows)
    worker = made.worker()
    while any(each.queue != "chunks" for each in made.queues.waiting):
        delivery = made.queues.waiting.popleft()
        if delivery.queue == "chunks":
            made.queues.waiting.append(delivery)
        else:
            made.deliver(delivery, worker)
    chunks = list(made.queues.waiting)
    made.queues.waiting.clear()
    assert len(chunks) >= 12
    workers = [made.worker(), made.worker()]
    with ThreadPoolExecutor(2) as pool:
        for chunk in chunks:
            list(pool.map(lambda each, chunk=chunk: made.deliver(chunk, each), workers))
    made.run()

    assert all_points(made) == sum(range(1, 25))
    tally = made.submission().tally
    assert (tally.rows, tally.credited, tally.points) == (24, 24, sum(range(1, 25)))
    assert proved(made)


@pytest.mark.parametrize("workers", [2, 6])
def test_a_hot_member_in_every_chunk_is_credited_for_each_row(workers: int) -> None:
    made, rows = programme(48)
    made.upload(rows)

    made.run_at_once(workers)

    assert made.submission().status is Status.COMPLETED
    assert made.dynamodb.conflicts_answered > 0
    assert all_points(made) == sum(range(1, 49))
    assert proved(made)


def test_a_member_in_every_row_of_the_file_is_credited_for_each() -> None:
    made, _ = programme(limits=Limits(1_000, 20, 10_000))
    made.upload([f"m1@x||||7|{line}" for line in range(1, 201)])

    made.run_at_once(6)

    assert made.balance(1) == sum(range(1, 201))
    assert proved(made)


@pytest.mark.parametrize("duplicates", list(DuplicateContent))
def test_one_file_uploaded_five_times_at_once_is_credited_once(
    duplicates: DuplicateContent,
) -> None:
    made, rows = programme(duplicates=duplicates)
    for version in range(5):
        made.announce(made.upload(rows, version=f"v{version}"))

    made.run_at_once(5)

    statuses = sorted(made.submission(version=f"v{version}").status for version in range(5))
    assert statuses == [Status.COMPLETED, *[Status.DUPLICATE] * 4]
    assert all_points(made) == sum(range(1, 25))
    assert proved(made)


def test_one_content_under_five_names_at_once_is_credited_once_and_held_four_times() -> None:
    made, rows = programme()
    for number in range(5):
        made.upload(rows, name=name_of(number))

    made.run_at_once(5)

    statuses = sorted(made.submission(name_of(number)).status for number in range(5))
    assert statuses == [Status.COMPLETED, *[Status.HELD] * 4]
    assert all_points(made) == sum(range(1, 25))
    assert proved(made)


def test_an_import_at_the_same_time_takes_nothing_away() -> None:
    made, rows = programme(48)
    made.upload(rows)

    def import_again(number: int) -> None:
        made.members.save_profile(
            Member(CLIENT, number, email=f"m{number}@x", username=f"u{number}"), 5
        )
        assert made.members.open_balance(CLIENT, number, 1_000, 5)
        assert not made.members.open_balance(CLIENT, number, 1_000, 5)

    with ThreadPoolExecutor(3) as pool:
        crediting = pool.submit(made.run_at_once, 4)
        list(pool.map(import_again, range(1, 7)))
        crediting.result()

    assert all_points(made) == sum(range(1, 49)) + 6_000
    assert proved(made)
