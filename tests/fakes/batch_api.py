"""A client's list of submissions, and upload grants, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from pointflow.domain.submission import Status, Submission, SubmissionRef
from pointflow.ports.batch_api import BatchPosition, UploadGrant
from tests.fakes.submission_store import FakeSubmissionStore


class FakeBatchList:
    """Lists what a `FakeSubmissionStore` holds, looking at `most` a page."""

    def __init__(self, store: FakeSubmissionStore, most: int = 2_000) -> None:
        self._store = store
        self._most = most

    def page(
        self,
        client_id: str,
        *,
        status: Status | None,
        day: date | None,
        after: BatchPosition | None,
        limit: int,
    ) -> tuple[Sequence[Submission], BatchPosition | None]:
        every = [
            each
            for each in self._store.listing(client_id, limit=10**6)
            if after is None or _sort(_position(each)) < _sort(after)
        ]
        every = [each for each in every if day in {None, _day(each)}]
        found: list[Submission] = []
        for at, each in enumerate(every):
            if at and (len(found) == limit or at == self._most):
                return found, _position(every[at - 1])
            if status in {None, each.status}:
                found.append(each)
        return found, None


class FakeUploadGrants:
    """Notes what was signed."""

    def __init__(self) -> None:
        self.granted: list[tuple[str, int, int]] = []

    def grant(self, ref: SubmissionRef, size: int, seconds: int) -> UploadGrant:
        self.granted.append((ref.key, size, seconds))
        return UploadGrant(f"https://bucket.example/{ref.key}", {"Content-Length": str(size)})


def _position(submission: Submission) -> BatchPosition:
    return BatchPosition(submission.plan.received_at, submission.ref)


def _sort(position: BatchPosition) -> tuple[int, str, str]:
    return position.received_at, position.ref.file_name, position.ref.version


def _day(submission: Submission) -> date:
    return datetime.fromtimestamp(submission.plan.received_at, UTC).date()
