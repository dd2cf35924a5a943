"""The batch job in one process: the real adapters and use cases, queues that a test empties.

Whatever speaks DynamoDB carries it: `TransactingDynamoDB`, DynamoDB Local, the local AWS. Every
call of every worker goes through its `Faults`, so that a test can break any of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, cast

from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.adapters.dynamodb_books import DynamoDBBooks
from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_ledger import DynamoDBLedger, Waiting
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.adapters.dynamodb_submissions import DynamoDBSubmissions
from pointflow.adapters.dynamodb_undo import DynamoDBLedgerReader, DynamoDBUndo
from pointflow.adapters.retrying import Backoff
from pointflow.adapters.sqs_publishers import (
    SqsChunkPublisher,
    SqsPartPublisher,
    SqsReportPublisher,
    SqsUndoPublisher,
)
from pointflow.domain.activity import Activity
from pointflow.domain.client import Client, DuplicateContent
from pointflow.domain.member import Member
from pointflow.domain.messages import Upload, decode_chunk, decode_part, decode_report
from pointflow.domain.submission import Submission, SubmissionRef
from pointflow.domain.undo import decode_undo
from pointflow.domain.verification import first_round
from pointflow.services.credit_chunk import credit_chunk
from pointflow.services.in_time import never
from pointflow.services.intake import Intake
from pointflow.services.receive_upload import Limits
from pointflow.services.report_submission import Reporting, report_submission
from pointflow.services.take_back import TakeBack
from pointflow.services.undo_submission import undo_submission
from pointflow.services.verify_ledger import SEGMENTS, Slice, Verify
from tests.fakes.dynamodb_transactions import TransactingDynamoDB
from tests.fakes.faults import Faults, WorkerKilled
from tests.fakes.notices import FakeNotices
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.queues import Delivery, MemoryQueues

NOW = 1_767_225_660
RECEIVED_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
CLIENT = "acme"
MOST_DELIVERIES = 12
KEYS: Mapping[str, tuple[str, ...]] = {
    "MembersTable": ("key",),
    "LedgerTable": ("identity",),
    "BatchesTable": ("pk", "sk"),
}
NOT_COMPARED = frozenset({"looks", "looked_at"})
IN_MEMORY: Mapping[str, str] = {
    name: name for name in ("CatalogTable", "MembersTable", "LedgerTable", "BatchesTable")
}


def memory_dynamodb(seconds: float = 0.0) -> TransactingDynamoDB:
    """The batch job's tables, empty, keyed as in template.yaml."""
    return TransactingDynamoDB(
        {
            "CatalogTable": ("client_id", "item"),
            "MembersTable": "key",
            "LedgerTable": "identity",
            "BatchesTable": ("pk", "sk"),
        },
        seconds,
        indexes={
            "MemberIndex": ("member", "activity_at"),
            "ClientIndex": ("client_id", "received_sort"),
            "OpenIndex": ("open", "updated_at"),
        },
        keep_requests=False,
    )


def name_of(number: int = 0) -> str:
    """Names of files, all different."""
    return f"activities_{CLIENT}_20260101{number:06d}.txt"


def impatient() -> Backoff:
    """Waiting that costs a test nothing."""
    return Backoff(time.monotonic() + 20, base=0.0001, cap=0.0005)


