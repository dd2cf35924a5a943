"""The whole batch job in memory: intake, crediting and reports over one set of fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pointflow.domain.activity import Activity
from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.client import Client, DuplicateContent, Matching
from pointflow.domain.dry_run import dry_run_key
from pointflow.domain.member import Member, MemberStatus
from pointflow.domain.messages import Upload
from pointflow.domain.submission import Submission, SubmissionRef
from pointflow.services.credit_chunk import credit_chunk
from pointflow.services.in_time import never
from pointflow.services.intake import Intake
from pointflow.services.read_progress import rejected_rows
from pointflow.services.receive_upload import Limits
from pointflow.services.release_submission import release_submission
from pointflow.services.report_submission import Reporting, report_submission
from tests.fakes.catalog import FakeCatalog
from tests.fakes.ledger import FakeLedger
from tests.fakes.member_directory import FakeMembers
from tests.fakes.notices import FakeNotices
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.publishers import FakeChunks, FakeParts, FakeReports
from tests.fakes.submission_store import FakeSubmissionStore

NOW = 1_760_000_600
RECEIVED_AT = 1_760_000_000

MEMBERS = (
    Member("acme", 1, email="ann@example.com", username="ann", third_party_id="shared"),
    Member("acme", 2, email="bob@example.com", username="bob", third_party_id="shared"),
    Member("acme", 3, email="cat@example.com", status=MemberStatus.INACTIVE),
)
ACTIVITIES = (
    Activity("acme", 7, default_points=50),
    Activity("acme", 8, default_points=10, starts_at=0, ends_at=1_000_000_000),
)


@dataclass
class FlowWorld:
    """One client with members and activities; cells and chunks so small that files have some."""

    matching: Matching = Matching.LENIENT
    duplicate_content: DuplicateContent = DuplicateContent.HOLD
    store: FakeSubmissionStore = field(default_factory=FakeSubmissionStore)
    objects: FakeObjectStore = field(default_factory=lambda: FakeObjectStore(block_bytes=64))
    members: FakeMembers = field(default_factory=lambda: FakeMembers(MEMBERS))

    def __post_init__(self) -> None:
        self.ledger = FakeLedger(self.members)
        self.parts, self.chunks, self.reports = FakeParts(), FakeChunks(), FakeReports()
        client = Client("acme", matching=self.matching, duplicate_content=self.duplicate_content)
        self.catalog = FakeCatalog([client], ACTIVITIES)
        self._versions = 0

    def send(self, name: str, body: bytes, *, dry_run: bool = False) -> Submission:
        """Take a file all the way, and answer what became of it."""
        self._versions += 1
        ref = SubmissionRef("acme", name, f"v{self._versions}", dry_run)
        self.objects.upload(ref, body)
        self._intake().upload(Upload(ref, len(body), RECEIVED_AT))
        return self._finish(ref)

    def release(self, held: Submission) -> Submission:
        """Release a HELD file, and answer what became of it."""
        release_submission(held.ref, NOW, store=self.store, parts=self.parts)
        return self._finish(held.ref)

    def _intake(self) -> Intake:
        return Intake(
            store=self.store,
            objects=self.objects,
            catalog=self.catalog,
            parts=self.parts,
            chunks=self.chunks,
            reports=self.reports,
            limits=Limits(64, 3, 1_000),
            clock=lambda: NOW,
        )

    def _finish(self, ref: SubmissionRef) -> Submission:
        intake = self._intake()
        while parts := self.parts.take():
            for part in parts:
                intake.part(part, retry=False)
        self._credit()
        self._report()
        found = self.store.get(ref)
        assert found is not None
        return found

    def _credit(self) -> None:
        chunks, self.chunks.sent = self.chunks.sent, []
        for chunk in chunks:
            credit_chunk(
                chunk,
                store=self.store,
                catalog=self.catalog,
                members=self.members,
                ledger=self.ledger,
                objects=self.objects,
                reports=self.reports,
                now=NOW,
                deadline=0.0,
                receive_count=1,
                max_receive_count=5,
                name_of=repr,
            )

    def _report(self) -> None:
        requests, self.reports.requested = self.reports.requested, []
        for request in requests:
            ports = Reporting(self.store, self.objects, self.reports, FakeNotices(), never)
            report_submission(request, ports=ports)

    def rejects(self, submission: Submission) -> list[RejectedRow]:
        """Every rejected row, in line order."""
        return list(rejected_rows(submission, self.store, self.objects))

    def report_of(self, submission: Submission) -> bytes:
        """The report of a dry run."""
        return b"".join(self.objects.read_object(dry_run_key(submission)))

    def everything(self) -> dict[str, Any]:
        """All that a dry run must not touch."""
        accounts = [self.members.member("acme", each.user_id) for each in MEMBERS]
        listed = list(self.store.listing("acme"))
        outbound = {
            key: body for key, body in self.objects.written.items() if "_dryrun_" not in key
        }
        return {
            "accounts": accounts,
            "entries": dict(self.ledger.entries),
            "submissions": listed,
            "owners": [self.store.owner("acme", each.ref.file_name) for each in listed],
            "results": {k: v for k, v in outbound.items() if k.startswith("outbound/")},
        }
