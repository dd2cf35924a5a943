"""Who owns a name, who holds a content: what every submission store must do."""

from collections.abc import Callable

import pytest

from pointflow.domain.codes import FileCode
from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.submission import CellClose, Refusal, Status, SubmissionRef, Tally
from pointflow.ports.submissions import Claim, ClaimResult, SubmissionStore
from tests.contracts.submission_samples import (
    FAILURE,
    NAME,
    OTHER_NAME,
    accept,
    at_once,
    claim,
    known,
    plan,
    ref,
    run_all,
    settle,
    submission,
)

REFUSAL = Refusal(FileCode.FILE_NAME_REUSED, "the name is taken")
TWIN = ref("t1", OTHER_NAME)
THIRD_NAME = "activities_acme_20260103000000.txt"


def fail_before_crediting(store: SubmissionStore, which: SubmissionRef) -> None:
    accept(store, which)
    store.fail(which, FAILURE, 120)


def fail_after_crediting_began(store: SubmissionStore, which: SubmissionRef) -> None:
    accept(store, which)
    assert store.begin_crediting(which, 115)
    store.fail(which, FAILURE, 120)


def hold(store: SubmissionStore, which: SubmissionRef) -> None:
    accept(store, TWIN)
    accept(store, which)


def discard(store: SubmissionStore, which: SubmissionRef) -> None:
    hold(store, which)
    store.discard(which, 120)


def reject_all(store: SubmissionStore, which: SubmissionRef) -> None:
    """To COMPLETED_WITH_REJECTS, with nothing credited."""
    accept(store, which)
    assert store.begin_crediting(which, 112)
    for cell in (0, 1):
        store.close_cell(which, CellClose(cell, 0, Tally(rows=1, rejected=1), None), 115)
        settle(store, which, cell, 116)
    assert known(store, which).status is Status.COMPLETED_WITH_REJECTS


