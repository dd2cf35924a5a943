"""The proof that everything adds up: what is clean, what drifts, and what only seems to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointflow.adapters.dynamodb_books import DynamoDBBooks
from pointflow.adapters.dynamodb_rounds import DynamoDBRounds
from pointflow.adapters.ledger_items import entry_item, entry_of
from pointflow.domain.activity import Activity
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Member
from pointflow.domain.verification import Drift, Round, Subject, first_round, next_round
from pointflow.services.confirm_drifts import WAITS, Look, confirm_drifts
from pointflow.services.verify_ledger import MOST_DRIFTS_KEPT, SEGMENTS, Verify
from pointflow.services.verify_slice import EVERY_SECONDS, Run, verify_slice
from tests.fakes.dynamodb_transactions import client_error
from tests.fakes.faults import Faults
from tests.fakes.programme import CLIENT, IN_MEMORY, NOW, Programme, name_of

VISIT = Activity(CLIENT, 7, default_points=50)
ROWS = ["a@x||||7|10", "b@x||||7|20", "nobody@x||||7", "bad row", "a@x|||b|7|5", "a@x||||7"]


def credited() -> Programme:
    """A file of three cells is credited, and one member has an opening balance."""
    programme = Programme()
    programme.fill(
        [
            Member(CLIENT, 1, email="a@x", balance=1_000),
            Member(CLIENT, 2, email="b@x", username="b"),
            Member(CLIENT, 3, email="c@x"),
        ],
        [VISIT],
    )
    programme.upload(ROWS)
    programme.run()
    return programme


def member_item(programme: Programme, user_id: int) -> dict[str, Any]:
    item: dict[str, Any] = programme.dynamodb.tables["MembersTable"][f"{CLIENT}#M#{user_id}"]
    return item


def batch_items(programme: Programme, prefix: str) -> list[dict[str, Any]]:
    return [
        item
        for (_, sk), item in programme.dynamodb.tables["BatchesTable"].items()
        if sk.startswith(prefix)
    ]


def test_what_was_credited_adds_up() -> None:
    found = credited().verify()

    assert found.drifts == ()
    assert found.errors == ()
    assert (found.round_.members, found.round_.batches) == (3, 1)
    assert (found.round_.finished_at, found.round_.moving) == (NOW, 0)


def test_a_balance_or_lifetime_changed_by_hand_is_found() -> None:
    programme = credited()
    member_item(programme, 1)["balance"] = {"N": "1066"}
    member_item(programme, 3)["lifetime"] = {"N": "-1"}

    found = programme.verify()

    assert sorted(found.drifts, key=lambda drift: drift.name) == [
        Drift(Subject.MEMBER, CLIENT, "1", "balance", recorded=1_066, found=1_065),
        Drift(Subject.MEMBER, CLIENT, "3", "lifetime", recorded=-1, found=0),
    ]


def test_an_account_whose_figures_are_gone_is_found() -> None:
    programme = credited()
    del member_item(programme, 1)["balance"]

    assert [(drift.recorded, drift.found) for drift in programme.verify().drifts] == [(0, 1_065)]


def test_an_entry_that_was_never_credited_is_found() -> None:
    programme = credited()
    forged = Entry("acme/forged/1", "c", Decision.CREDITED, NOW, user_id=2, activity_at=1, points=9)
    programme.dynamodb.put("LedgerTable", entry_item(CLIENT, forged))

    found = programme.verify().drifts

    assert {(drift.name, drift.counter, drift.recorded, drift.found) for drift in found} == {
        ("2", "balance", 20, 29),
        ("2", "lifetime", 20, 29),
    }


def test_an_entry_that_takes_back_counts_below_zero() -> None:
    programme = credited()
    credit = entry_of(programme.dynamodb.tables["LedgerTable"][f"{CLIENT}/{name_of()}/2"])
    programme.dynamodb.put("LedgerTable", entry_item(CLIENT, credit.taken_back(NOW + 60)))
    assert {drift.found for drift in programme.verify().drifts} == {0}

    for counter in ("balance", "lifetime"):
        member_item(programme, 2)[counter] = {"N": "0"}
    assert programme.verify().drifts == ()


@pytest.mark.parametrize(
    ("prefix", "counter", "place"),
    [
        ("UPLOAD#", "credited", ""),
        ("UPLOAD#", "rows", ""),
        ("UPLOAD#", "points", ""),
        ("UPLOAD#", "c_COLUMN_COUNT", ""),
        ("UPLOAD#", "cells_complete", ""),
        ("COUNT#", "credited", "cell"),
        ("COUNT#", "outcomes", "cell"),
        ("CHUNK#", "points", "lines"),
        ("CHUNK#", "w_IDENTITY_CONFLICT", "lines"),
        ("CELL#", "rows", ""),
    ],
)
def test_a_counter_changed_by_hand_is_found(prefix: str, counter: str, place: str) -> None:
    programme = credited()
    item = batch_items(programme, prefix)[0]
    item[counter] = {"N": str(int(item.get(counter, {"N": "0"})["N"]) + 1)}

    found = programme.verify().drifts

    assert found
    assert {drift.subject for drift in found} == {Subject.BATCH}
    assert {drift.name for drift in found} == {name_of()}
    assert any(drift.place.startswith(place) for drift in found)


def test_a_row_whose_entry_is_gone_drifts_in_its_chunk_and_in_its_member() -> None:
    programme = credited()
    del programme.dynamodb.tables["LedgerTable"][f"{CLIENT}/{name_of()}/1"]

    found = {(drift.name, drift.place, drift.counter) for drift in programme.verify().drifts}

    assert found == {
        ("1", "", "balance"),
        ("1", "", "lifetime"),
        (name_of(), "lines 1-2", "credited"),
        (name_of(), "lines 1-2", "points"),
    }


def test_a_decision_changed_by_hand_is_found() -> None:
    programme = credited()
    entry = programme.dynamodb.tables["LedgerTable"][f"{CLIENT}/{name_of()}/3"]
    entry["code"] = {"S": "ACTIVITY_UNKNOWN"}

    counters = {drift.counter for drift in programme.verify().drifts}

    assert counters == {"code ACTIVITY_UNKNOWN", "code MEMBER_NOT_FOUND"}


def test_a_batch_that_is_under_way_adds_up_at_every_step() -> None:
    programme = Programme()
    programme.fill([Member(CLIENT, 1, email="a@x"), Member(CLIENT, 2, username="b")], [VISIT])
    programme.upload(ROWS)
    worker = programme.worker()
    steps = 0
    while programme.queues.waiting:
        programme.deliver(programme.queues.waiting.popleft(), worker)
        assert programme.verify().drifts == ()
        steps += 1
    assert steps > 8


def test_an_index_that_lags_is_no_drift() -> None:
    programme = Programme()
    programme.fill([Member(CLIENT, 1, email="a@x")], [VISIT])
    programme.dynamodb.lag("LedgerTable", "MemberIndex", queries=3)
    programme.upload(["a@x||||7"])
    programme.run()
    waited: list[float] = []

    found = programme.verify(pause=waited.append)

    assert (found.drifts, found.round_.moving) == ((), 0)
    assert waited == list(WAITS[:3])


def test_a_member_that_is_credited_all_the_time_is_not_called_drifting() -> None:
    programme = credited()
    member_item(programme, 1)["balance"] = {"N": "0"}

    def credit_meanwhile(_position: int, name: str) -> None:
        if name == "query":
            member_item(programme, 1)["balance"] = {"N": str(_position)}

    faults = Faults()
    faults.between = credit_meanwhile
    programme.dynamodb = faults.wrap(programme.dynamodb)
    found = programme.verify()

    assert (found.drifts, found.round_.moving) == ((), 1)


def test_a_member_removed_meanwhile_has_nothing_left_to_prove() -> None:
    programme = credited()
    member_item(programme, 1)["balance"] = {"N": "0"}

    def forget(_seconds: float) -> None:
        programme.dynamodb.tables["MembersTable"].pop(f"{CLIENT}#M#1", None)

    found = programme.verify(pause=forget)

    assert (found.drifts, found.round_.moving) == ((), 0)


def test_only_what_drifts_alike_at_the_last_two_looks_is_confirmed() -> None:
    drift = Drift(Subject.MEMBER, CLIENT, "1", "balance", 1, 2)
    still = Look("state", (drift,))

    def looks(*last: Look) -> Callable[[], Look]:
        waiting = [*[still] * (len(WAITS) - len(last)), *last]
        return lambda: waiting.pop(0)

    def judged(*last: Look) -> tuple[int, int]:
        confirmed = confirm_drifts([looks(*last)], lambda _seconds: None)
        return len(confirmed.drifts), confirmed.moving

    assert judged() == (1, 0)
    assert judged(Look("state", ())) == (0, 0)
    assert judged(Look(None, (drift,)), Look(None, (drift,))) == (0, 1)
    assert judged(Look("moved", (drift,))) == (0, 1)
    assert judged(Look("state", (drift, drift))) == (0, 1)


def test_all_drifts_are_counted_and_the_first_thousand_told() -> None:
    programme = Programme()
    users = range(1, MOST_DRIFTS_KEPT + 6)
    programme.fill([Member(CLIENT, user_id) for user_id in users], [])
    for user_id in users:
        member_item(programme, user_id)["balance"] = {"N": "1"}

    found = programme.verify()

    assert found.round_.drifts == len(users)
    assert len(found.drifts) == MOST_DRIFTS_KEPT


class Slices:
    """Verification in slices whose time is out after so many questions for it."""

    def __init__(self, programme: Programme, questions: int) -> None:
        self.programme = programme
        self.rounds = DynamoDBRounds(programme.dynamodb, IN_MEMORY["BatchesTable"])
        self._questions = questions

    def run(self, round_: Round) -> tuple[Round, tuple[Drift, ...]]:
        left = iter(range(self._questions))

        def out_of_time() -> bool:
            return next(left, None) is None

        books = DynamoDBBooks(
            self.programme.dynamodb,
            *(IN_MEMORY[name] for name in ("MembersTable", "LedgerTable", "BatchesTable")),
        )
        verify = Verify(books, self.programme.store, out_of_time, lambda _seconds: None)
        done = verify.run(round_, NOW)
        return done.round_, done.drifts


@pytest.mark.parametrize("questions", [22, 25, 30, 1_000])
def test_a_round_in_slices_finds_everything_once(questions: int) -> None:
    programme = credited()
    programme.upload([*ROWS, "c@x||||7"], name=name_of(1))
    programme.run()
    member_item(programme, 2)["balance"] = {"N": "0"}
    batch_items(programme, "CHUNK#")[-1]["points"] = {"N": "77"}
    slices = Slices(programme, questions)
    round_, found = first_round(SEGMENTS, NOW), list[Drift]()
    runs = 0
    while round_.finished_at is None:
        runs += 1
        assert runs < 50, "a slice brings the round no further"
        last = slices.rounds.load()
        round_, drifts = slices.run(round_)
        found += drifts
        assert slices.rounds.save(last, round_)
    assert round_ == slices.rounds.load()
    assert (round_.members, round_.batches) == (3, 2)
    assert round_.drifts == len(found) == len(set(found)) == len(programme.verify().drifts)
    assert runs > 1 or questions > 22


def test_the_next_round_reads_entries_of_batches_that_moved_since_and_counters_of_all() -> None:
    programme = credited()
    slices = Slices(programme, 1_000)
    first, _ = slices.run(first_round(SEGMENTS, NOW))
    second = next_round(first, SEGMENTS, NOW + 100 * 86_400)
    third = next_round(second, SEGMENTS, NOW + 200 * 86_400)
    entry = programme.dynamodb.tables["LedgerTable"][f"{CLIENT}/{name_of()}/3"]
    entry["code"] = {"S": "ACTIVITY_UNKNOWN"}
    batch_items(programme, "COUNT#")[0]["rejected"] = {"N": "9"}

    assert {drift.place[:4] for drift in slices.run(second)[1]} == {"cell", "line", ""}
    assert {drift.place[:4] for drift in slices.run(third)[1]} == {"cell", ""}


def test_until_a_round_ends_what_the_last_one_found_still_stands() -> None:
    last = Round(1, NOW, {}, drifts=3, finished_at=NOW + 60)
    running = next_round(last, SEGMENTS, NOW + 100)

    assert (last.standing_drifts, running.standing_drifts) == (3, 3)
    assert not running.is_due(NOW + 10**9, every=3_600)
    assert [last.is_due(NOW + after, every=3_600) for after in (3_599, 3_600)] == [False, True]


def test_of_two_workers_on_one_round_the_slower_keeps_nothing() -> None:
    programme = Programme()
    rounds = DynamoDBRounds(programme.dynamodb, IN_MEMORY["BatchesTable"])
    assert rounds.load() is None
    start = first_round(SEGMENTS, NOW)
    assert rounds.save(None, start)
    faster = next_round(Round(1, NOW, {}, finished_at=NOW), SEGMENTS, NOW + 1)

    assert rounds.save(start, faster)
    assert not rounds.save(start, first_round(SEGMENTS, NOW + 2))
    assert not rounds.save(None, start)
    assert rounds.load() == faster
    assert rounds.save(start, faster)  # its own write, whose answer was lost


def test_what_cannot_be_read_is_told_and_the_rest_is_proved() -> None:
    programme = credited()
    item = batch_items(programme, "UPLOAD#")[0]
    item["status"] = {"S": "NO SUCH STATUS"}

    found = programme.verify()

    assert [type(error) for error in found.errors] == [ValueError]
    assert found.round_.members == 3
    assert found.round_.finished_at is None


def test_throttled_reads_are_repeated() -> None:
    programme = credited()
    for position in range(30):
        faults = Faults(position, error=client_error("ThrottlingException"))
        real, programme.dynamodb = programme.dynamodb, faults.wrap(programme.dynamodb)
        found = programme.verify()
        programme.dynamodb = real
        assert (found.errors, found.round_.finished_at, found.drifts) == ((), NOW, ())


def test_runs_go_on_with_a_round_and_begin_the_next_a_day_later() -> None:
    programme = credited()
    rounds = DynamoDBRounds(programme.dynamodb, IN_MEMORY["BatchesTable"])
    member_item(programme, 1)["balance"] = {"N": "0"}

    def run(now: int, *, keep: bool = True, in_time: bool = True) -> Run:
        books = DynamoDBBooks(
            programme.dynamodb,
            *(IN_MEMORY[name] for name in ("MembersTable", "LedgerTable", "BatchesTable")),
        )
        verify = Verify(books, programme.store, lambda: not in_time, lambda _seconds: None)
        done = verify_slice(verify, rounds, now)
        assert not keep or done.keep()
        return done

    assert run(NOW, in_time=False).round_.finished_at is None
    killed = run(NOW + 900, keep=False)
    again = run(NOW + 900)
    idle = run(NOW + 1_800)
    member_item(programme, 1)["balance"] = {"N": "1065"}
    next_day = run(NOW + EVERY_SECONDS, in_time=False)
    clean = run(NOW + EVERY_SECONDS + 900)

    assert killed.drifts == again.drifts != ()
    assert (idle.drifts, idle.round_.standing_drifts) == ((), 1)
    assert (next_day.round_.number, next_day.round_.standing_drifts) == (2, 1)
    assert (clean.round_.number, clean.round_.standing_drifts) == (2, 0)
    assert not killed.keep()


@pytest.mark.parametrize("questions", [20, 21, 30])
def test_a_drift_in_a_cell_that_just_fits_a_slice_is_told_all_the_same(questions: int) -> None:
    programme = credited()
    programme.upload(["a@x||||7|10"] * 60, name=name_of(1))
    programme.run()
    batch_items(programme, "COUNT#")[0]["points"] = {"N": "9"}
    slices = Slices(programme, questions)
    round_ = first_round(SEGMENTS, NOW)
    for _ in range(60):
        round_, _ = slices.run(round_)
        if round_.finished_at is not None:
            break

    assert round_.finished_at is not None
    assert round_.drifts
