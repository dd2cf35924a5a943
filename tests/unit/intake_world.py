"""Batch intake with everything around it in memory, driven message by message."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pointflow.domain.client import Client
from pointflow.domain.messages import Chunk, Part, ReportRequest, Upload
from pointflow.domain.submission import ChunkOutcome, Submission, SubmissionRef, Tally
from pointflow.services.intake import Intake
from pointflow.services.receive_upload import Limits
from pointflow.services.settle import settle_cell
from tests.fakes.catalog import FakeCatalog
from tests.fakes.faults import Faults, WorkerKilled
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.publishers import FakeChunks, FakeParts, FakeReports
from tests.fakes.submission_store import FakeSubmissionStore

NOW = 1_760_000_600
RECEIVED_AT = 1_760_000_000
NAME = "activities_acme_20251009085320.txt"
MOST_DELIVERIES = 20


def ref_of(version: str = "v1", name: str = NAME, client_id: str = "acme") -> SubmissionRef:
    return SubmissionRef(client_id, name, version)


def rows(count: int, first: int = 1) -> bytes:
    """So many valid rows, each of them different."""
    return b"".join(b"|%d|||7001|50\n" % (1000 + at) for at in range(first, first + count))


@dataclass(frozen=True)
class Result:
    """All that is left when the queues are empty, duplicates of messages folded."""

    submission: Submission | None
    chunks: frozenset[Chunk]
    reports: frozenset[ReportRequest]
    written: dict[str, bytes]


@dataclass
class World:
    """One client `acme`; small cells and chunks, so that small files have several of each."""

    limits: Limits = field(default_factory=lambda: Limits(64, 3, 1_000))
    catalog: FakeCatalog = field(default_factory=lambda: FakeCatalog([Client("acme")]))
    store: FakeSubmissionStore = field(default_factory=FakeSubmissionStore)
    objects: FakeObjectStore = field(default_factory=lambda: FakeObjectStore(block_bytes=7))
    parts: FakeParts = field(default_factory=FakeParts)
    chunks: FakeChunks = field(default_factory=FakeChunks)
    reports: FakeReports = field(default_factory=FakeReports)

    def intake(self, faults: Faults | None = None) -> Intake:
        faults = faults or Faults()
        return Intake(
            store=faults.wrap(self.store),
            objects=faults.wrap(self.objects),
            catalog=faults.wrap(self.catalog),
            parts=faults.wrap(self.parts),
            chunks=faults.wrap(self.chunks),
            reports=faults.wrap(self.reports),
            limits=self.limits,
            clock=lambda: NOW,
        )

    def uploaded(self, body: bytes, ref: SubmissionRef | None = None) -> Upload:
        """Put a file into the bucket; answers what S3 would announce."""
        ref = ref or ref_of()
        self.objects.upload(ref, body)
        return Upload(ref, len(body), RECEIVED_AT)

    def submission(self, ref: SubmissionRef | None = None) -> Submission:
        found = self.store.get(ref or ref_of())
        assert found is not None
        return found

    def run(self, *uploads: Upload, faults: Faults | None = None) -> None:
        """Deliver the uploads and every part that follows. A killed worker's message comes back."""
        self.drain(uploads, faults)

    def drain(self, messages: Iterable[Upload | Part] = (), faults: Faults | None = None) -> None:
        intake = self.intake(faults)
        queue = deque((message, 1) for message in messages)
        while True:
            queue.extend((part, 1) for part in self.parts.take())
            if not queue:
                return
            message, receive_count = queue.popleft()
            assert receive_count < MOST_DELIVERIES, "the message never ends well"
            try:
                if isinstance(message, Upload):
                    intake.upload(message)
                else:
                    intake.part(message, retry=receive_count > 1)
            except WorkerKilled:
                queue.append((message, receive_count + 1))
                intake = self.intake()

    def credit_all(self) -> None:
        """Credit every chunk sent, each as often as it was sent, one point a row."""
        for chunk in self.chunks.sent:
            assert self.store.begin_crediting(chunk.ref, NOW)
            tally = Tally(credited=chunk.row_count, points=chunk.row_count)
            outcome = ChunkOutcome(
                chunk.cell, chunk.first_line, chunk.last_line, chunk.digest, tally, None
            )
            self.store.save_outcome(chunk.ref, outcome, NOW)
            settle_cell(self.store, self.reports, chunk.ref, chunk.cell, NOW)

    def result(self, ref: SubmissionRef | None = None) -> Result:
        return Result(
            submission=self.store.get(ref or ref_of()),
            chunks=frozenset(self.chunks.sent),
            reports=frozenset(self.reports.requested),
            written=dict(self.objects.written),
        )