class SubmissionClaimsContract:
    def test_a_free_name_and_content_are_claimed_and_parsing_begins(
        self, store: SubmissionStore
    ) -> None:
        plan(store, ref())
        assert claim(store, ref(), at=110) == Claim(ClaimResult.ACCEPTED)
        claimed = known(store, ref())
        assert claimed.status is Status.PARSING
        assert (claimed.content, claimed.first_row_line) == ("content", 1)
        assert (claimed.updated_at, claimed.revision) == (110, 0)
        assert store.owner("acme", NAME) == ref()

    def test_the_same_name_and_content_again_is_a_duplicate_and_is_reported(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref("v1"))
        plan(store, ref("v2"))
        assert claim(store, ref("v2"), at=130) == Claim(ClaimResult.DUPLICATE, ref("v1"))
        duplicate = known(store, ref("v2"))
        assert duplicate.status is Status.DUPLICATE
        assert (duplicate.twin, duplicate.revision, duplicate.finished_at) == ("v1", 1, 130)
        assert store.owner("acme", NAME) == ref("v1")

    def test_the_same_name_with_other_content_changes_nothing(self, store: SubmissionStore) -> None:
        accept(store, ref("v1"))
        plan(store, ref("v2"))
        before = known(store, ref("v2"))
        for _ in range(2):
            taken = claim(store, ref("v2"), "other content")
            assert taken == Claim(ClaimResult.NAME_REUSED, ref("v1"))
        assert known(store, ref("v2")) == before
        assert store.owner("acme", NAME) == ref("v1")

    def test_a_name_that_was_refused_stays_refused_however_often_it_is_claimed(
        self, store: SubmissionStore
    ) -> None:
        accept(store, ref("v1"))
        plan(store, ref("v2"))
        claim(store, ref("v2"), "other content")
        store.refuse(ref("v2"), REFUSAL, 120)
        assert claim(store, ref("v2"), "other content") == Claim(ClaimResult.NAME_REUSED, ref("v1"))
        assert known(store, ref("v2")).status is Status.REFUSED

    def test_a_content_known_under_another_name_is_held(self, store: SubmissionStore) -> None:
        accept(store, TWIN)
        plan(store, ref())
        assert claim(store, ref(), at=130) == Claim(ClaimResult.HELD, TWIN)
        held = known(store, ref())
        assert held.status is Status.HELD
        assert (held.twin, held.revision, held.finished_at) == (TWIN.batch, 1, None)
        assert store.owner("acme", NAME) == ref()

    def test_a_client_that_wants_no_holding_credits_a_content_as_often_as_it_sends_it(
        self, store: SubmissionStore
    ) -> None:
        accept(store, TWIN)
        plan(store, ref())
        assert claim(store, ref(), hold=False) == Claim(ClaimResult.ACCEPTED)
        assert known(store, ref()).status is Status.PARSING

    def test_one_client_never_sees_anothers_content(self, store: SubmissionStore) -> None:
        accept(store, SubmissionRef("globex", NAME, "v9"))
        plan(store, ref())
        assert claim(store, ref()) == Claim(ClaimResult.ACCEPTED)

    @pytest.mark.parametrize(
        ("before", "answer"),
        [
            (accept, ClaimResult.ACCEPTED),
            (run_all, ClaimResult.ACCEPTED),
            (fail_before_crediting, ClaimResult.ACCEPTED),
            (hold, ClaimResult.HELD),
            (discard, ClaimResult.HELD),
        ],
    )
    def test_a_claim_that_was_decided_answers_the_same_again_and_changes_nothing(
        self,
        store: SubmissionStore,
        before: Callable[[SubmissionStore, SubmissionRef], object],
        answer: ClaimResult,
    ) -> None:
        before(store, ref())
        stands = known(store, ref())
        again = claim(store, ref(), at=500)
        assert again == Claim(answer, TWIN if answer is ClaimResult.HELD else None)
        assert known(store, ref()) == stands

    def test_a_duplicate_answers_the_same_again(self, store: SubmissionStore) -> None:
        accept(store, ref("v1"))
        plan(store, ref("v2"))
        first, second = claim(store, ref("v2")), claim(store, ref("v2"), at=500)
        assert first == second == Claim(ClaimResult.DUPLICATE, ref("v1"))
        assert known(store, ref("v2")).revision == 1

    def test_what_is_not_planned_cannot_claim(self, store: SubmissionStore) -> None:
        with pytest.raises(NotFoundError):
            claim(store, ref("nobody"))
        store.receive(submission(ref()))
        with pytest.raises(ConflictError):
            claim(store, ref())

    def test_what_failed_before_it_claimed_never_claims(self, store: SubmissionStore) -> None:
        plan(store, ref())
        store.fail(ref(), FAILURE, 120)
        with pytest.raises(ConflictError):
            claim(store, ref())

    @pytest.mark.parametrize("content", ["content", "mended content"])
    @pytest.mark.parametrize("freeing", [fail_before_crediting, discard])
    def test_a_name_that_was_let_go_is_taken_over(
        self,
        store: SubmissionStore,
        freeing: Callable[[SubmissionStore, SubmissionRef], None],
        content: str,
    ) -> None:
        freeing(store, ref("v1"))
        plan(store, ref("v2"))
        held = freeing is discard and content == "content"
        answer = claim(store, ref("v2"), content)
        assert answer == Claim(*((ClaimResult.HELD, TWIN) if held else (ClaimResult.ACCEPTED,)))
        assert store.owner("acme", NAME) == ref("v2")

    def test_whose_name_was_taken_over_never_credits_and_never_completes(
        self, store: SubmissionStore
    ) -> None:
        fail_before_crediting(store, ref("v1"))
        accept(store, ref("v2"), "mended content")
        assert known(store, ref("v1")).superseded_by is not None
        assert not store.begin_crediting(ref("v1"), 200)
        assert known(store, ref("v1")).crediting_since is None
        assert store.begin_crediting(ref("v2"), 200)

    def test_a_failed_batch_that_may_have_credited_keeps_its_name(
        self, store: SubmissionStore
    ) -> None:
        fail_after_crediting_began(store, ref("v1"))
        plan(store, ref("v2"))
        taken = claim(store, ref("v2"), "mended content")
        assert taken == Claim(ClaimResult.NAME_REUSED, ref("v1"))
        plan(store, ref("v3"))
        assert claim(store, ref("v3")) == Claim(ClaimResult.DUPLICATE, ref("v1"))

    def test_a_failed_batch_that_may_have_credited_holds_its_content(
        self, store: SubmissionStore
    ) -> None:
        fail_after_crediting_began(store, TWIN)
        plan(store, ref())
        assert claim(store, ref()) == Claim(ClaimResult.HELD, TWIN)

    def test_a_content_that_was_let_go_holds_nobody_and_is_credited_by_one_only(
        self, store: SubmissionStore
    ) -> None:
        fail_before_crediting(store, TWIN)
        plan(store, ref())
        assert claim(store, ref()) == Claim(ClaimResult.ACCEPTED)
        assert not store.begin_crediting(TWIN, 200)
        plan(store, ref("w1", THIRD_NAME))
        third = claim(store, ref("w1", THIRD_NAME))
        assert third == Claim(ClaimResult.HELD, ref())

    def test_without_holding_a_failed_twin_may_still_heal(self, store: SubmissionStore) -> None:
        fail_before_crediting(store, TWIN)
        plan(store, ref())
        assert claim(store, ref(), hold=False) == Claim(ClaimResult.ACCEPTED)
        assert store.begin_crediting(TWIN, 200)

    def test_a_twin_that_is_complete_and_credited_nothing_keeps_its_name_and_holds_nobody(
        self, store: SubmissionStore
    ) -> None:
        reject_all(store, TWIN)
        plan(store, ref())
        assert claim(store, ref()) == Claim(ClaimResult.ACCEPTED)
        again = ref("t2", OTHER_NAME)
        plan(store, again)
        assert claim(store, again, "mended content") == Claim(ClaimResult.NAME_REUSED, TWIN)
        assert claim(store, again) == Claim(ClaimResult.DUPLICATE, TWIN)
        third = ref("w1", THIRD_NAME)
        plan(store, third)
        assert claim(store, third) == Claim(ClaimResult.HELD, ref())

    def test_whatever_credits_a_content_beside_others_holds_it_too(
        self, store: SubmissionStore
    ) -> None:
        accept(store, TWIN)
        plan(store, ref())
        assert claim(store, ref(), hold=False) == Claim(ClaimResult.ACCEPTED)
        store.fail(TWIN, FAILURE, 120)
        third = ref("w1", THIRD_NAME)
        plan(store, third)
        assert claim(store, third) == Claim(ClaimResult.HELD, ref())

    def test_a_twin_that_heals_beside_another_holds_when_the_other_has_let_go(
        self, store: SubmissionStore
    ) -> None:
        fail_before_crediting(store, TWIN)
        plan(store, ref())
        assert claim(store, ref(), hold=False) == Claim(ClaimResult.ACCEPTED)
        store.fail(ref(), FAILURE, 130)
        assert store.begin_crediting(TWIN, 140)
        third = ref("w1", THIRD_NAME)
        plan(store, third)
        assert claim(store, third) == Claim(ClaimResult.HELD, TWIN)

    def test_a_name_taken_over_twice_goes_to_the_last(self, store: SubmissionStore) -> None:
        fail_before_crediting(store, ref("v1"))
        fail_before_crediting(store, ref("v2"))
        plan(store, ref("v3"))
        assert claim(store, ref("v3")) == Claim(ClaimResult.ACCEPTED)
        assert store.owner("acme", NAME) == ref("v3")
        assert not store.begin_crediting(ref("v1"), 200)
        assert not store.begin_crediting(ref("v2"), 200)


