"""The part of the fake submission store that decides: names, contents, and how a file ends."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.submission import (
    CLAIMED,
    Failure,
    Refusal,
    Status,
    Submission,
    SubmissionRef,
    sources,
)
from pointflow.ports.submissions import Claim, ClaimResult


class FakeClaims:
    """Submissions by reference, owners by name, holders by content."""

    def __init__(self, *submissions: Submission) -> None:
        self.lock = threading.RLock()
        self._submissions: dict[SubmissionRef, Submission] = {}
        self._owners: dict[tuple[str, str], SubmissionRef] = {}
        self._holders: dict[tuple[str, str], set[SubmissionRef]] = {}
        self._twins: dict[SubmissionRef, SubmissionRef] = {}
        self._released_at: dict[SubmissionRef, int] = {}
        for submission in submissions:
            self.put(submission)

    def __contains__(self, ref: SubmissionRef) -> bool:
        return ref in self._submissions

    def put(self, submission: Submission) -> None:
        """Put a submission in place as if it had come this far."""
        ref = submission.ref
        self._submissions[ref] = submission
        if submission.content is None or ref.dry_run:
            return
        if submission.status in CLAIMED | {Status.HELD, Status.DISCARDED}:
            self._owners[ref.client_id, ref.file_name] = ref
        if submission.status in CLAIMED:
            self._holders.setdefault((ref.client_id, submission.content), set()).add(ref)

    def claim(
        self, ref: SubmissionRef, content: str, first_row_line: int, hold: bool, at: int
    ) -> Claim:
        with self.lock:
            submission = self.known(ref)
            if submission.status is not Status.PLANNING:
                return self._earlier_claim(submission)
            if ref.dry_run:
                return self._foresee(ref, content, first_row_line, hold, at)
            planned: dict[str, Any] = {"content": content, "first_row_line": first_row_line}
            owner = self._other_owner(ref)
            if owner and not owner.frees_name:
                if owner.content != content:
                    return Claim(ClaimResult.NAME_REUSED, owner.ref)
                self._twins[ref] = owner.ref
                planned["twin"] = owner.ref.version
                self._report(ref, at, status=Status.DUPLICATE, finished_at=at, **planned)
                return Claim(ClaimResult.DUPLICATE, owner.ref)
            self._take_place(owner, ref)
            self._owners[ref.client_id, ref.file_name] = ref
            return self._claim_content(ref, planned, hold, at)

    def _foresee(
        self, ref: SubmissionRef, content: str, first_row_line: int, hold: bool, at: int
    ) -> Claim:
        """Make the claim in earnest, and then as if it had never been made."""
        earnest = ref.in_earnest
        kept = (
            dict(self._submissions),
            dict(self._owners),
            {content: set(holders) for content, holders in self._holders.items()},
            dict(self._twins),
        )
        self._submissions[earnest] = replace(self.known(ref), ref=earnest)
        claim = self.claim(earnest, content, first_row_line, hold, at)
        self._submissions, self._owners, self._holders, self._twins = kept
        planned: dict[str, Any] = {"content": content, "first_row_line": first_row_line}
        if claim.result is ClaimResult.NAME_REUSED:
            return claim
        if claim.other is not None:
            self._twins[ref] = claim.other
        if claim.result is ClaimResult.DUPLICATE and claim.other:
            planned |= {"status": Status.DUPLICATE, "twin": claim.other.version}
            self._report(ref, at, finished_at=at, **planned)
        else:
            twin = claim.other.batch if claim.other else None
            self.change(ref, at, status=Status.PARSING, twin=twin, **planned)
        return claim

    def _claim_content(
        self, ref: SubmissionRef, planned: dict[str, Any], hold: bool, at: int
    ) -> Claim:
        holders = self._holders.setdefault((ref.client_id, planned["content"]), set())
        standing = sorted(each for each in holders if not self.known(each).frees_content)
        if standing and hold:
            twin = standing[0]
            self._twins[ref] = twin
            self._report(ref, at, status=Status.HELD, twin=twin.batch, **planned)
            return Claim(ClaimResult.HELD, twin)
        if hold:
            for each in holders:
                self._take_place(self.known(each), ref)
            holders.clear()
        holders.add(ref)
        self.change(ref, at, status=Status.PARSING, **planned)
        return Claim(ClaimResult.ACCEPTED)

    def _earlier_claim(self, submission: Submission) -> Claim:
        ref = submission.ref
        match submission.status:
            case Status.HELD | Status.DISCARDED:
                return Claim(ClaimResult.HELD, self._twins.get(ref))
            case Status.DUPLICATE:
                return Claim(ClaimResult.DUPLICATE, self._twins.get(ref))
            case Status.REFUSED:
                return Claim(
                    ClaimResult.NAME_REUSED, self._owners.get((ref.client_id, ref.file_name))
                )
            case status if status in CLAIMED and submission.content:
                return Claim(ClaimResult.ACCEPTED)
        raise ConflictError(f"{ref.batch} is {submission.status}, not planned")

    def _other_owner(self, ref: SubmissionRef) -> Submission | None:
        owner = self._owners.get((ref.client_id, ref.file_name))
        return self.known(owner) if owner and owner != ref else None

    def _take_place(self, freed: Submission | None, ref: SubmissionRef) -> None:
        if freed and freed.status is Status.FAILED and not freed.superseded_by:
            by = f"{ref.batch}#{ref.version}"
            self._submissions[freed.ref] = replace(freed, superseded_by=by)

    def refuse(self, ref: SubmissionRef, refusal: Refusal, at: int) -> Submission:
        with self.lock:
            if self.known(ref).status in sources(Status.REFUSED):
                self._report(ref, at, status=Status.REFUSED, refusal=refusal, finished_at=at)
            return self.known(ref)

    def fail(self, ref: SubmissionRef, failure: Failure, at: int) -> Submission:
        with self.lock:
            if self.known(ref).status in sources(Status.FAILED):
                self._report(ref, at, status=Status.FAILED, failure=failure, finished_at=at)
            return self.known(ref)

    def release(self, ref: SubmissionRef, at: int) -> Submission:
        with self.lock:
            submission = self.known(ref)
            if submission.status is Status.HELD:
                assert submission.content is not None
                self._holders.setdefault((ref.client_id, submission.content), set()).add(ref)
                self._released_at[ref] = at
                self.change(ref, at, status=Status.PARSING)
            elif self._released_at.get(ref) != at:
                raise ConflictError(f"{ref.batch} is {submission.status}, not HELD")
            return self.known(ref)

    def discard(self, ref: SubmissionRef, at: int) -> Submission:
        with self.lock:
            submission = self.known(ref)
            if submission.status is Status.HELD:
                self._report(ref, at, status=Status.DISCARDED, finished_at=at)
            elif submission.status is not Status.DISCARDED or submission.finished_at != at:
                raise ConflictError(f"{ref.batch} is {submission.status}, not HELD")
            return self.known(ref)

    def known(self, ref: SubmissionRef) -> Submission:
        if ref not in self._submissions:
            raise NotFoundError(f"no submission {ref.version} of {ref.batch}")
        return self._submissions[ref]

    def change(self, ref: SubmissionRef, at: int, **changes: Any) -> None:
        changes = {"looks": 0, **changes}
        self._submissions[ref] = replace(self.known(ref), updated_at=at, **changes)

    def _report(self, ref: SubmissionRef, at: int, **changes: Any) -> None:
        self.change(ref, at, revision=self.known(ref).revision + 1, **changes)
