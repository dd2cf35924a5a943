"""The ledger in DynamoDB: entries and balances change together, or not at all."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from pointflow.adapters.ledger_reasons import Reading, read_reasons
from pointflow.adapters.ledger_requests import (
    Lane,
    Transaction,
    build_credit_transaction,
    pack,
    plan_lanes,
)
from pointflow.adapters.retrying import Backoff, error_code, is_contention
from pointflow.domain.errors import ContentionError
from pointflow.domain.ledger import Entry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Waiting:
    """How time passes for retries; tests bring their own."""

    uniform: Callable[[float, float], float] = random.uniform
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic


class DynamoDBLedger:
    """Records decisions in LedgerTable and balances in MembersTable. Fulfils `ports.ledger.Ledger`.

    Parameters
    ----------
    client : DynamoDBClient
    ledger_table, members_table : str
        Names of the tables.
    workers : int
        How many transactions of one call run at once.
    waiting : Waiting
    """

    def __init__(
        self,
        client: DynamoDBClient,
        ledger_table: str,
        members_table: str,
        *,
        workers: int = 8,
        waiting: Waiting | None = None,
    ) -> None:
        self._client = client
        self._ledger_table = ledger_table
        self._members_table = members_table
        self._waiting = waiting or Waiting()
        # Starts its threads on first use, and keeps them for the life of the container.
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ledger")

    def record(self, client_id: str, entries: Sequence[Entry], deadline: float) -> list[Entry]:
        """Record decisions, each once. See `ports.Ledger.record`.

        Raises
        ------
        ContentionError
            Some entries could not be recorded before the deadline.
        EntryMismatchError
            An identity holds a credit of other content.
        EntryRefusedError, botocore.exceptions.ClientError
            DynamoDB refused a request for a reason that no retry mends.

        Whatever is raised, all entries that could be recorded are.
        """
        runs: list[_LaneRun] = []
        futures = []
        for lane in plan_lanes(entries):
            run = self._run(client_id, deadline)
            runs.append(run)
            futures.append(self._pool.submit(run.finish, lane))
        wait(futures)
        for future in futures:
            future.result()
        _raise_first(fault for run in runs for fault in run.faults)
        standing = {entry.identity: entry for run in runs for entry in run.standing}
        return [standing[entry.identity] for entry in entries]

    def _run(self, client_id: str, deadline: float) -> _LaneRun:
        def write(groups: Transaction) -> None:
            self._client.transact_write_items(
                **build_credit_transaction(
                    groups,
                    client_id=client_id,
                    ledger_table=self._ledger_table,
                    members_table=self._members_table,
                )
            )

        return _LaneRun(write, deadline, self._waiting)


class _LaneRun:
    """One lane's transactions, each written until every row of it is decided or given up.

    Attributes
    ----------
    standing : list of Entry
        What stands for the rows that are decided.
    faults : list of Exception
        Why the others are not.
    """

    def __init__(
        self, write: Callable[[Transaction], None], deadline: float, waiting: Waiting
    ) -> None:
        self.standing: list[Entry] = []
        self.faults: list[Exception] = []
        self._write = write
        self._deadline = deadline
        self._waiting = waiting

    def finish(self, lane: Lane) -> None:
        for transaction in lane:
            self._finish_transaction(transaction)

    def _finish_transaction(self, transaction: Transaction) -> None:
        backoff = Backoff(
            self._deadline,
            uniform=self._waiting.uniform,
            sleep=self._waiting.sleep,
            monotonic=self._waiting.monotonic,
        )
        pending = deque([transaction])
        conflicts = 0
        while pending:
            reading = self._try(pending.popleft())
            self.standing += reading.standing
            self.faults += reading.faults
            pending.extend(pack(reading.rejections))
            if not reading.contended or not self._waited(backoff):
                pending.extend(pack(reading.clear))
            else:
                pending.extend(_parts_after_conflict(reading, conflicts))
                conflicts += 1

    def _try(self, groups: Transaction) -> Reading:
        if self._waiting.monotonic() >= self._deadline:
            return Reading(contended=list(groups))
        try:
            self._write(groups)
        except ClientError as error:
            if error_code(error) == "TransactionCanceledException":
                return read_reasons(groups, error.response["CancellationReasons"])
            return _read_error(groups, error)
        except BotoCoreError as error:
            return _read_error(groups, error)
        return Reading(standing=[entry for group in groups for entry in group.entries])

    def _waited(self, backoff: Backoff) -> bool:
        try:
            backoff.wait("ledger transactions were throttled or in conflict")
        except ContentionError as error:
            self.faults.append(error)
            return False
        return True


def _parts_after_conflict(reading: Reading, conflicts: int) -> Iterable[Transaction]:
    """What to write after a wait.

    The first conflict is usually gone by then, and one request for all costs least. From the
    second on, whoever is in nobody's way no longer shares the fate of a hot member.
    """
    if conflicts == 0:
        return pack([*reading.clear, *reading.contended])
    return [*pack(reading.clear), *pack(reading.contended)]


def _read_error(groups: Transaction, error: ClientError | BotoCoreError) -> Reading:
    if is_contention(error):
        # The write may have happened all the same: the repeat then finds its own entries.
        return Reading(contended=list(groups))
    return Reading(faults=[error])


def _raise_first(faults: Iterable[Exception]) -> None:
    """Raise what to act on first.

    A repeat may still record contended rows, so contention comes before faults that no repeat
    mends; these surface once nothing else is left.
    """
    ordered = sorted(faults, key=lambda fault: not isinstance(fault, ContentionError))
    if ordered:
        raise ordered[0]
