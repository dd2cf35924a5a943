"""Chunks into credits: decisions, what the client gets back, and every way to be interrupted."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pointflow.domain.activity import Activity
from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.client import Client, Matching
from pointflow.domain.codes import FailureCode, RowCode
from pointflow.domain.errors import (
    ChunkMismatchError,
    ContentionError,
    EntryMismatchError,
    MessageInvalidError,
    NotFoundError,
)
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Identifier, Member, MemberStatus
from pointflow.domain.messages import Chunk, ReportRequest
from pointflow.domain.reject_lines import decode_rejects
from pointflow.domain.submission import (
    CellClose,
    ChunkOutcome,
    Failure,
    Plan,
    Status,
    Submission,
    SubmissionRef,
    Tally,
)
from pointflow.services.credit_chunk import ChunkResult, Handling, credit_chunk
from pointflow.services.decide_rows import read_rows
from pointflow.services.explain_rejection import explain_rejection
from tests.fakes.catalog import FakeCatalog
from tests.fakes.faults import Faults, WorkerKilled, every_fault
from tests.fakes.ledger import FakeLedger
from tests.fakes.member_directory import FakeMembers
from tests.fakes.object_store import FakeObjectStore
from tests.fakes.publishers import FakeReports
from tests.fakes.submission_store import FakeSubmissionStore
from tests.unit.parsing import segments_of

NAME = "activities_acme_20260101000000.txt"
REF = SubmissionRef("acme", NAME, "v1")
RECEIVED_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400

ANN = Member("acme", 1, email="ann@example.com", username="ann", third_party_id="shared")
BOB = Member("acme", 2, email="bob@example.com", username="bob", third_party_id="shared")
CAT = Member("acme", 3, email="cat@example.com", status=MemberStatus.INACTIVE)

VISIT = Activity("acme", 7, default_points=50)
SALE = Activity(
    "acme", 8, default_points=10, starts_at=RECEIVED_AT - 2 * DAY, ends_at=RECEIVED_AT - DAY
)


def chunk_of(*rows: str, first_line: int = 1, ref: SubmissionRef = REF) -> Chunk:
    return Chunk(
        ref=ref,
        cell=0,
        content="c1",
        received_at=RECEIVED_AT,
        segments=segments_of(range(first_line, first_line + len(rows))),
        rows="".join(f"{row}\n" for row in rows).encode(),
    )


@dataclass
class World:
    """A planned file whose chunks are on their way, members, activities and a ledger."""

    matching: Matching = Matching.LENIENT
    status: Status = Status.PARSING
    chunks: int = 1
    rows: int = 1
    members: FakeMembers = field(default_factory=lambda: FakeMembers([ANN, BOB, CAT]))
    objects: FakeObjectStore = field(default_factory=FakeObjectStore)
    reports: FakeReports = field(default_factory=FakeReports)
    now: int = RECEIVED_AT + 60

    def __post_init__(self) -> None:
        self.ledger = FakeLedger(self.members)
        self.catalog = FakeCatalog([Client("acme", matching=self.matching)], [VISIT, SALE])
        plan = Plan(
            size=500,
            received_at=RECEIVED_AT,
            cell_bytes=1_000,
            chunk_rows=500,
            chunk_bytes=100_000,
            rulings=1,
        )
        self.store = FakeSubmissionStore(
            Submission(REF, self.status, plan, RECEIVED_AT, content="c1", first_row_line=1)
        )

    def close(self) -> None:
        """Intake is done with the file's only cell."""
        self.store.close_cell(REF, CellClose(0, self.chunks, Tally(rows=self.rows), None), self.now)

    def credit(
        self, chunk: Chunk, *, faults: Faults | None = None, receive_count: int = 1
    ) -> ChunkResult:
        faults = faults or Faults()
        return credit_chunk(
            chunk,
            store=faults.wrap(self.store),
            catalog=faults.wrap(self.catalog),
            members=faults.wrap(self.members),
            ledger=faults.wrap(self.ledger),
            objects=faults.wrap(self.objects),
            reports=faults.wrap(self.reports),
            now=self.now,
            deadline=0.0,
            receive_count=receive_count,
            max_receive_count=5,
            name_of=lambda error: type(error).__name__,
        )

    def decisions(self, *rows: str) -> list[RowCode | int]:
        """Credit rows; answers each one's code, or its points."""
        self.credit(chunk_of(*rows))
        return [entry.points if entry.code is None else entry.code for entry in self.entries]

    @property
    def entries(self) -> list[Entry]:
        return [
            self.ledger.entries[identity]
            for identity in sorted(self.ledger.entries, key=lambda each: int(each.split("/")[2]))
        ]

    @property
    def balances(self) -> list[int]:
        return [self.members.balance_of("acme", user_id) for user_id in (1, 2, 3)]

    @property
    def outcome(self) -> ChunkOutcome:
        outcome = self.store.outcome(REF, 0, 1)
        assert outcome is not None
        return outcome

    @property
    def submission(self) -> Submission:
        submission = self.store.get(REF)
        assert submission is not None
        return submission

    @property
    def rejects(self) -> list[RejectedRow]:
        key = self.outcome.rejects_key
        return [] if key is None else list(decode_rejects(self.objects.read_object(key)))


