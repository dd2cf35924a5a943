"""Which holders of a content are remembered when one more joins them."""

from dataclasses import replace

import pytest

from pointflow.adapters.submission_claims import MOST_BESIDE, Found, Wanted, decide
from pointflow.adapters.submission_keys import content_key
from pointflow.domain.submission import Plan, Status, Submission, SubmissionRef, Tally
from pointflow.ports.submissions import ClaimResult

PLAN = Plan(150, 100, 100, 500, 100_000, 1)
KEY = content_key("acme", "content")


def ref(day: int) -> SubmissionRef:
    return SubmissionRef("acme", f"activities_acme_202601{day:02d}000000.txt", "v")


NEW = ref(31)


def twin(day: int, status: Status, credited: int = 0) -> Submission:
    tally = Tally(rows=1, credited=credited)
    return Submission(ref(day), status, PLAN, 1, content="content", tally=tally)


def holders_after(*twins: Submission, gone: int = 0, hold: bool = False) -> list[int]:
    """The days of the holders once one of day 31 was accepted; `gone` has no record."""
    refs = {each.ref for each in twins} | ({ref(gone)} if gone else set())
    found = Found(None, frozenset(refs), {each.ref: each for each in twins})
    claim, actions = decide("batches", Wanted(NEW, "content", 1, hold), found, 5)
    assert claim.result is ClaimResult.ACCEPTED
    (written,) = (each["Update"] for each in actions if each["Update"]["Key"] == KEY)
    values = written["ExpressionAttributeValues"]
    assert (":found" in values) is bool(refs)
    return [int(each.partition("202601")[2][:2]) for each in values[":set_holders"]["SS"]]


def test_the_first_is_the_only_one() -> None:
    assert holders_after() == [31]


@pytest.mark.parametrize("status", [Status.PARSING, Status.CREDITING, Status.FAILED])
def test_whatever_may_still_credit_is_kept_beside_it(status: Status) -> None:
    assert holders_after(twin(1, status), twin(2, Status.COMPLETED_WITH_REJECTS)) == [1, 31]


def test_one_that_credited_for_good_speaks_for_those_that_may_not_last() -> None:
    assert holders_after(twin(1, Status.COMPLETED, 1), twin(2, Status.FAILED)) == [1, 31]


def test_one_without_a_record_counts_as_credited() -> None:
    assert holders_after(twin(1, Status.FAILED), gone=2) == [2, 31]


def test_however_often_a_content_is_sent_few_are_remembered() -> None:
    twins = [twin(day, Status.COMPLETED, 1) for day in range(1, 25)]
    assert holders_after(*twins) == [*range(25 - MOST_BESIDE, 25), 31]


def test_where_only_one_may_credit_it_holds_alone() -> None:
    failed, empty = twin(1, Status.FAILED), twin(2, Status.COMPLETED_WITH_REJECTS)
    assert holders_after(failed, replace(empty, crediting_since=3), hold=True) == [31]