@dataclass
class Programme:
    """One client's members, activities, files and queues."""

    dynamodb: Any = field(default_factory=memory_dynamodb)
    tables: Mapping[str, str] = field(default_factory=lambda: IN_MEMORY)
    limits: Limits = field(default_factory=lambda: Limits(64, 2, 1_000))
    duplicates: DuplicateContent = DuplicateContent.HOLD
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    objects: FakeObjectStore = field(default_factory=FakeObjectStore)
    handled: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.catalog = DynamoDBCatalog(self.dynamodb, self.tables["CatalogTable"])
        self.members = DynamoDBMembers(
            self.dynamodb,
            self.tables["MembersTable"],
            self.tables["LedgerTable"],
            patience=impatient,
        )
        self.store = DynamoDBSubmissions(
            self.dynamodb, self.tables["BatchesTable"], backoff=impatient
        )
        self.catalog.put_client(Client(CLIENT, duplicate_content=self.duplicates))

    def fill(self, members: Iterable[Member], activities: Iterable[Activity]) -> None:
        """Bring in members, with their balances as opening balances, and activities."""
        for member in members:
            self.members.save_profile(member, NOW)
            if member.balance:
                self.members.open_balance(CLIENT, member.user_id, member.balance, NOW)
        for activity in activities:
            self.catalog.put_activity(activity)

    def upload(
        self,
        rows: Sequence[str],
        name: str | None = None,
        version: str = "v1",
        *,
        dry_run: bool = False,
    ) -> Upload:
        """Put a file into the bucket; its notice waits to be delivered."""
        ref = SubmissionRef(CLIENT, name or name_of(), version, dry_run)
        body = "".join(f"{row}\n" for row in rows).encode()
        self.objects.upload(ref, body)
        upload = Upload(ref, len(body), RECEIVED_AT)
        self.announce(upload)
        return upload

    def announce(self, upload: Upload) -> None:
        """S3 tells of an upload, perhaps again."""
        ref = upload.ref
        self.queues.waiting.append(
            Delivery(
                "uploads",
                f"{ref.file_name}\n{ref.version}\n{upload.size}\n{int(ref.dry_run)}",
            )
        )

    def undo(self, name: str | None = None, version: str = "v1") -> None:
        """Ask for a batch to be taken back; the work waits to be delivered."""
        undo_submission(
            SubmissionRef(CLIENT, name or name_of(), version),
            NOW,
            store=DynamoDBUndo(self.dynamodb, self.tables["BatchesTable"], backoff=impatient),
            undos=SqsUndoPublisher(cast("Any", self.queues), "undos", impatient),
        )

    def worker(self, faults: Faults | None = None) -> Worker:
        """A process of its own, with what it remembers."""
        return Worker(self, faults or Faults())

    def run(self, faults: Faults | None = None) -> None:
        """Deliver until nothing is left. What fails comes again; who dies is replaced."""
        worker = self.worker(faults)
        while self.queues.waiting:
            delivery = self.queues.waiting.popleft()
            if not self.deliver(delivery, worker):
                worker = self.worker()

    def run_at_once(self, workers: int = 4) -> None:
        """Deliver with several workers at a time until nothing is left."""
        lock = Lock()
        in_hand = 0

        def work() -> None:
            nonlocal in_hand
            worker = self.worker()
            while True:
                with lock:
                    if not self.queues.waiting and not in_hand:
                        return
                    delivery = self.queues.waiting.popleft() if self.queues.waiting else None
                    in_hand += delivery is not None
                if delivery is None:
                    time.sleep(0.001)
                    continue
                try:
                    self.deliver(delivery, worker)
                finally:
                    with lock:
                        in_hand -= 1

        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(work) for _ in range(workers)]:
                done.result()

    def replay(self) -> None:
        """Every message that was ever sent comes once more, and is the second delivery."""
        sent, self.queues.sent = self.queues.sent, []
        self.queues.waiting.extend(replace(each, receive_count=2) for each in sent)
        self.run()

    def deliver(self, delivery: Delivery, worker: Worker) -> bool:
        """Hand a message to a worker; answers whether the worker lives."""
        assert delivery.receive_count < MOST_DELIVERIES, f"never ends well: {delivery}"
        try:
            worker.handle(delivery)
        except WorkerKilled:
            self.queues.put_back(delivery)
            return False
        except Exception:  # noqa: BLE001 - whatever it is, the queue delivers again
            self.queues.put_back(delivery)
        else:
            self.handled.append(delivery.queue)
        return True

    def verify(self, pause: Callable[[float], None] = lambda _seconds: None) -> Slice:
        """Prove that everything adds up."""
        books = DynamoDBBooks(
            self.dynamodb,
            self.tables["MembersTable"],
            self.tables["LedgerTable"],
            self.tables["BatchesTable"],
            patience=impatient,
        )
        verify = Verify(books, self.store, pause=pause)
        return verify.run(first_round(SEGMENTS, NOW), NOW)

    def balance(self, user_id: int) -> int:
        """A member's balance, which equals its lifetime points as long as nothing is spent."""
        member = self.members.member(CLIENT, user_id)
        assert member is not None
        assert member.balance == member.lifetime
        return member.balance

    def left_behind(self) -> Mapping[str, Any]:
        """Everything that must come out alike, however often it was broken on the way."""
        return {
            "balances": {
                key: (item["balance"], item["lifetime"])
                for key, item in self._items("MembersTable")
                if "balance" in item
            },
            "entries": dict(self._items("LedgerTable")),
            "batches": {
                key: {name: value for name, value in item.items() if name not in NOT_COMPARED}
                for key, item in self._items("BatchesTable")
            },
            "results": {
                key: body for key, body in self.objects.written.items() if "outbound/" in key
            },
        }

    def _items(self, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
        start: dict[str, Any] = {}
        while True:
            page = self.dynamodb.scan(TableName=self.tables[table], ConsistentRead=True, **start)
            for item in page["Items"]:
                yield str([item[name]["S"] for name in KEYS[table]]), item
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def submission(self, name: str | None = None, version: str = "v1") -> Submission:
        """What is on record."""
        found = self.store.get(SubmissionRef(CLIENT, name or name_of(), version))
        assert found is not None
        return found


class Worker:
    """One process of the batch job. Its calls go through `faults`."""

    def __init__(self, programme: Programme, faults: Faults) -> None:
        dynamodb = faults.wrap(programme.dynamodb)
        sqs: Any = faults.wrap(programme.queues)
        tables = programme.tables
        self._objects = faults.wrap(programme.objects)
        self._store = DynamoDBSubmissions(dynamodb, tables["BatchesTable"], backoff=impatient)
        catalog = CachedCatalog(
            DynamoDBCatalog(dynamodb, tables["CatalogTable"], patience=impatient)
        )
        self._reports = SqsReportPublisher(sqs, "reports", impatient)
        self._catalog = catalog
        self._members = DynamoDBMembers(dynamodb, tables["MembersTable"], patience=impatient)
        self._ledger = DynamoDBLedger(
            dynamodb,
            tables["LedgerTable"],
            tables["MembersTable"],
            waiting=Waiting(sleep=lambda seconds: time.sleep(min(seconds, 0.001))),
        )
        self._intake = Intake(
            store=self._store,
            objects=self._objects,
            catalog=catalog,
            parts=SqsPartPublisher(sqs, "parts", impatient),
            chunks=SqsChunkPublisher(sqs, "chunks", impatient),
            reports=self._reports,
            limits=programme.limits,
            clock=lambda: NOW,
        )

        self._undo = TakeBack(
            store=DynamoDBUndo(dynamodb, tables["BatchesTable"], backoff=impatient),
            entries=DynamoDBLedgerReader(dynamodb, tables["LedgerTable"], patience=impatient),
            ledger=self._ledger,
            undos=SqsUndoPublisher(sqs, "undos", impatient),
            reports=self._reports,
        )

    def handle(self, delivery: Delivery) -> None:
        """Do what the message asks for."""
        again = delivery.receive_count > 1
        match delivery.queue:
            case "uploads":
                name, version, size, dry_run = delivery.body.split("\n")
                ref = SubmissionRef(CLIENT, name, version, dry_run=dry_run == "1")
                self._intake.upload(Upload(ref, int(size), RECEIVED_AT))
            case "parts":
                self._intake.part(decode_part(delivery.body), retry=again)
            case "chunks":
                self._credit(delivery)
            case "reports":
                request = decode_report(delivery.body)
                ports = Reporting(self._store, self._objects, self._reports, FakeNotices(), never)
                report_submission(request, ports=ports, again=again)
            case "undos":
                self._undo.run(
                    decode_undo(delivery.body),
                    now=NOW,
                    deadline=time.monotonic() + 30,
                    out_of_time=never,
                )
            case queue:
                raise AssertionError(f"no queue {queue}")

    def _credit(self, delivery: Delivery) -> None:
        credit_chunk(
            decode_chunk(delivery.body),
            store=self._store,
            catalog=self._catalog,
            members=self._members,
            ledger=self._ledger,
            objects=self._objects,
            reports=self._reports,
            now=NOW,
            deadline=time.monotonic() + 30,
            receive_count=delivery.receive_count,
            max_receive_count=MOST_DELIVERIES,
            name_of=lambda error: type(error).__name__,
        )
