"""Finding submissions again: what every submission store must do."""

from dataclasses import replace

from pointflow.domain.codes import FileCode
from pointflow.domain.submission import Refusal, Status, SubmissionRef
from pointflow.ports.submissions import SubmissionStore
from tests.contracts.submission_samples import (
    FAILURE,
    NAME,
    OTHER_NAME,
    accept,
    close,
    known,
    measure,
    plan,
    ref,
    run_all,
    steps,
    submission,
)

REFUSAL = Refusal(FileCode.FILE_EMPTY, "the file holds no row")


class SubmissionLookupContract:
    def test_work_that_stands_still_is_found_longest_first(self, store: SubmissionStore) -> None:
        for version, at in (("late", 300), ("early", 100), ("middle", 200)):
            store.receive(submission(ref(version), at))
        assert [each.version for each in store.open_since(300)] == ["early", "middle"]

    def test_what_moves_is_not_found(self, store: SubmissionStore) -> None:
        plan(store, ref(), at=100)
        store.save_measure(ref(), measure(0), 500)
        assert list(store.open_since(400)) == []
        assert list(store.open_since(501)) == [ref()]

    def test_what_ended_is_found_until_its_report_is_written(self, store: SubmissionStore) -> None:
        plan(store, ref())
        store.refuse(ref(), REFUSAL, 120)
        assert list(store.open_since(1000)) == [ref()]
        store.reported(ref(), 1)
        assert list(store.open_since(1000)) == []
        assert not known(store, ref()).outstanding

    def test_a_held_file_whose_report_is_written_waits_unseen_until_it_is_released(
        self, store: SubmissionStore
    ) -> None:
        run_all(store, ref("t1", OTHER_NAME))
        accept(store, ref())
        store.reported(ref(), 1)
        assert list(store.open_since(1000)) == []
        store.release(ref(), 120)
        assert list(store.open_since(1000)) == [ref()]

    def test_the_report_of_an_older_revision_leaves_the_newer_one_outstanding(
        self, store: SubmissionStore
    ) -> None:
        for step in steps(store, ref())[:-3]:
            step()
        store.fail(ref(), FAILURE, 120)
        for step in steps(store, ref())[-3:-1]:
            step()
        assert known(store, ref()).revision == 2
        store.reported(ref(), 1)
        assert list(store.open_since(1000)) == [ref()]
        store.reported(ref(), 2)
        store.reported(ref(), 1)
        assert known(store, ref()).reported_revision == 2
        assert list(store.open_since(1000)) == []

    def test_a_look_is_counted_once_a_time_and_the_next_one_is_for_others_first(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref())
        for at in (500, 500, 600):
            store.count_look(ref(), at)
        assert known(store, ref()).looks == 2
        assert list(store.open_since(600)) == []

    def test_whatever_brings_a_submission_further_takes_its_looks_back(
        self, store: SubmissionStore
    ) -> None:
        received, *further, _ = steps(store, ref())
        received()
        for at, step in enumerate(further, start=500):
            before = known(store, ref())
            store.count_look(ref(), at)
            step()
            after = known(store, ref())
            moved = replace(after, looks=0, updated_at=0) != replace(before, looks=0, updated_at=0)
            looks = 0 if moved else before.looks + 1
            assert after.looks == looks, f"step {at - 499}: {before.status} -> {after.status}"
        assert known(store, ref()).looks == 0

    def test_a_repeat_that_changes_nothing_is_no_movement(self, store: SubmissionStore) -> None:
        for step in steps(store, ref())[:6]:
            step()
        store.count_look(ref(), 500)
        store.save_measure(ref(), measure(0), 501)
        store.close_cell(ref(), close(0), 502)
        store.complete(ref(), 503)
        assert (known(store, ref()).looks, known(store, ref()).updated_at) == (1, 500)

    def test_what_is_done_is_not_woken(self, store: SubmissionStore) -> None:
        done = run_all(store, ref())
        store.count_look(ref(), 500)
        assert known(store, ref()) == done

    def test_a_clients_submissions_are_listed_newest_first(self, store: SubmissionStore) -> None:
        for version, at in (("v1", 100), ("v2", 300), ("v3", 200)):
            store.receive(submission(ref(version), at))
        store.receive(submission(SubmissionRef("globex", NAME, "v9"), 400))
        assert [each.ref.version for each in store.listing("acme")] == ["v2", "v3", "v1"]
        assert [each.ref.version for each in store.listing("acme", limit=2)] == ["v2", "v3"]
        assert list(store.listing("initech")) == []

    def test_a_listing_of_one_status_is_as_long_as_asked_for(self, store: SubmissionStore) -> None:
        for number in range(6):
            store.receive(submission(ref(f"v{number}"), 100 + number))
            if number % 2:
                store.start_planning(ref(f"v{number}"), 200)
        found = store.listing("acme", status=Status.PLANNING, limit=2)
        assert [each.ref.version for each in found] == ["v5", "v3"]

    def test_the_submissions_of_a_name_are_found(self, store: SubmissionStore) -> None:
        for which in (ref("v1"), ref("v2"), ref("v3", OTHER_NAME)):
            plan(store, which)
        assert {each.ref for each in store.of_batch("acme", NAME)} == {ref("v1"), ref("v2")}
        assert store.owner("acme", NAME) is None

    def test_a_chunks_last_delivery_leaves_a_trace(self, store: SubmissionStore) -> None:
        accept(store, ref())
        store.mark_last_try(ref(), 0, 501, 120)
        store.mark_last_try(ref(), 0, 2, 130)
        store.mark_last_try(ref(), 0, 2, 130)
        assert store.last_tries(ref(), 0) == {2: 130, 501: 120}
        assert store.last_tries(ref(), 1) == {}
        store.mark_last_try(ref("unknown"), 0, 2, 130)
        assert store.last_tries(ref("unknown"), 0) == {2: 130}

    def test_what_a_chunks_last_delivery_failed_on_is_kept_with_it(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref())
        store.mark_last_try(ref(), 0, 501, 120)
        assert store.last_error(ref(), 0, 501) is None
        store.mark_last_try(ref(), 0, 501, 120, "ContentionError")
        assert store.last_error(ref(), 0, 501) == "ContentionError"
        assert store.last_error(ref(), 0, 2) is None
        assert store.last_tries(ref(), 0) == {501: 120}

    def test_an_object_with_the_longest_possible_name_is_recorded_and_refused(
        self, store: SubmissionStore
    ) -> None:
        longest = ref("v" * 32, "é" * 505)
        plan(store, longest)
        refused = store.refuse(longest, REFUSAL, 120)
        assert [each.ref for each in store.listing("acme")] == [refused.ref]
        assert [each.ref for each in store.of_batch("acme", longest.file_name)] == [longest]
