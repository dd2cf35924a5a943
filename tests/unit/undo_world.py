"""A file of two cells and three chunks that was credited, and what takes it back."""

from __future__ import annotations

from collections.abc import Callable

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Member, MemberStatus
from pointflow.domain.messages import Chunk
from pointflow.domain.submission import (
    CellClose,
    CellMeasure,
    Plan,
    Status,
    Submission,
    SubmissionRef,
    Tally,
    Undone,
)
from pointflow.domain.undo import UndoMessage
from pointflow.services.credit_chunk import credit_chunk
from pointflow.services.take_back import TakeBack
from pointflow.services.undo_submission import undo_submission
from tests.fakes.catalog import FakeCatalog
from tests.fakes.faults import Faults
from tests.fakes.ledger import FakeLedger
from tests.fakes.member_directory import FakeMembers
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.publishers import FakeReports, FakeUndos
from tests.fakes.submission_store import FakeSubmissionStore
from tests.fakes.undo_store import FakeLedgerReader, FakeUndoStore

NAME = "activities_acme_20260102000000.txt"
REF = SubmissionRef("acme", NAME, "v1")
NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
CONTENT = "c1"

ANN = Member("acme", 1, email="ann@example.com", balance=40, lifetime=90)
BOB = Member("acme", 2, username="bob")

CHUNKS = (
    # cell, first line, rows: line 2 and 6 name nobody; line 3 was rejected by intake
    (0, 1, ("ann@example.com||||7", "|||nobody|7")),
    (0, 4, ("|||bob|7|0", "ann@example.com||||7|5", "|||nobody|7")),
    (1, 7, ("|||bob|7", "|||bob|7|3")),
)
UNDONE = Undone(rows=5, points=50 + 0 + 5 + 50 + 3)


def never() -> bool:
    return False


class UndoWorld:
    """Everything an undo touches."""

    def __init__(self) -> None:
        self.members = FakeMembers([ANN, BOB])
        self.ledger = FakeLedger(self.members)
        self.store = FakeSubmissionStore()
        self.undo_store = FakeUndoStore(self.store)
        self.undos = FakeUndos()
        self.reports = FakeReports()
        self._credit()

    def _credit(self) -> None:
        plan = Plan(2_000, NOW, 1_000, 500, 100_000, rulings=1)
        self.store.receive(Submission(REF, Status.RECEIVED, plan, NOW))
        self.store.start_planning(REF, NOW)
        for cell in (0, 1):
            self.store.save_measure(REF, CellMeasure(cell, 6, f"{cell:064x}", 0), NOW)
        self.store.claim(REF, CONTENT, 1, True, NOW)
        rejected = Tally(rows=6, rejected=1, codes={"COLUMN_COUNT": 1})
        self.store.close_cell(REF, CellClose(0, 2, rejected, "rejects/x"), NOW)
        self.store.close_cell(REF, CellClose(1, 1, Tally(rows=2), None), NOW)
        for cell, first_line, rows in CHUNKS:
            self._credit_chunk(cell, first_line, rows)
        self.store.reported(REF, 1)
        self.reports.requested.clear()

    def credit_again(self) -> None:
        """Deliver every credit message once more."""
        for chunk in CHUNKS:
            self._credit_chunk(*chunk)

    def _credit_chunk(self, cell: int, first_line: int, rows: tuple[str, ...]) -> None:
        text = "".join(f"{row}\n" for row in rows).encode()
        credit_chunk(
            Chunk(REF, cell, CONTENT, NOW, ((first_line, len(rows)),), text),
            store=self.store,
            catalog=FakeCatalog([Client("acme")], [Activity("acme", 7, default_points=50)]),
            members=self.members,
            ledger=self.ledger,
            objects=FakeObjectStore(),
            reports=self.reports,
            now=NOW,
            deadline=0.0,
            receive_count=1,
            max_receive_count=5,
            name_of=repr,
        )

    def start(self, faults: Faults | None = None, at: int = NOW + 100) -> Submission:
        faults = faults or Faults()
        return undo_submission(
            REF, at, store=faults.wrap(self.undo_store), undos=faults.wrap(self.undos)
        )

    def run(
        self,
        message: UndoMessage,
        faults: Faults | None = None,
        out_of_time: Callable[[], bool] = never,
        at: int = NOW + 200,
    ) -> Undone:
        faults = faults or Faults()
        service = TakeBack(
            store=faults.wrap(self.undo_store),
            entries=faults.wrap(FakeLedgerReader(self.ledger)),
            ledger=faults.wrap(self.ledger),
            undos=faults.wrap(self.undos),
            reports=faults.wrap(self.reports),
        )
        return service.run(message, now=at, deadline=0.0, out_of_time=out_of_time)

    def drain(self) -> None:
        """Deliver every message until none is left."""
        while messages := self.undos.take():
            for message in messages:
                self.run(message)

    def make_inactive(self, member: Member) -> None:
        known = self.members.member("acme", member.user_id)
        assert known is not None
        self.members.put(
            Member(
                "acme",
                member.user_id,
                status=MemberStatus.INACTIVE,
                balance=known.balance,
                lifetime=known.lifetime,
            )
        )

    @property
    def submission(self) -> Submission:
        found = self.store.get(REF)
        assert found is not None
        return found

    @property
    def accounts(self) -> dict[int, tuple[int, int]]:
        """Balance and lifetime points by member."""
        found = (self.members.member("acme", user_id) for user_id in (1, 2))
        return {each.user_id: (each.balance, each.lifetime) for each in found if each}

    def entries(self, decision: Decision) -> dict[str, Entry]:
        return {
            identity: entry
            for identity, entry in self.ledger.entries.items()
            if entry.decision is decision
        }


BEFORE = {1: (40, 90), 2: (0, 0)}
CREDITED = {1: (95, 145), 2: (53, 53)}