# Decisions


@pytest.mark.parametrize(
    ("row", "decision"),
    [
        ("ann@example.com||||7", 50),
        ("ann@example.com||||7|120", 120),
        ("ann@example.com||||7|0", 0),
        ("nobody@example.com||||7", RowCode.MEMBER_NOT_FOUND),
        ("cat@example.com||||7", RowCode.MEMBER_INACTIVE),
        ("ann@example.com||||99", RowCode.ACTIVITY_UNKNOWN),
        ("ann@example.com||||99|120", RowCode.ACTIVITY_UNKNOWN),
        ("ann@example.com||||8", RowCode.ACTIVITY_INACTIVE),
        (f"ann@example.com||||8||{RECEIVED_AT - DAY - 1}", 10),
        (f"ann@example.com||||8||{RECEIVED_AT - DAY}", RowCode.ACTIVITY_INACTIVE),
        ("nobody@example.com||||99", RowCode.MEMBER_NOT_FOUND),
        ("cat@example.com||||99", RowCode.MEMBER_INACTIVE),
    ],
)
def test_a_row_is_decided_as_the_table_of_rulings_says(row: str, decision: RowCode | int) -> None:
    assert World().decisions(row) == [decision]


def test_an_identifier_that_matches_nobody_falls_through_unless_matching_is_strict() -> None:
    row = "nobody@example.com|||bob|7"

    assert World().decisions(row) == [50]
    assert World(matching=Matching.STRICT).decisions(row) == [RowCode.MEMBER_NOT_FOUND]


def test_identifiers_of_different_members_credit_the_higher_one_and_warn() -> None:
    world = World()

    assert world.decisions("ann@example.com|||bob|7") == [50]
    assert world.balances == [50, 0, 0]
    assert world.outcome.tally.warnings == {"IDENTITY_CONFLICT": 1}


def test_a_row_that_repeats_an_earlier_one_is_credited_and_counted_as_a_warning() -> None:
    world = World()

    assert world.decisions(*["ann@example.com||||7"] * 3, "ann@example.com|||ann|7") == [50] * 4
    assert world.outcome.tally.warnings == {"DUPLICATE_ROW": 2}


def test_identifiers_of_different_members_reject_when_matching_is_strict() -> None:
    world = World(matching=Matching.STRICT)

    assert world.decisions("ann@example.com|||bob|7") == [RowCode.MEMBER_AMBIGUOUS]
    assert world.outcome.tally.warnings == {}


def test_an_inactive_member_is_told_before_an_ambiguity() -> None:
    world = World(matching=Matching.STRICT)

    assert world.decisions("cat@example.com|||bob|7") == [RowCode.MEMBER_INACTIVE]


def test_the_lowest_user_id_wins_where_a_third_party_id_is_shared() -> None:
    world = World()
    world.credit(chunk_of("||shared||7"))

    assert world.balances == [50, 0, 0]


