"""Taking a batch back on record: what every undo store must do."""

from __future__ import annotations

import pytest

from pointflow.domain.errors import ConflictError
from pointflow.domain.submission import Status, Tally, Undone
from pointflow.domain.undo import UndoneChunk, UndoProgress
from pointflow.ports.submissions import SubmissionStore
from pointflow.ports.undo import UndoStore
from tests.contracts.submission_samples import (
    FAILURE,
    OTHER_NAME,
    accept,
    at_once,
    claim,
    close,
    known,
    outcome,
    plan,
    ref,
    run_all,
)

FIRST = UndoneChunk(0, outcome(0).first_line, Undone(1, 50))
SECOND = UndoneChunk(1, outcome(1).first_line, Undone(2, 20))


def take_back(undo: UndoStore, chunk: UndoneChunk, at: int) -> None:
    undo.save_undone(ref(), chunk, at)
    progress = undo.undo_progress(ref(), chunk.cell)
    assert progress.settled
    undo.complete_undone_cell(ref(), chunk.cell, progress.undone, at)
    undo.finish_undo(ref(), at)


class UndoContract:
    def test_a_batch_is_undone_when_its_last_cell_is(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        done = run_all(store, ref())
        started = undo.start_undo(ref(), 200)
        assert (started.status, started.undoing_since) == (Status.UNDOING, 200)
        assert (started.revision, started.tally) == (1, done.tally)
        assert list(store.open_since(1000)) == [ref()]

        take_back(undo, FIRST, 201)
        assert known(store, ref()).status is Status.UNDOING
        take_back(undo, SECOND, 202)

        undone = known(store, ref())
        assert (undone.status, undone.undone) == (Status.UNDONE, Undone(3, 70))
        assert (undone.revision, undone.finished_at, undone.tally) == (2, 202, done.tally)
        store.reported(ref(), 2)
        assert list(store.open_since(1000)) == []

    def test_a_repeat_of_anything_changes_nothing(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        undo.start_undo(ref(), 200)
        for at in (201, 301):
            take_back(undo, FIRST, at)
        for at in (202, 302):
            take_back(undo, SECOND, at)
        assert undo.start_undo(ref(), 400) == known(store, ref())
        undone = known(store, ref())
        assert (undone.undone, undone.cells_undone) == (Undone(3, 70), 2)
        assert (undone.revision, undone.updated_at) == (2, 202)

    def test_of_writers_at_once_each_step_counts_once(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        at_once(*[lambda: undo.start_undo(ref(), 200)] * 4)
        at_once(*[lambda: take_back(undo, FIRST, 201)] * 4)
        at_once(*[lambda: take_back(undo, SECOND, 202)] * 4)
        undone = known(store, ref())
        assert (undone.undone, undone.revision) == (Undone(3, 70), 2)

    def test_chunks_that_are_taken_back_are_known(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        undo.start_undo(ref(), 200)
        assert undo.undone_chunks(ref(), 0) == frozenset()
        assert undo.undo_progress(ref(), 0) == UndoProgress(1, 0, Undone())
        undo.save_undone(ref(), FIRST, 201)
        assert undo.undone_chunks(ref(), 0) == {FIRST.first_line}
        assert undo.undone_chunks(ref(), 1) == frozenset()
        assert undo.outcome(ref(), 0, FIRST.first_line) == outcome(0)
        assert list(undo.outcomes(ref(), 0)) == [outcome(0)]

    def test_the_counters_of_an_undo_are_not_those_of_crediting(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        before = store.cell_progress(ref(), 0)
        undo.start_undo(ref(), 200)
        take_back(undo, FIRST, 201)
        assert store.cell_progress(ref(), 0) == before

    def test_what_is_not_decided_is_not_undone(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        accept(store, ref())
        assert undo.start_undo(ref(), 200).status is Status.PARSING
        store.fail(ref(), FAILURE, 201)
        assert undo.start_undo(ref(), 202).status is Status.FAILED
        with pytest.raises(ConflictError):
            undo.undo_progress(ref(), 0)

    def test_a_batch_that_failed_with_every_line_decided_is_undone(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        accept(store, ref())
        for cell in (0, 1):
            store.close_cell(ref(), close(cell), 120)
            store.complete_cell(ref(), cell, Tally(credited=1), 121)
        assert store.complete(ref(), 122).status is Status.FAILED
        assert undo.start_undo(ref(), 200).status is Status.UNDOING

    def test_only_a_batch_that_is_being_undone_counts_cells(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        done = run_all(store, ref())
        undo.complete_undone_cell(ref(), 0, Undone(1, 50), 200)
        assert undo.finish_undo(ref(), 201) == done

    def test_nothing_brings_an_undone_batch_back(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        undo.start_undo(ref(), 200)
        assert not store.begin_crediting(ref(), 201)
        for chunk in (FIRST, SECOND):
            take_back(undo, chunk, 202)
        undone = known(store, ref())
        assert store.complete(ref(), 203) == undone
        assert store.fail(ref(), FAILURE, 204) == undone
        assert not store.begin_crediting(ref(), 205)

    def test_the_content_is_free_once_it_is_undone_and_the_name_is_not(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        undo.start_undo(ref(), 200)
        early, late = ref("w1", OTHER_NAME), ref("w2", "activities_acme_20260103000000.txt")
        plan(store, early)
        assert claim(store, early).result == "HELD"
        for chunk in (FIRST, SECOND):
            take_back(undo, chunk, 202)

        plan(store, late)
        assert claim(store, late).result == "ACCEPTED"
        for version, content, answer in (
            ("v2", "content", "DUPLICATE"),
            ("v3", "corrected", "NAME_REUSED"),
        ):
            plan(store, ref(version))
            assert claim(store, ref(version), content).result == answer
        assert known(store, ref()).status is Status.UNDONE

    def test_a_content_that_is_credited_unheld_forgets_who_was_undone(
        self, store: SubmissionStore, undo: UndoStore
    ) -> None:
        run_all(store, ref())
        undo.start_undo(ref(), 200)
        for chunk in (FIRST, SECOND):
            take_back(undo, chunk, 202)
        other, third = ref("w1", OTHER_NAME), ref("w2", "activities_acme_20260103000000.txt")
        plan(store, other)
        assert claim(store, other, hold=False).result == "ACCEPTED"
        plan(store, third)
        held = claim(store, third)
        assert (held.result, held.other) == ("HELD", other)