class SubmissionRacesContract:
    def test_eight_claims_of_one_submission_at_once_all_answer_accepted(
        self, store: SubmissionStore
    ) -> None:
        plan(store, ref())
        answers = at_once(*[lambda: claim(store, ref())] * 8)
        assert answers == [Claim(ClaimResult.ACCEPTED)] * 8

    def test_of_two_twins_at_once_one_is_accepted_and_one_is_held(
        self, store: SubmissionStore
    ) -> None:
        plan(store, ref())
        plan(store, TWIN)
        answers = at_once(lambda: claim(store, ref()), lambda: claim(store, TWIN))
        assert sorted(answer.result for answer in answers) == ["ACCEPTED", "HELD"]
        statuses = {known(store, each).status for each in (ref(), TWIN)}
        assert statuses == {Status.PARSING, Status.HELD}

    def test_of_six_versions_of_one_name_at_once_one_is_accepted(
        self, store: SubmissionStore
    ) -> None:
        versions = [ref(f"v{number}") for number in range(6)]
        for each in versions:
            plan(store, each)
        answers = at_once(*[lambda each=each: claim(store, each) for each in versions])
        results = sorted(answer.result for answer in answers)
        assert results == ["ACCEPTED"] + ["DUPLICATE"] * 5
        owner = store.owner("acme", NAME)
        assert owner is not None
        assert known(store, owner).status is Status.PARSING

    def test_a_name_let_go_is_taken_over_by_one_of_many(self, store: SubmissionStore) -> None:
        fail_before_crediting(store, ref("v0"))
        versions = [ref(f"v{number}") for number in range(1, 6)]
        for each in versions:
            plan(store, each)
        answers = at_once(*[lambda each=each: claim(store, each) for each in versions])
        assert sum(answer.result is ClaimResult.ACCEPTED for answer in answers) == 1

    def test_either_the_failed_batch_credits_or_another_takes_its_name_never_both(
        self, store: SubmissionStore
    ) -> None:
        for round_number in range(10):
            name = f"activities_acme_202601010000{round_number:02d}.txt"
            old, new = ref("v1", name), ref("v2", name)
            accept(store, old, f"old {round_number}")
            store.fail(old, FAILURE, 120)
            plan(store, new)
            began, claimed = at_once(
                lambda old=old: store.begin_crediting(old, 130),  # type: ignore[misc]
                lambda new=new, content=f"new {round_number}": claim(store, new, content),  # type: ignore[misc]
            )
            assert isinstance(claimed, Claim)
            taken = claimed.result is ClaimResult.ACCEPTED
            assert began is not taken