def test_an_entry_tells_how_the_row_was_credited() -> None:
    world = World()
    world.credit(chunk_of("|||bob|7|5|1000", first_line=12))

    assert world.entries == [
        Entry(
            identity=f"acme/{NAME}/12",
            content="c1",
            decision=Decision.CREDITED,
            recorded_at=world.now,
            user_id=2,
            activity_id=7,
            activity_at=1_000,
            points=5,
            matched_by=Identifier.USERNAME,
        )
    ]


def test_a_row_without_a_date_took_place_when_the_file_was_received() -> None:
    world = World()
    world.credit(chunk_of("|||bob|7"))

    assert world.entries[0].activity_at == RECEIVED_AT


def test_a_date_of_zero_is_a_date() -> None:
    world = World()
    world.credit(chunk_of("|||bob|7||0"))

    assert world.entries[0].activity_at == 0


# What the client gets back


def test_an_outcome_adds_up_and_names_the_rejected_rows() -> None:
    world = World()
    chunk = chunk_of("|||ann|7", "|||nobody|7", "|||ann|99", "|||bob|7|5")

    result = world.credit(chunk)

    tally = Tally(
        credited=2,
        rejected=2,
        points=55,
        codes={"MEMBER_NOT_FOUND": 1, "ACTIVITY_UNKNOWN": 1},
    )
    assert result == ChunkResult(Handling.DECIDED, tally)
    assert (world.outcome.tally, world.outcome.digest) == (tally, chunk.digest)
    assert (world.outcome.first_line, world.outcome.last_line) == (1, 4)
    assert [(reject.line, reject.raw, reject.code, reject.field) for reject in world.rejects] == [
        (2, b"|||nobody|7", RowCode.MEMBER_NOT_FOUND, None),
        (3, b"|||ann|99", RowCode.ACTIVITY_UNKNOWN, "ACTIVITY_ID"),
    ]


def test_nothing_is_written_to_the_bucket_where_nothing_is_rejected() -> None:
    world = World()
    world.credit(chunk_of("|||ann|7"))

    assert world.outcome.rejects_key is None
    assert world.objects.written == {}


def test_rejected_rows_lie_under_the_submission_the_cell_and_the_first_line() -> None:
    world = World()
    world.credit(chunk_of("|||nobody|7", first_line=1))

    (key,) = world.objects.written
    assert key.startswith(f"rejects/acme/{NAME}/v1/000000/000000000001-")
    assert key.endswith(".jsonl")


@pytest.mark.parametrize(
    ("row", "field", "words"),
    [
        ("x@example.com|||nobody|7", None, "EMAIL and USERNAME"),
        ("cat@example.com||||7", "EMAIL", "the member found by EMAIL is not active"),
        ("ann@example.com|||bob|7", None, "EMAIL and USERNAME name different members"),
        ("|||ann|99", "ACTIVITY_ID", "there is no activity 99"),
        ("|||ann|8", "ACTIVITY_ID", "at the activity date 2026-01-01T00:00:00Z"),
    ],
)
def test_a_message_says_what_to_mend_and_nothing_about_others(
    row: str, field: str | None, words: str
) -> None:
    world = World(matching=Matching.STRICT)
    world.credit(chunk_of(row))

    (reject,) = world.rejects
    assert reject.field == field
    assert words in reject.message
    assert "send the row again in a new file" in reject.message
    assert not any(name in reject.message for name in ("@", "ann", "bob", "cat"))


def test_only_what_is_decided_while_crediting_is_explained_here() -> None:
    chunk = chunk_of("|||ann|7")
    (row,) = read_rows(chunk)
    credit = Entry(f"acme/{NAME}/1", "c1", Decision.CREDITED, 0, user_id=1)

    with pytest.raises(ValueError, match="is no rejection"):
        explain_rejection(row, credit)
    with pytest.raises(ValueError, match="POINTS_INVALID is not decided while crediting"):
        explain_rejection(row, credit.rejected(RowCode.POINTS_INVALID))


