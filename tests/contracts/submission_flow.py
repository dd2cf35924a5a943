"""From upload to completion: what every submission store must do."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.errors import ChunkMismatchError, ConflictError, NotFoundError
from pointflow.domain.submission import CellProgress, ChunkOutcome, Refusal, Status, Tally
from pointflow.ports.submissions import SubmissionStore
from tests.contracts.submission_samples import (
    DECIDED,
    FAILURE,
    OTHER_NAME,
    accept,
    at_once,
    claim,
    close,
    known,
    measure,
    outcome,
    plan,
    ref,
    run_all,
    settle,
    steps,
    submission,
)

REFUSAL = Refusal(FileCode.FILE_EMPTY, "the file holds no row")
TWIN = ref("t1", OTHER_NAME)


def hold(store: SubmissionStore) -> None:
    accept(store, TWIN)
    accept(store, ref())


class SubmissionFlowContract:
    def test_a_file_goes_from_upload_to_report(self, store: SubmissionStore) -> None:
        done = run_all(store, ref())
        assert done.status is Status.COMPLETED_WITH_REJECTS
        assert done.tally == DECIDED
        assert (done.cells_measured, done.cells_closed, done.cells_complete) == (2, 2, 2)
        assert (done.finished_at, done.updated_at, done.crediting_since) == (110, 110, 106)
        assert (done.revision, done.reported_revision, done.outstanding) == (1, 1, False)

    def test_a_file_without_rejects_is_completed(self, store: SubmissionStore) -> None:
        accept(store, ref())
        for cell in (0, 1):
            store.close_cell(ref(), replace(close(cell), tally=Tally(rows=1)), 120)
            store.save_outcome(ref(), replace(outcome(cell), tally=Tally(credited=1)), 121)
            settle(store, ref(), cell, 122)
        assert known(store, ref()).status is Status.COMPLETED

    def test_every_call_may_be_made_twice(self, store: SubmissionStore) -> None:
        for step in steps(store, ref()):
            step()
            step()
        done = known(store, ref())
        assert done.status is Status.COMPLETED_WITH_REJECTS
        assert done.tally == DECIDED
        assert (done.cells_measured, done.cells_closed, done.cells_complete) == (2, 2, 2)
        assert (done.revision, done.reported_revision) == (1, 1)

    @pytest.mark.parametrize("crashed_after", range(1, 13))
    def test_whoever_crashes_between_two_calls_and_starts_again_ends_the_same(
        self, store: SubmissionStore, crashed_after: int
    ) -> None:
        for step in steps(store, ref())[:crashed_after]:
            step()
        again = run_all(store, ref())
        assert again.status is Status.COMPLETED_WITH_REJECTS
        assert again.tally == DECIDED
        assert (again.revision, again.cells_complete) == (1, 2)

    def test_every_call_may_be_made_by_four_at_once(self, store: SubmissionStore) -> None:
        for step in steps(store, ref()):
            at_once(*[step] * 4)
        done = known(store, ref())
        assert done.status is Status.COMPLETED_WITH_REJECTS
        assert done.tally == DECIDED
        assert (done.revision, done.reported_revision) == (1, 1)

    def test_the_first_record_of_a_submission_stands(self, store: SubmissionStore) -> None:
        assert store.receive(submission(ref(), at=100)) == submission(ref(), at=100)
        assert store.receive(submission(ref(), at=900)) == submission(ref(), at=100)
        assert store.get(ref("unknown")) is None

    def test_planning_begins_once_and_never_again(self, store: SubmissionStore) -> None:
        accept(store, ref())
        store.start_planning(ref(), 900)
        assert known(store, ref()).status is Status.PARSING
        with pytest.raises(NotFoundError):
            store.start_planning(ref("unknown"), 900)

    def test_measures_come_back_by_cell_as_they_were(self, store: SubmissionStore) -> None:
        plan(store, ref())
        for cell in (1, 0, 1):
            store.save_measure(ref(), measure(cell), 120)
        assert list(store.measures(ref())) == [measure(0), measure(1)]
        assert list(store.measures(ref(), 1)) == [measure(1)]
        assert list(store.measures(ref(), 0, 1)) == [measure(0)]
        assert known(store, ref()).cells_measured == 2
        assert list(store.closes(ref())) == []
        with pytest.raises(NotFoundError):
            store.save_measure(ref("unknown"), measure(0), 120)

    def test_a_refusal_is_reported_once_with_its_words(self, store: SubmissionStore) -> None:
        plan(store, ref())
        for at in (120, 130):
            refused = store.refuse(ref(), REFUSAL, at)
        assert (refused.status, refused.refusal) == (Status.REFUSED, REFUSAL)
        assert (refused.finished_at, refused.revision) == (120, 1)
        assert refused == known(store, ref())

    def test_what_is_accepted_is_never_refused(self, store: SubmissionStore) -> None:
        accept(store, ref())
        assert store.refuse(ref(), REFUSAL, 120).status is Status.PARSING

    def test_a_failure_is_reported_once_with_its_words(self, store: SubmissionStore) -> None:
        accept(store, ref())
        for at in (120, 130):
            failed = store.fail(ref(), FAILURE, at)
        assert (failed.status, failed.failure) == (Status.FAILED, FAILURE)
        assert (failed.finished_at, failed.revision) == (120, 1)

    @pytest.mark.parametrize("finish", [hold, lambda store: run_all(store, ref())])
    def test_only_open_work_can_fail(
        self, store: SubmissionStore, finish: Callable[[SubmissionStore], object]
    ) -> None:
        finish(store)
        before = known(store, ref())
        assert store.fail(ref(), FAILURE, 900) == before

    def test_a_held_file_is_released_once_and_holds_its_content_too(
        self, store: SubmissionStore
    ) -> None:
        hold(store)
        released = store.release(ref(), 120)
        assert (released.status, released.twin) == (Status.PARSING, TWIN.batch)
        assert released.outstanding
        assert store.release(ref(), 120) == released
        with pytest.raises(ConflictError):
            store.release(ref(), 121)
        store.fail(TWIN, FAILURE, 130)
        plan(store, ref("w1", "activities_acme_20260103000000.txt"))
        third = claim(store, ref("w1", "activities_acme_20260103000000.txt"))
        assert third.other == ref()

    def test_a_held_file_is_discarded_once(self, store: SubmissionStore) -> None:
        hold(store)
        discarded = store.discard(ref(), 120)
        assert discarded.status is Status.DISCARDED
        assert (discarded.finished_at, discarded.revision) == (120, 2)
        assert store.discard(ref(), 120) == discarded
        for decide in (store.discard, store.release):
            with pytest.raises(ConflictError):
                decide(ref(), 121)

    def test_of_a_release_and_a_discard_at_once_one_is_told_of_the_other(
        self, store: SubmissionStore
    ) -> None:
        hold(store)

        def told(decide: Callable[..., object], at: int) -> bool:
            try:
                decide(ref(), at)
            except ConflictError:
                return True
            return False

        assert sorted(
            at_once(lambda: told(store.release, 120), lambda: told(store.discard, 121))
        ) == [False, True]


class SubmissionCountersContract:
    def test_a_cell_closed_with_other_figures_fails_loudly(self, store: SubmissionStore) -> None:
        accept(store, ref())
        store.close_cell(ref(), close(0), 120)
        with pytest.raises(ChunkMismatchError):
            store.close_cell(ref(), replace(close(0), chunks=2), 121)
        assert list(store.closes(ref())) == [close(0)]
        assert list(store.closes(ref(), 0, 1)) == [close(0)]
        assert list(store.closes(ref(), 1, 2)) == []
        assert known(store, ref()).tally == close(0).tally

    def test_a_cell_of_a_file_that_is_not_parsed_cannot_be_closed(
        self, store: SubmissionStore
    ) -> None:
        hold(store)
        with pytest.raises(ConflictError):
            store.close_cell(ref(), close(0), 120)
        with pytest.raises(NotFoundError):
            store.close_cell(ref("unknown"), close(0), 120)

    def test_crediting_begins_with_the_last_cell_closed(self, store: SubmissionStore) -> None:
        accept(store, ref())
        store.close_cell(ref(), close(1), 120)
        assert known(store, ref()).status is Status.PARSING
        store.close_cell(ref(), close(0), 121)
        assert known(store, ref()).status is Status.CREDITING

    def test_a_chunk_with_another_digest_fails_loudly(self, store: SubmissionStore) -> None:
        accept(store, ref())
        store.save_outcome(ref(), outcome(0), 120)
        with pytest.raises(ChunkMismatchError):
            store.save_outcome(ref(), replace(outcome(0), digest="other"), 121)
        assert store.outcome(ref(), 0, 2) == outcome(0)
        assert store.outcome(ref(), 0, 3) is None

    def test_outcomes_that_come_all_at_once_are_all_counted(self, store: SubmissionStore) -> None:
        accept(store, ref())
        tally = Tally(credited=3, rejected=1, points=30, codes={"MEMBER_NOT_FOUND": 1})
        chunks = [
            ChunkOutcome(0, first, first + 3, f"digest {first}", tally, None)
            for first in range(1, 8001, 500)
        ]
        at_once(*[lambda each=each: store.save_outcome(ref(), each, 120) for each in chunks * 2])
        progress = store.cell_progress(ref(), 0)
        assert progress == CellProgress(
            None,
            16,
            Tally(credited=48, rejected=16, points=480, codes={"MEMBER_NOT_FOUND": 16}),
        )
        assert list(store.outcomes(ref(), 0)) == chunks
        assert list(store.outcomes(ref(), 1)) == []

    def test_a_cell_is_settled_when_it_is_closed_and_every_chunk_has_its_outcome(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref())
        store.save_outcome(ref(), outcome(0), 120)
        assert not store.cell_progress(ref(), 0).settled
        store.close_cell(ref(), close(0), 121)
        assert store.cell_progress(ref(), 0) == CellProgress(1, 1, outcome(0).tally)

    def test_a_cell_that_is_not_closed_cannot_be_complete(self, store: SubmissionStore) -> None:
        accept(store, ref())
        with pytest.raises(ConflictError):
            store.complete_cell(ref(), 0, Tally(), 120)

    def test_nothing_completes_before_its_last_cell(self, store: SubmissionStore) -> None:
        accept(store, ref())
        store.close_cell(ref(), close(0), 120)
        store.save_outcome(ref(), outcome(0), 121)
        settle(store, ref(), 0, 122)
        assert store.complete(ref(), 123).status is Status.PARSING
        with pytest.raises(NotFoundError):
            store.complete(ref("unknown"), 123)

    def test_counts_that_do_not_reconcile_fail_the_batch(self, store: SubmissionStore) -> None:
        accept(store, ref())
        for cell in (0, 1):
            store.close_cell(ref(), close(cell), 120)
            store.complete_cell(ref(), cell, Tally(credited=1), 121)
        for at in (122, 123):
            failed = store.complete(ref(), at)
        assert failed.status is Status.FAILED
        assert failed.failure is not None
        assert failed.failure.code is FailureCode.COUNTERS_DO_NOT_RECONCILE
        assert failed.revision == 1

    def test_a_failed_batch_heals_when_its_last_chunk_comes_after_all(
        self, store: SubmissionStore
    ) -> None:
        for step in steps(store, ref())[:-3]:
            step()
        store.fail(ref(), FAILURE, 120)
        store.reported(ref(), 1)
        store.save_outcome(ref(), outcome(1), 130)
        settle(store, ref(), 1, 131)
        healed = known(store, ref())
        assert (healed.status, healed.failure) == (Status.COMPLETED_WITH_REJECTS, None)
        assert (healed.revision, healed.finished_at) == (2, 131)
        assert healed.tally == DECIDED

    def test_a_batch_that_failed_while_it_was_parsed_heals_too(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref())
        store.fail(ref(), FAILURE, 120)
        for cell in (0, 1):
            store.close_cell(ref(), close(cell), 130)
            store.save_outcome(ref(), outcome(cell), 131)
            settle(store, ref(), cell, 132)
        assert known(store, ref()).status is Status.COMPLETED_WITH_REJECTS

    def test_the_note_that_credits_may_exist_is_made_once(self, store: SubmissionStore) -> None:
        accept(store, ref())
        assert store.begin_crediting(ref(), 120)
        assert store.begin_crediting(ref(), 130)
        assert known(store, ref()).crediting_since == 120

    def test_nothing_is_credited_of_a_file_that_was_not_accepted(
        self, store: SubmissionStore
    ) -> None:
        hold(store)
        assert not store.begin_crediting(ref(), 120)
        with pytest.raises(NotFoundError):
            store.begin_crediting(ref("unknown"), 120)
