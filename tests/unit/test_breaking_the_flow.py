"""The whole batch job, broken at every call in every way: the same points, counters and results.

The real adapters and use cases on a DynamoDB in memory, from upload to result file. Where a worker
dies at each call, or AWS fails each call in each way it can, what is left behind in the end must
be to the byte what an undisturbed run leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from pointflow.domain.activity import Activity
from pointflow.domain.member import Member, MemberStatus
from pointflow.domain.submission import Status
from tests.fakes.client_faults import DYNAMODB, KINDS, SQS
from tests.fakes.faults import Faults, When
from tests.fakes.programme import CLIENT, NOW, RECEIVED_AT, Programme

ANN = Member(CLIENT, 1, email="a@x", username="ann", third_party_id="t", balance=1_000)
BOB = Member(CLIENT, 2, email="b@x", username="bob", third_party_id="t")
CAT = Member(CLIENT, 3, email="c@x", status=MemberStatus.INACTIVE)
VISIT = Activity(CLIENT, 7, default_points=50)
ROWS = ["a@x||||7|10", "||t|bob|7|1", "no@x||||7", "bad", "c@x||||7", "a@x||||7"]


def programme() -> Programme:
    made = Programme()
    made.fill([ANN, BOB, CAT], [VISIT])
    made.upload(ROWS)
    return made


@cache
def undisturbed() -> tuple[tuple[str, ...], Mapping[str, Any]]:
    """The calls of a run in which nothing happens, and what it leaves behind."""
    made, recorded = programme(), Faults()
    made.run(recorded)
    assert [made.balance(user_id) for user_id in (1, 2, 3)] == [1_060, 1, 0]
    tally = made.submission().tally
    assert (tally.rows, tally.credited, tally.rejected, tally.points) == (6, 3, 3, 61)
    assert made.verify().drifts == ()
    return tuple(recorded.calls), made.left_behind()


def positions(kind: str) -> Iterator[int]:
    """The calls that can go wrong in that way, where AWS is called at all."""
    calls, _ = undisturbed()
    concerned = {
        "in_conflict": {"put_item", "update_item", "transact_write_items"},
        "in_progress": {"transact_write_items"},
        "half_done": {"batch_get_item", "send_message_batch"},
    }.get(kind, DYNAMODB | SQS)
    return (position for position, name in enumerate(calls) if name in concerned)


def check(made: Programme) -> None:
    """Nothing is different, and everything adds up."""
    found = made.verify()
    assert (found.drifts, found.errors, found.round_.moving) == ((), (), 0)
    for what, expected in undisturbed()[1].items():
        assert made.left_behind()[what] == expected, what


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_may_die_at_any_call(when: When) -> None:
    calls, _ = undisturbed()
    for position in range(len(calls)):
        made = programme()
        made.run(Faults(position, when))
        check(made)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_aws_may_fail_any_call_in_any_way(kind: str) -> None:
    tried = 0
    for position in positions(kind):
        made = programme()
        made.run(Faults(position, instead=KINDS[kind]))
        check(made)
        tried += 1
    assert tried >= 8


def test_every_message_may_come_twice() -> None:
    made = programme()
    made.run()
    for _ in range(2):
        made.replay()
        check(made)


# The world moves between attempts: the first decision stands


def goes_inactive(made: Programme) -> None:
    made.members.save_profile(replace(ANN, status=MemberStatus.INACTIVE), NOW)


def email_changes_hands(made: Programme) -> None:
    made.members.exchange_identifiers([replace(ANN, email="b@x"), replace(BOB, email="a@x")], NOW)


def activity_ends(made: Programme) -> None:
    made.catalog.put_activity(replace(VISIT, ends_at=RECEIVED_AT))


def an_import_runs(made: Programme) -> None:
    made.members.save_profile(Member(CLIENT, 4, email="no@x", third_party_id="t"), NOW)
    made.members.open_balance(CLIENT, 4, 500, NOW)
    made.members.open_balance(CLIENT, 2, 70, NOW)
    made.members.save_profile(replace(CAT, status=MemberStatus.ACTIVE), NOW)


@pytest.mark.parametrize(
    "move", [goes_inactive, email_changes_hands, activity_ends, an_import_runs]
)
def test_the_first_decision_stands_when_the_world_moves_between_attempts(
    move: Callable[[Programme], None],
) -> None:
    calls, _ = undisturbed()
    ways: set[str] = set()
    for position in range(len(calls)):
        made, faults = programme(), Faults(position, "after")

        def at(number: int, _name: str, made: Programme = made, position: int = position) -> None:
            if number == position:
                move(made)

        faults.between = at
        made.run(faults)
        first = made.left_behind()
        made.replay()
        found = made.verify()

        assert made.left_behind() == first
        assert (found.drifts, found.errors) == ((), ())
        submission = made.submission()
        assert submission.status is Status.COMPLETED_WITH_REJECTS
        assert (submission.tally.rows, submission.tally.reconciles) == (6, True)
        ways.add(str(submission.tally) + str(first["balances"]))
    # It mattered when the world moved: some runs saw it before it did, and some after.
    assert len(ways) > 1
