"""Brings submissions into the states that reports, the watch and commands work on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.reject_lines import encode_reject
from pointflow.domain.submission import (
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Plan,
    Status,
    Submission,
    SubmissionRef,
    Tally,
)
from pointflow.services.report_submission import Reporting
from tests.fakes.notices import FakeNotices
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.publishers import FakeChunks, FakeDepths, FakeParts, FakeReports, FakeUndos
from tests.fakes.submission_store import FakeSubmissionStore

NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
NAME = "activities_acme_20260101000000.txt"
CELL_BYTES = 1_000


def ref_of(version: str = "v1", name: str = NAME, client_id: str = "acme") -> SubmissionRef:
    return SubmissionRef(client_id, name, version)


def reject(
    line: int, code: RowCode = RowCode.COLUMN_COUNT, raw: bytes | None = b"bad|row"
) -> RejectedRow:
    return RejectedRow(line, raw, code, None, f"line {line} is not as it should be")


class BatchStage:
    """A store, a bucket and queues, and short ways to fill them."""

    def __init__(self) -> None:
        self.store = FakeSubmissionStore()
        self.objects = FakeObjectStore()
        self.parts = FakeParts()
        self.chunks = FakeChunks()
        self.reports = FakeReports()
        self.undos = FakeUndos()
        self.depths = FakeDepths()
        self.notices = FakeNotices()

    def received(self, ref: SubmissionRef, cells: int = 1, at: int = NOW) -> Submission:
        plan = Plan(
            size=cells * CELL_BYTES,
            received_at=at,
            cell_bytes=CELL_BYTES,
            chunk_rows=500,
            chunk_bytes=100_000,
            rulings=1,
        )
        return self.store.receive(Submission(ref, Status.RECEIVED, plan, updated_at=at))

    def measured(self, ref: SubmissionRef, newlines: Sequence[int] = (10,), at: int = NOW) -> None:
        """To PLANNING, with a measure for each of `newlines`."""
        self.received(ref, cells=len(newlines), at=at)
        self.store.start_planning(ref, at)
        for cell, count in enumerate(newlines):
            self.store.save_measure(ref, CellMeasure(cell, count, f"{cell:064x}", 0), at)

    def planned(
        self,
        ref: SubmissionRef,
        newlines: Sequence[int] = (10,),
        content: str = "c1",
        at: int = NOW,
    ) -> Submission:
        """To PARSING, or to HELD or DUPLICATE as the claims stand."""
        self.measured(ref, newlines, at)
        self.store.claim(ref, content, 1, True, at)
        return self.on_record(ref)

    def closed(
        self,
        ref: SubmissionRef,
        cell: int,
        chunks: int,
        rows: int,
        *,
        rejects: Sequence[RejectedRow] = (),
        blank: int = 0,
        at: int = NOW,
    ) -> None:
        """Close a cell; `rows` counts the rejected ones too."""
        key = f"rejects/{ref.batch}/{ref.version}/{cell:06d}/intake.jsonl" if rejects else None
        tally = Tally(rows=rows, blank=blank, rejected=len(rejects), codes=_codes(rejects))
        self._keep(key, rejects)
        self.store.close_cell(ref, CellClose(cell, chunks, tally, key), at)

    def credited(
        self,
        ref: SubmissionRef,
        cell: int,
        lines: tuple[int, int],
        *,
        credited: int,
        rejects: Sequence[RejectedRow] = (),
        points: int = 0,
        at: int = NOW,
    ) -> None:
        """Save a chunk's outcome."""
        first, last = lines
        key = (
            f"rejects/{ref.batch}/{ref.version}/{cell:06d}/{first:012d}.jsonl" if rejects else None
        )
        self._keep(key, rejects)
        tally = Tally(
            credited=credited, rejected=len(rejects), points=points, codes=_codes(rejects)
        )
        self.store.save_outcome(ref, ChunkOutcome(cell, first, last, f"{first}", tally, key), at)

    def settled(self, ref: SubmissionRef, at: int = NOW) -> Submission:
        """Complete every settled cell, then the submission."""
        for cell in range(self.on_record(ref).plan.cells):
            progress = self.store.cell_progress(ref, cell)
            if progress.settled:
                self.store.complete_cell(ref, cell, progress.tally, at)
        return self.store.complete(ref, at)

    def completed(self, ref: SubmissionRef, content: str = "c1", at: int = NOW) -> Submission:
        """A file of three rows, two of them credited with 150 points, done and not yet reported."""
        self.planned(ref, content=content, at=at)
        self.closed(ref, 0, chunks=1, rows=3, rejects=[reject(2)], at=at)
        self.credited(ref, 0, (1, 3), credited=2, points=150, at=at)
        return self.settled(ref, at)

    def held(self, ref: SubmissionRef, twin: SubmissionRef, at: int = NOW) -> Submission:
        """HELD, because `twin` has the same content."""
        self.planned(twin, content="same", at=at)
        return self.planned(ref, content="same", at=at)

    def on_record(self, ref: SubmissionRef) -> Submission:
        found = self.store.get(ref)
        assert found is not None
        return found

    def _keep(self, key: str | None, rejects: Sequence[RejectedRow]) -> None:
        if key:
            body = b"".join(encode_reject(row) for row in rejects)
            self.objects.put(key, body, "application/x-ndjson")


def reporting(
    stage: BatchStage, *, objects: Any = None, out_of_time: Callable[[], bool] = lambda: False
) -> Reporting:
    """The ports of a report, with all the time in the world unless said otherwise."""
    return Reporting(
        stage.store, objects or stage.objects, stage.reports, stage.notices, out_of_time
    )


def _codes(rejects: Sequence[RejectedRow]) -> dict[str, int]:
    return dict(Counter(row.code.value for row in rejects))