def test_the_last_outcome_completes_the_file_and_asks_for_its_report() -> None:
    world = World(chunks=2, rows=2)
    world.close()

    world.credit(chunk_of("|||ann|7"))
    assert world.submission.revision == 0
    world.credit(chunk_of("|||bob|7", first_line=2))

    assert world.submission.status is Status.COMPLETED
    assert world.submission.tally.points == 100
    assert world.reports.requested == [ReportRequest(REF, 1)]


# The first decision stands


def test_a_second_delivery_of_a_decided_chunk_only_settles() -> None:
    world = World()
    chunk = chunk_of("|||ann|7")
    world.credit(chunk)
    world.close()

    assert world.credit(chunk) == ChunkResult(Handling.REPEATED, Tally())
    assert world.balances == [50, 0, 0]
    assert world.submission.status is Status.COMPLETED


MOVES: dict[str, Callable[[World], Any]] = {
    "the member goes inactive": lambda world: world.members.save_profile(
        replace(ANN, status=MemberStatus.INACTIVE), 0
    ),
    "the email changes hands": lambda world: world.members.exchange_identifiers(
        [replace(ANN, email=BOB.email), replace(BOB, email=ANN.email)], 0
    ),
    "the activity ends": lambda world: world.catalog.put_activity(replace(VISIT, ends_at=1)),
    "the activity's points change": lambda world: world.catalog.put_activity(
        replace(VISIT, default_points=1_000)
    ),
    "the unknown member appears": lambda world: world.members.save_profile(
        Member("acme", 4, email="new@example.com"), 0
    ),
    "matching becomes strict": lambda world: world.catalog.put_client(
        Client("acme", matching=Matching.STRICT)
    ),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_the_world_moves_between_two_deliveries_and_the_first_decision_stands(
    move: Callable[[World], Any],
) -> None:
    chunk = chunk_of("ann@example.com|||bob|7", "new@example.com||||7", "|||ann|99")
    undisturbed, world = World(), World()
    undisturbed.credit(chunk)
    # The first delivery dies after the ledger, before anybody has heard of it.
    with pytest.raises(WorkerKilled):
        world.credit(chunk, faults=_dies_at("save_outcome", chunk))

    move(world)
    world.now += 900
    world.credit(chunk)

    assert world.balances == undisturbed.balances
    assert world.outcome == undisturbed.outcome
    assert world.rejects == undisturbed.rejects


# Interruptions

ROWS = (
    "ann@example.com|||bob|7",  # a conflict
    "|||ann|7|120",
    "|||bob|7|0",
    "|||nobody|7",
    "|||bob|99",
    "cat@example.com||||7",
)


def interrupted(world: World, chunk: Chunk, faults: Faults) -> None:
    with pytest.raises(WorkerKilled):
        world.credit(chunk, faults=faults, receive_count=5)


def final_state(world: World) -> Any:
    return (
        world.balances,
        world.entries,
        world.outcome,
        world.rejects,
        list(world.objects.written),
        replace(world.submission, updated_at=0),
        set(world.reports.requested),
    )


def closed_world() -> World:
    world = World(rows=len(ROWS))
    world.close()
    return world


CALLS = [
    "mark_last_try",
    "get",
    "outcome",
    "client",
    "holders",
    "statuses",
    "activities",
    "activities",  # the unknown one, once more
    "begin_crediting",
    "record",
    "put",
    "save_outcome",
    "cell_progress",
    "complete_cell",
    "complete",
    "request_report",
]


def test_a_delivery_makes_these_calls_in_this_order() -> None:
    counting = Faults()

    closed_world().credit(chunk_of(*ROWS), faults=counting, receive_count=5)

    assert counting.calls == CALLS


@pytest.mark.parametrize(("position", "when"), list(every_fault(len(CALLS))))
def test_a_crash_at_any_call_is_harmless_once_the_message_is_delivered_again(
    position: int, when: Any
) -> None:
    chunk = chunk_of(*ROWS)
    undisturbed, world = closed_world(), closed_world()
    undisturbed.credit(chunk)

    interrupted(world, chunk, Faults(position, when))
    world.credit(chunk)

    assert final_state(world) == final_state(undisturbed)


@pytest.mark.parametrize("entry", range(len(ROWS)))
def test_a_crash_within_the_ledgers_work_is_harmless_once_delivered_again(entry: int) -> None:
    chunk = chunk_of(*ROWS)
    undisturbed, world = closed_world(), closed_world()
    undisturbed.credit(chunk)

    def die(position: int) -> None:
        if position == entry:
            raise WorkerKilled

    world.ledger.before_entry = die
    interrupted(world, chunk, Faults())
    world.ledger.before_entry = lambda _: None
    world.credit(chunk)

    assert final_state(world) == final_state(undisturbed)


@pytest.mark.parametrize("position", range(len(CALLS)))
def test_two_workers_with_the_same_message_credit_it_once(position: int) -> None:
    chunk = chunk_of(*ROWS)
    undisturbed, world = closed_world(), closed_world()
    undisturbed.credit(chunk)
    interleaved = Faults()

    def other_worker(at: int, _: str) -> None:
        if at == position:
            world.credit(chunk)

    interleaved.between = other_worker
    world.credit(chunk, faults=interleaved)

    assert final_state(world) == final_state(undisturbed)


def test_contended_rows_come_with_the_next_delivery() -> None:
    world = World()
    world.ledger.contended.add(ANN.user_id)
    chunk = chunk_of("|||ann|7", "|||bob|7")

    with pytest.raises(ContentionError):
        world.credit(chunk)
    assert world.balances == [0, 50, 0]
    assert world.store.outcome(REF, 0, 1) is None

    world.ledger.contended.clear()
    world.credit(chunk)
    assert world.balances == [50, 50, 0]
    assert world.outcome.tally.credited == 2


def test_the_last_delivery_leaves_a_trace_before_anything_can_fail() -> None:
    world = World()
    world.ledger.contended.add(ANN.user_id)

    for receive_count in (4, 5):
        with pytest.raises(ContentionError):
            world.credit(chunk_of("|||ann|7"), receive_count=receive_count)
        assert bool(world.store.last_tries(REF, 0)) == (receive_count == 5)


@pytest.mark.parametrize("call", ["get", "outcome"])
def test_a_last_delivery_that_cannot_even_read_the_submission_leaves_a_trace(call: str) -> None:
    world = World()
    unreadable = Faults(["mark_last_try", "get", "outcome"].index(call), error=TimeoutError())

    with pytest.raises(TimeoutError):
        world.credit(chunk_of("|||ann|7"), faults=unreadable, receive_count=5)

    assert world.store.last_tries(REF, 0) == {1: world.now}


def test_a_chunk_that_does_not_fit_its_file_leaves_a_trace_before_it_is_given_up() -> None:
    world = World()

    with pytest.raises(MessageInvalidError):
        world.credit(replace(chunk_of("|||ann|7"), content="c2"), receive_count=5)

    assert world.store.last_tries(REF, 0) == {1: world.now}


@pytest.mark.parametrize(("receive_count", "noted"), [(4, None), (5, "ContentionError")])
def test_what_the_last_delivery_failed_on_is_noted(receive_count: int, noted: str | None) -> None:
    world = World()
    world.ledger.contended.add(ANN.user_id)

    with pytest.raises(ContentionError):
        world.credit(chunk_of("|||ann|7"), receive_count=receive_count)

    assert world.store.last_error(REF, 0, 1) == noted


def test_a_note_that_cannot_be_written_does_not_hide_what_failed() -> None:
    world = World()
    world.ledger.contended.add(ANN.user_id)
    calls = Faults()
    with pytest.raises(ContentionError):
        world.credit(chunk_of("|||ann|7"), faults=calls, receive_count=5)
    assert calls.calls[-1] == "mark_last_try"
    world = World()
    world.ledger.contended.add(ANN.user_id)

    with pytest.raises(ContentionError):
        world.credit(
            chunk_of("|||ann|7"),
            faults=Faults(len(calls.calls) - 1, error=TimeoutError()),
            receive_count=5,
        )

    assert world.store.last_tries(REF, 0) == {1: world.now}
    assert world.store.last_error(REF, 0, 1) is None


# Chunks that must not be credited


def test_a_chunk_of_an_unknown_submission_is_invalid() -> None:
    stranger = chunk_of("|||ann|7", ref=replace(REF, version="v9"))

    with pytest.raises(MessageInvalidError, match="no submission v9"):
        World().credit(stranger)


@pytest.mark.parametrize(
    "status", [Status.REFUSED, Status.HELD, Status.DUPLICATE, Status.DISCARDED]
)
def test_a_chunk_of_a_submission_that_may_not_credit_is_dropped(status: Status) -> None:
    world = World(status=status)

    result = world.credit(chunk_of("|||ann|7"))

    assert (result.handling, world.entries) == (Handling.DROPPED, [])


def test_a_chunk_whose_place_another_submission_took_is_dropped() -> None:
    world = World(status=Status.PARSING)
    world.store.fail(REF, Failure(FailureCode.CHUNK_DEAD_LETTERED, "gone"), world.now)
    newer = replace(
        world.submission, ref=replace(REF, version="v2"), status=Status.PLANNING, failure=None
    )
    world.store.put(newer)
    world.store.claim(newer.ref, "c2", 1, True, world.now)

    result = world.credit(chunk_of("|||ann|7"))

    assert (result.handling, world.entries) == (Handling.DROPPED, [])


def test_a_redriven_chunk_heals_a_failed_file() -> None:
    world = closed_world()
    world.store.fail(REF, Failure(FailureCode.CHUNK_DEAD_LETTERED, "gone"), world.now)

    world.credit(chunk_of(*ROWS))

    assert world.submission.status is Status.COMPLETED_WITH_REJECTS


def test_another_body_under_the_key_of_a_decided_chunk_fails_loudly() -> None:
    world = World()
    world.credit(chunk_of("|||ann|7"))

    with pytest.raises(ChunkMismatchError):
        world.credit(chunk_of("|||bob|7"))
    assert world.balances == [50, 0, 0]


@pytest.mark.parametrize(
    "change", [{"content": "c2"}, {"received_at": RECEIVED_AT + 1}, {"cell": 1}]
)
def test_a_chunk_that_does_not_fit_the_plan_is_invalid(change: dict[str, Any]) -> None:
    world = World()

    with pytest.raises(MessageInvalidError, match="does not fit"):
        world.credit(replace(chunk_of("|||ann|7"), **change))
    assert world.entries == []


def test_a_chunk_that_a_complete_file_does_not_know_is_invalid() -> None:
    world = World()
    world.close()
    world.credit(chunk_of("|||ann|7"))

    with pytest.raises(MessageInvalidError, match="is COMPLETED without"):
        world.credit(chunk_of("|||bob|7", first_line=2))
    assert world.balances == [50, 0, 0]


@pytest.mark.parametrize(
    "rows",
    [b"|||ann|7\n|||ann|7\n", b"|||ann|7", b"\n", b"", b"|||ann|x\n", b"|||ann|7\r\n\n"],
    ids=["more", "no LF", "blank", "none", "not valid", "a blank more"],
)
def test_rows_that_intake_would_not_have_sent_are_invalid(rows: bytes) -> None:
    world = World()

    with pytest.raises(MessageInvalidError) as raised:
        world.credit(replace(chunk_of("|||ann|7"), rows=rows))
    assert "ann" not in str(raised.value)
    assert world.entries == []


def test_a_row_credited_from_other_content_of_the_name_fails_loudly() -> None:
    world = World()
    other = Entry(f"acme/{NAME}/1", "c0", Decision.CREDITED, 0, user_id=1, points=5)
    world.ledger.entries[other.identity] = other

    with pytest.raises(EntryMismatchError):
        world.credit(chunk_of("|||ann|7", "|||bob|7"))
    assert world.balances == [0, 50, 0]
    assert world.store.outcome(REF, 0, 1) is None


def test_a_client_that_the_catalog_lost_is_waited_for() -> None:
    world = World()
    world.catalog = FakeCatalog()

    with pytest.raises(NotFoundError, match="acme"):
        world.credit(chunk_of("|||ann|7"))


def _dies_at(call: str, chunk: Chunk) -> Faults:
    counting = Faults()
    World().credit(chunk, faults=counting)
    return Faults(counting.calls.index(call))
