"""The ledger against a transaction server with DynamoDB's conflicts, throttles and reasons."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.adapters.dynamodb_ledger import DynamoDBLedger, Waiting
from pointflow.adapters.ledger_items import entry_item, entry_of
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import ContentionError, EntryMismatchError, EntryRefusedError
from pointflow.domain.ledger import Decision, Entry
from tests.fakes.dynamodb_transactions import TransactingDynamoDB, client_error
from tests.fakes.faults import Faults, WorkerKilled, every_fault

FILE = "acme/activities_acme_20260101000000.txt"
TIMEOUT = ReadTimeoutError(endpoint_url="https://dynamodb")


def credit(line: int, user_id: int, points: int = 10, content: str = "mine") -> Entry:
    return Entry(
        f"{FILE}/{line}", content, Decision.CREDITED, 1_000, user_id, 7, 900, points=points
    )


class Clock:
    """Time that only passes while somebody waits; always the longest wait that is allowed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    @property
    def waiting(self) -> Waiting:
        return Waiting(uniform=lambda _, longest: longest, sleep=self.sleep, monotonic=self.time)

    def time(self) -> float:
        return self.now


class World:
    """Tables with members 1..n, and a ledger on them."""

    def __init__(self, members: int = 120) -> None:
        self.clock = Clock()
        self.dynamodb = TransactingDynamoDB({"Ledger": "identity", "Members": "key"})
        for user_id in range(1, members + 1):
            self.member(user_id)
        self.ledger = self.open_ledger(self.dynamodb)

    def open_ledger(self, client: Any, workers: int = 4) -> DynamoDBLedger:
        return DynamoDBLedger(
            cast("DynamoDBClient", client),
            "Ledger",
            "Members",
            workers=workers,
            waiting=self.clock.waiting,
        )

    def member(self, user_id: int, status: str = "active") -> None:
        self.dynamodb.put(
            "Members",
            {
                "key": {"S": f"acme#M#{user_id}"},
                "status": {"S": status},
                "balance": {"N": "0"},
                "lifetime": {"N": "0"},
            },
        )

    def record(self, *entries: Entry, deadline: float = 30.0) -> list[Entry]:
        return self.ledger.record("acme", entries, deadline)

    def balance(self, user_id: int) -> int:
        account = self.dynamodb.tables["Members"][f"acme#M#{user_id}"]
        assert account["balance"] == account["lifetime"]
        return int(account["balance"]["N"])

    @property
    def entries(self) -> dict[str, Entry]:
        items = self.dynamodb.tables["Ledger"].values()
        return {item["identity"]["S"].removeprefix(f"{FILE}/"): entry_of(item) for item in items}

    def state(self) -> Any:
        return self.dynamodb.tables


@pytest.fixture
def world() -> World:
    return World()


def decision(entry: Entry) -> RowCode | int:
    """A rejection's code, or a credit's points."""
    return entry.points if entry.code is None else entry.code


def test_entry_balance_and_lifetime_change_together(world: World) -> None:
    stands = world.record(credit(1, 1, 10), credit(2, 2, 0), credit(3, 1, 5))

    assert stands == [credit(1, 1, 10), credit(2, 2, 0), credit(3, 1, 5)]
    assert (world.balance(1), world.balance(2)) == (15, 0)
    assert len(world.dynamodb.requests) == 1


def test_a_second_delivery_finds_its_own_entries_and_changes_nothing(world: World) -> None:
    rows = [credit(line, line) for line in range(1, 121)]
    world.record(*rows)

    again = world.record(*(credit(line, line, points=999) for line in range(1, 121)))

    assert again == rows
    assert {world.balance(user_id) for user_id in range(1, 121)} == {10}


def test_a_retry_that_finds_another_member_cannot_credit_twice(world: World) -> None:
    world.record(credit(1, 1))

    assert world.record(credit(1, 2)) == [credit(1, 1)]
    assert (world.balance(1), world.balance(2)) == (10, 0)


def test_rows_that_stand_leave_the_transaction_and_the_others_are_credited(world: World) -> None:
    world.record(credit(1, 1), credit(2, 2))

    world.record(credit(1, 1), credit(2, 2), credit(3, 1), credit(4, 3))

    assert [world.balance(user_id) for user_id in (1, 2, 3)] == [20, 10, 10]


def test_an_absent_member_rejects_its_rows_alone_and_for_good(world: World) -> None:
    stands = world.record(credit(1, 999), credit(2, 1), credit(3, 999))

    assert [decision(entry) for entry in stands] == [
        RowCode.MEMBER_NOT_FOUND,
        10,
        RowCode.MEMBER_NOT_FOUND,
    ]
    world.member(999)
    assert world.record(credit(1, 999)) == [stands[0]]
    assert world.balance(999) == 0


