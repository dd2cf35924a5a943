"""Random uploads, redeliveries, faults and changes of members, against a model of ten lines."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pointflow.adapters.ledger_items import entry_of
from pointflow.domain.activity import Activity
from pointflow.domain.client import DuplicateContent
from pointflow.domain.ledger import Entry
from pointflow.domain.member import Member, MemberStatus
from pointflow.domain.messages import decode_chunk
from pointflow.domain.submission import COMPLETE
from tests.fakes.client_faults import KINDS
from tests.fakes.faults import Faults, When
from tests.fakes.programme import CLIENT, NOW, RECEIVED_AT, Programme, name_of
from tests.fakes.queues import Delivery

EMAILS = ("a@x", "b@x", "c@x")
CALLS = st.sampled_from(range(12))
"""Which call of the crediting of a chunk goes wrong: it makes about ten."""

Decision = tuple[int | None, int]  # who is credited (None: nobody), and with how many points


class Model:
    """What balances must be: the first decision of a row stands, in the world of its time."""

    def __init__(self) -> None:
        self.holder = dict(zip(EMAILS, (1, 2, 3), strict=True))
        self.active = {1: True, 2: True, 3: True}
        self.ended = False
        self.allowed: dict[str, set[Decision]] = {}

    def decide(self, identity: str, email: str, points: int) -> None:
        """A worker looks at a row. If it was decided before, this changes nothing."""
        user = self.holder.get(email)
        good = user is not None and self.active[user] and not self.ended
        self.allowed.setdefault(identity, set()).add((user, points) if good else (None, 0))


class BreakingMachine(RuleBasedStateMachine):
    """The batch job on a DynamoDB in memory."""

    @initialize()
    def begin(self) -> None:
        self.model = Model()
        self.programme = Programme(duplicates=DuplicateContent.CREDIT)
        self.programme.fill(
            [Member(CLIENT, user, email=email) for email, user in self.model.holder.items()],
            [Activity(CLIENT, 7, default_points=50)],
        )
        self.worker = self.programme.worker()
        self.files = 0
        self.decided: dict[str, Entry] = {}

    @rule(
        rows=st.lists(
            st.tuples(st.sampled_from((*EMAILS, "no@x")), st.integers(0, 9)), min_size=1, max_size=6
        )
    )
    def upload(self, rows: list[tuple[str, int]]) -> None:
        lines = [f"{email}||||7|{points}" for email, points in rows]
        self.programme.upload(lines, name=name_of(self.files))
        self.files += 1

    @rule()
    def take_in(self) -> None:
        """All that is not crediting, so that crediting is what is mostly broken."""
        waiting = self.programme.queues.waiting
        while any(each.queue != "chunks" for each in waiting):
            delivery = waiting.popleft()
            if delivery.queue == "chunks":
                waiting.append(delivery)
            else:
                self._hand_over(delivery, Faults())

    @rule(which=st.integers(0, 99))
    def deliver(self, which: int) -> None:
        waiting = self.programme.queues.waiting
        if waiting:
            waiting.rotate(-(which % len(waiting)))
            self._hand_over(waiting.popleft(), Faults())

    @precondition(lambda self: self._chunks())
    @rule(which=st.integers(0, 9), call=CALLS, kind=st.sampled_from(sorted(KINDS)))
    def credit_while_aws_fails(self, which: int, call: int, kind: str) -> None:
        self._credit(which, Faults(call, instead=KINDS[kind]))

    @precondition(lambda self: self._chunks())
    @rule(which=st.integers(0, 9), call=CALLS, when=st.sampled_from(("before", "after")))
    def credit_with_a_worker_that_dies(self, which: int, call: int, when: When) -> None:
        self._credit(which, Faults(call, when))

    @rule(which=st.integers(0, 99))
    def deliver_an_old_message_again(self, which: int) -> None:
        sent = self.programme.queues.sent
        if sent:
            old = replace(sent[which % len(sent)], receive_count=2)
            self._hand_over(old, Faults())

    @rule(user=st.sampled_from((1, 2, 3)))
    def change_status(self, user: int) -> None:
        active = self.model.active[user] = not self.model.active[user]
        found = self.programme.members.member(CLIENT, user)
        assert found is not None
        status = MemberStatus.ACTIVE if active else MemberStatus.INACTIVE
        self.programme.members.save_profile(replace(found, status=status), NOW)

    @rule(emails=st.permutations(EMAILS))
    def emails_change_hands(self, emails: list[str]) -> None:
        self.model.holder = dict(zip(emails, (1, 2, 3), strict=True))
        self.programme.members.exchange_identifiers(
            [Member(CLIENT, user, email=email) for email, user in self.model.holder.items()], NOW
        )

    @rule()
    def the_activity_ends_or_goes_on(self) -> None:
        self.model.ended = not self.model.ended
        ends_at = RECEIVED_AT if self.model.ended else None
        self.programme.catalog.put_activity(Activity(CLIENT, 7, 50, ends_at=ends_at))

    @invariant()
    def no_decision_ever_changes(self) -> None:
        if not hasattr(self, "decided"):
            return
        items = self.programme.dynamodb.tables["LedgerTable"].values()
        now = {entry.identity: entry for entry in map(entry_of, items)}
        assert {identity: now[identity] for identity in self.decided} == self.decided
        self.decided = now

    def teardown(self) -> None:
        if not hasattr(self, "decided"):
            return
        while self.programme.queues.waiting:
            self._hand_over(self.programme.queues.waiting.popleft(), Faults())
        self.no_decision_ever_changes()
        credits = {1: 0, 2: 0, 3: 0}
        assert set(self.decided) == set(self.model.allowed)
        for identity, entry in self.decided.items():
            user = None if entry.code else entry.user_id
            assert (user, entry.points) in self.model.allowed[identity]
            if user is not None:
                credits[user] += entry.points
        assert {user: self.programme.balance(user) for user in credits} == credits
        for number in range(self.files):
            submission = self.programme.submission(name_of(number))
            assert submission.status in COMPLETE
            assert submission.reported_revision == submission.revision == 1
        found = self.programme.verify()
        assert (found.drifts, found.errors, found.round_.moving) == ((), (), 0)

    def _chunks(self) -> list[Delivery]:
        return [each for each in self.programme.queues.waiting if each.queue == "chunks"]

    def _credit(self, which: int, faults: Faults) -> None:
        chunks = self._chunks()
        chunk = chunks[which % len(chunks)]
        self.programme.queues.waiting.remove(chunk)
        self._hand_over(chunk, faults)

    def _hand_over(self, delivery: Delivery, faults: Faults) -> None:
        if delivery.queue == "chunks":
            chunk = decode_chunk(delivery.body)
            lines = (
                line for first, count in chunk.segments for line in range(first, first + count)
            )
            for line, row in zip(lines, chunk.rows.decode().splitlines(), strict=True):
                email, points = row.split("|")[0], int(row.split("|")[5])
                self.model.decide(f"{CLIENT}/{chunk.ref.file_name}/{line}", email, points)
        # A worker of its own for each message: what it remembers is no part of the model.
        self.programme.deliver(delivery, self.programme.worker(faults))


TestBreaking = BreakingMachine.TestCase
TestBreaking.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
