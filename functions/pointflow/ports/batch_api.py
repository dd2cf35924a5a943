"""What the routes about batches need beside the submissions themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pointflow.domain.submission import Status, Submission, SubmissionRef


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """Where a submission stands in its client's list. `received_at`: seconds since the epoch."""

    received_at: int
    ref: SubmissionRef


class BatchList(Protocol):
    """A client's submissions by receipt."""

    def page(
        self,
        client_id: str,
        *,
        status: Status | None,
        day: date | None,
        after: BatchPosition | None,
        limit: int,
    ) -> tuple[Sequence[Submission], BatchPosition | None]:
        """Up to `limit` submissions, newest first, that come after a position, and the position
        to go on from; None at the end of the list. A page may be short, even empty, although more
        follow. `day` is that of the receipt, in UTC. Eventually consistent."""
        ...


@dataclass(frozen=True, slots=True)
class UploadGrant:
    """A request that S3 takes, once signed: nothing of it can be changed, `size` bytes included."""

    url: str
    headers: Mapping[str, str]


class UploadGrants(Protocol):
    """Signs uploads."""

    def grant(self, ref: SubmissionRef, size: int, seconds: int) -> UploadGrant:
        """Sign a PUT of exactly `size` bytes under the key of `ref`, valid for `seconds`."""
        ...