def test_a_member_who_became_inactive_is_rejected(world: World) -> None:
    world.member(5, status="inactive")

    stands = world.record(credit(1, 5), credit(2, 6))

    assert [decision(entry) for entry in stands] == [RowCode.MEMBER_INACTIVE, 10]
    assert (world.balance(5), world.balance(6)) == (0, 10)


def test_an_absent_member_with_many_rows_is_rejected_row_by_row(world: World) -> None:
    stands = world.record(*(credit(line, 999) for line in range(1, 251)))

    assert {decision(entry) for entry in stands} == {RowCode.MEMBER_NOT_FOUND}
    assert len(world.entries) == 250


def test_a_member_who_is_active_again_by_then_is_credited(world: World) -> None:
    # What the failed condition saw and what the reason shows may differ in nothing but time.
    world.member(1, status="suspended")
    request = world.dynamodb.transact_write_items

    def reactivate(**arguments: Any) -> Any:
        try:
            return request(**arguments)
        finally:
            world.member(1)

    world.dynamodb.transact_write_items = reactivate  # type: ignore[method-assign]

    assert world.record(credit(1, 1)) == [credit(1, 1)]


def test_a_rejection_of_a_freed_names_former_content_is_replaced(world: World) -> None:
    former = credit(1, 1, content="former").rejected(RowCode.ACTIVITY_UNKNOWN)
    world.dynamodb.put("Ledger", entry_item("acme", former))

    assert world.record(credit(1, 1)) == [credit(1, 1)]
    assert world.balance(1) == 10


def test_a_credit_of_other_content_fails_loudly_and_the_other_rows_are_credited(
    world: World,
) -> None:
    world.dynamodb.put("Ledger", entry_item("acme", credit(1, 1, content="other")))

    with pytest.raises(EntryMismatchError, match=f"{FILE}/1"):
        world.record(credit(1, 1), credit(2, 1), credit(3, 2))

    assert (world.balance(1), world.balance(2)) == (10, 10)
    assert world.entries["1"].content == "other"


def test_a_conflict_is_waited_out(world: World) -> None:
    world.dynamodb.conflict("Members", "acme#M#1", times=3)

    world.record(credit(1, 1), credit(2, 2))

    assert (world.balance(1), world.balance(2)) == (10, 10)
    assert world.clock.waits == [0.05, 0.1, 0.2]


def test_one_conflict_costs_one_more_request(world: World) -> None:
    world.dynamodb.conflict("Members", "acme#M#1", times=1)

    world.record(*(credit(line, line) for line in range(1, 51)))

    assert len(world.dynamodb.requests) == 2


def test_a_hot_member_does_not_hold_up_the_rest_of_its_transaction(world: World) -> None:
    with (
        world.dynamodb.held("Members", "acme#M#1"),
        pytest.raises(ContentionError),
    ):
        world.record(*(credit(line, line) for line in range(1, 121)))

    assert world.balance(1) == 0
    assert {world.balance(user_id) for user_id in range(2, 121)} == {10}
    # Its neighbours shared two requests with it, then went on alone.
    assert sum("acme#M#2'" in str(request) for request in world.dynamodb.requests) == 3
    # The next delivery credits what is left, and nothing twice.
    world.record(*(credit(line, line) for line in range(1, 121)), deadline=60.0)
    assert {world.balance(user_id) for user_id in range(1, 121)} == {10}


def test_whoever_has_no_time_left_still_records_what_nobody_holds(world: World) -> None:
    with (
        world.dynamodb.held("Members", "acme#M#1"),
        pytest.raises(ContentionError),
    ):
        world.record(credit(1, 1), credit(2, 2), deadline=0.01)

    assert (world.balance(1), world.balance(2)) == (0, 10)


def test_nothing_starts_after_the_deadline(world: World) -> None:
    with pytest.raises(ContentionError):
        world.record(credit(1, 1), deadline=0.0)

    assert world.dynamodb.requests == []


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("InternalServerError"),
        client_error("TransactionInProgressException"),
        TIMEOUT,
    ],
    ids=lambda error: type(error).__name__ + str(error)[:60],
)
@pytest.mark.parametrize("applied", [False, True], ids=["not written", "written all the same"])
def test_a_request_that_failed_is_repeated_whether_or_not_it_wrote(
    world: World, error: Exception, applied: bool
) -> None:
    world.dynamodb.fail_next(error, applied=applied)

    assert world.record(credit(1, 1), credit(2, 2)) == [credit(1, 1), credit(2, 2)]
    assert (world.balance(1), world.balance(2)) == (10, 10)


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_throttled_action_is_retried_until_the_deadline(world: World, code: str) -> None:
    world.dynamodb.refuse("Members", "acme#M#1", code)

    with pytest.raises(ContentionError):
        world.record(credit(1, 1), credit(2, 2))

    assert (world.balance(1), world.balance(2)) == (0, 10)
    assert sum(world.clock.waits) > 25


