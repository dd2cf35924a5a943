"""How many more transactions real conflicts cost: many workers, one set of members.

No emulator answers TransactionConflict; `tests/fakes` has one that does. All times are ten times
those of AWS, so that Python's own share of them stays small: a transaction holds its items for
150 ms, and between a worker's transactions lie 1.7 s of reading and deciding (measured: 170 ms a
chunk of 500 rows).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pointflow.adapters.dynamodb_ledger import DynamoDBLedger, Waiting
from pointflow.adapters.ledger_items import member_key
from pointflow.adapters.ledger_requests import plan_lanes
from pointflow.domain.ledger import Decision, Entry, row_identity
from pointflow.domain.member import Identifier
from tests.fakes.dynamodb_transactions import TransactingDynamoDB

WORKERS = 20
CHUNKS = 3  # a worker
ROWS = 500
SLOWER = 10
HELD_SECONDS = 0.015 * SLOWER
BETWEEN_SECONDS = 0.17 * SLOWER
SEED = 5


@dataclass(frozen=True)
class Conflicts:
    """What became of the chunks of all workers."""

    members: int
    needed: int  # transactions, were nobody in the way
    made: int
    in_flight: float  # transactions at once, on average over those that began
    credited: int

    @property
    def ratio(self) -> float:
        """Transactions made for each that was needed."""
        return self.made / self.needed


class _Counting(TransactingDynamoDB):
    """Counts how many transactions are under way as each begins."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.seen: list[int] = []
        self._now = 0
        self._counter = threading.Lock()

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        with self._counter:
            self._now += 1
            self.seen.append(self._now)
        try:
            return super().transact_write_items(**request)
        finally:
            with self._counter:
                self._now -= 1


def measure(members: int, workers: int = WORKERS, chunks: int = CHUNKS) -> Conflicts:
    """Let every worker credit its chunks of random members, all at once."""
    draw = random.Random(SEED)  # noqa: S311 - members, no secrets
    work = [
        [_chunk(draw, worker * chunks + index, members) for index in range(chunks)]
        for worker in range(workers)
    ]
    client = _Counting({"ledger": "identity", "members": "key"}, HELD_SECONDS, keep_requests=False)
    everybody = {entry.user_id for mine in work for chunk in mine for entry in chunk}
    for user_id in everybody:
        client.put("members", _account(user_id or 0))
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda mine: _work(client, mine), work))
    return Conflicts(
        members=members,
        needed=sum(len(lane) for mine in work for chunk in mine for lane in plan_lanes(chunk)),
        made=client.calls["transact_write_items"],
        in_flight=sum(client.seen) / len(client.seen),
        credited=sum(int(item["balance"]["N"]) for item in client.tables["members"].values()),
    )


def _work(client: Any, chunks: list[list[Entry]]) -> None:
    # Waits are as much longer as everything else.
    waiting = Waiting(sleep=lambda seconds: time.sleep(seconds * SLOWER))
    ledger = DynamoDBLedger(client, "ledger", "members", waiting=waiting)
    for chunk in chunks:
        time.sleep(BETWEEN_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - a pause
        ledger.record("acme", chunk, time.monotonic() + 600)


def _chunk(draw: random.Random, number: int, members: int) -> list[Entry]:
    batch = f"acme/activities_acme_2025100908{number:04d}.txt"
    return [
        Entry(
            row_identity(batch, line),
            "c1",
            Decision.CREDITED,
            recorded_at=1_760_000_000,
            user_id=draw.randrange(1, members + 1),
            activity_id=1,
            activity_at=1_760_000_000,
            points=1,
            matched_by=Identifier.EMAIL,
        )
        for line in range(1, ROWS + 1)
    ]


def _account(user_id: int) -> dict[str, Any]:
    return {
        "key": {"S": member_key("acme", user_id)},
        "user_id": {"N": str(user_id)},
        "status": {"S": "active"},
        "balance": {"N": "0"},
        "lifetime": {"N": "0"},
    }


def table(sizes: tuple[int, ...] = (500_000, 10_000)) -> Iterator[str]:
    """The measure as Markdown."""
    yield f"| members, {WORKERS} workers | transactions needed / made | calls | in flight |"
    yield "|---|---|---|---|"
    for size in sizes:
        found = measure(size)
        if found.credited != WORKERS * CHUNKS * ROWS:
            raise AssertionError(found)
        yield (
            f"| {size:,} | {found.needed:,} / {found.made:,} | {found.ratio:.2f}x"
            f" | {found.in_flight:.0f} |"
        )
