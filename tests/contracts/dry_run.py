"""Dry runs on record: what every submission store must do."""

from __future__ import annotations

from dataclasses import replace

from pointflow.domain.submission import Status, SubmissionRef, dry_runs_of
from pointflow.ports.submissions import Claim, ClaimResult, SubmissionStore
from tests.contracts.submission_samples import (
    DECIDED,
    NAME,
    OTHER_NAME,
    accept,
    claim,
    close,
    known,
    outcome,
    plan,
    ref,
    run_all,
    settle,
)

DRY = replace(ref("d1"), dry_run=True)


def other(version: str = "d1") -> SubmissionRef:
    return replace(ref(version, OTHER_NAME), dry_run=True)


class DryRunContract:
    def test_it_is_told_what_a_claim_would_get_and_claims_nothing(
        self, store: SubmissionStore
    ) -> None:
        plan(store, DRY)
        assert claim(store, DRY) == Claim(ClaimResult.ACCEPTED)
        assert known(store, DRY).status is Status.PARSING
        assert store.owner("acme", NAME) is None
        accept(store, ref("v1", OTHER_NAME))
        assert known(store, ref("v1", OTHER_NAME)).status is Status.PARSING

    def test_where_it_would_be_held_it_goes_on_and_names_the_twin(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref())
        plan(store, other())
        assert claim(store, other()) == Claim(ClaimResult.HELD, ref())
        dry = known(store, other())
        assert (dry.status, dry.twin) == (Status.PARSING, ref().batch)
        assert store.owner("acme", OTHER_NAME) is None

    def test_where_nothing_is_held_it_would_be_accepted(self, store: SubmissionStore) -> None:
        accept(store, ref())
        plan(store, other())
        assert claim(store, other(), hold=False) == Claim(ClaimResult.ACCEPTED)
        assert known(store, other()).twin is None

    def test_a_name_that_is_taken_would_be_a_duplicate_or_refused(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref())
        second = replace(DRY, version="d2")
        for which in (DRY, second):
            plan(store, which)
        assert claim(store, DRY) == Claim(ClaimResult.DUPLICATE, ref())
        assert (known(store, DRY).status, known(store, DRY).twin) == (Status.DUPLICATE, "v1")
        assert claim(store, second, "corrected") == Claim(ClaimResult.NAME_REUSED, ref())
        assert known(store, second).status is Status.PLANNING

    def test_a_repeat_of_the_question_changes_nothing(self, store: SubmissionStore) -> None:
        accept(store, ref())
        plan(store, other())
        claim(store, other())
        before = known(store, other())
        claim(store, other(), at=300)
        assert known(store, other()) == before

    def test_it_goes_the_whole_way_and_never_notes_that_credits_may_exist(
        self, store: SubmissionStore
    ) -> None:
        plan(store, DRY)
        claim(store, DRY)
        for cell in (0, 1):
            store.close_cell(DRY, close(cell), 105)
            store.save_outcome(DRY, outcome(cell), 106)
            settle(store, DRY, cell, 107)
        dry = known(store, DRY)
        assert (dry.status, dry.tally) == (Status.COMPLETED_WITH_REJECTS, DECIDED)
        assert dry.crediting_since is None
        assert list(store.open_since(1000)) == [DRY]
        store.reported(DRY, 1)
        assert list(store.open_since(1000)) == []

    def test_it_is_listed_apart_and_has_no_part_in_the_batch(self, store: SubmissionStore) -> None:
        plan(store, DRY)
        run_all(store, ref())
        assert [each.ref for each in store.listing("acme")] == [ref()]
        assert [each.ref for each in store.listing(dry_runs_of("acme"))] == [DRY]
        assert [each.ref for each in store.of_batch("acme", NAME)] == [ref()]

    def test_no_clients_file_can_be_taken_for_a_dry_run(self, store: SubmissionStore) -> None:
        plan(store, DRY)
        assert store.get(SubmissionRef("dryrun", f"acme/{NAME}", "d1")) is None