def test_an_action_that_dynamodb_refuses_fails_loudly_without_its_neighbours(
    world: World,
) -> None:
    world.dynamodb.refuse("Members", "acme#M#1", "ValidationError")

    with pytest.raises(EntryRefusedError, match="ValidationError"):
        world.record(credit(1, 1), credit(2, 2))

    assert (world.balance(1), world.balance(2)) == (0, 10)


def test_a_refused_request_fails_loudly_and_the_other_transactions_are_recorded(
    world: World,
) -> None:
    world.dynamodb.fail_next(client_error("AccessDeniedException"))
    ledger = world.open_ledger(world.dynamodb, workers=1)

    with pytest.raises(ClientError, match="AccessDenied"):
        ledger.record("acme", [credit(line, line) for line in range(1, 121)], 30.0)

    assert sum(world.balance(user_id) for user_id in range(1, 121)) == 70 * 10


def test_an_error_of_our_own_making_is_not_retried(world: World) -> None:
    world.dynamodb.fail_next(NoCredentialsError())

    with pytest.raises(NoCredentialsError):
        world.record(credit(1, 1))

    assert world.clock.waits == []


def test_nothing_is_under_way_any_more_when_a_mistake_is_raised() -> None:
    world = World()
    slow = TransactingDynamoDB({"Ledger": "identity", "Members": "key"}, seconds=0.02)
    slow.tables = world.dynamodb.tables
    slow.fail_next(RuntimeError("a mistake"))

    with pytest.raises(RuntimeError):
        world.open_ledger(slow, workers=1).record(
            "acme", [credit(line, line) for line in range(1, 101)], 30.0
        )

    assert sum(world.balance(user_id) for user_id in range(1, 101)) == 50 * 10


def test_contention_is_raised_before_faults_that_no_repeat_mends(world: World) -> None:
    # A message that went to its dead-letter queue at once would leave the contended row behind.
    world.dynamodb.put("Ledger", entry_item("acme", credit(1, 1, content="other")))

    with (
        world.dynamodb.held("Members", "acme#M#2"),
        pytest.raises(ContentionError),
    ):
        world.record(credit(1, 1), credit(2, 2))


def test_reasons_that_say_nothing_are_not_retried_without_waiting(world: World) -> None:
    cancelled = client_error("TransactionCanceledException")
    cancelled.response["CancellationReasons"] = [{"Code": "None"}] * 2
    world.dynamodb.fail_next(cancelled)

    world.record(credit(1, 1))

    assert (world.balance(1), world.clock.waits) == (10, [0.05])


def test_a_rejection_that_could_have_been_replaced_is_tried_again(world: World) -> None:
    former = credit(1, 1, content="former").rejected(RowCode.ACTIVITY_UNKNOWN)
    cancelled = client_error("TransactionCanceledException")
    found: Any = {"Code": "ConditionalCheckFailed", "Item": entry_item("acme", former)}
    cancelled.response["CancellationReasons"] = [found, {"Code": "None"}]
    world.dynamodb.fail_next(cancelled)

    assert world.record(credit(1, 1)) == [credit(1, 1)]
    assert world.clock.waits == [0.05]


def test_a_crash_at_any_request_is_healed_by_the_next_delivery() -> None:
    rows = [
        *(credit(line, 1) for line in range(1, 151)),
        *(credit(line, line - 149) for line in range(151, 250)),
        credit(250, 999),
        credit(251, 1).rejected(RowCode.ACTIVITY_UNKNOWN),
    ]
    undisturbed = World()
    counting = Faults()
    undisturbed.open_ledger(counting.wrap(undisturbed.dynamodb), workers=1).record(
        "acme", rows, 30.0
    )
    assert len(counting.calls) > 5

    for position, when in every_fault(len(counting.calls)):
        world = World()
        dying = Faults(position, when)
        with pytest.raises(WorkerKilled):
            world.open_ledger(dying.wrap(world.dynamodb), workers=1).record("acme", rows, 30.0)

        world.record(*rows)

        assert world.state() == undisturbed.state()


def test_workers_that_race_for_the_same_rows_credit_each_once() -> None:
    members, workers = 30, 4
    dynamodb = TransactingDynamoDB({"Ledger": "identity", "Members": "key"}, seconds=0.02)
    world = World(members)
    world.dynamodb = dynamodb
    for user_id in range(1, members + 1):
        world.member(user_id)
    rows = [credit(line, 1 + line % members) for line in range(1, 201)]
    start = threading.Barrier(workers)

    def work(_: int) -> list[Entry]:
        ledger = DynamoDBLedger(cast("DynamoDBClient", dynamodb), "Ledger", "Members", workers=2)
        start.wait()
        return ledger.record("acme", rows, deadline=_soon())

    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(work, range(workers)))

    assert answers == [rows] * workers
    assert sum(world.balance(user_id) for user_id in range(1, members + 1)) == 200 * 10
    assert dynamodb.conflicts_answered > 0


def _soon() -> float:
    return Waiting().monotonic() + 30.0
