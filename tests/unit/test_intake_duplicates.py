"""Everything twice, at once, in the wrong order or cut off: the same chunks, one result."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.codes import FileCode
from pointflow.domain.messages import Chunk, Part, Upload
from pointflow.domain.submission import COMPLETE, Status, SubmissionRef
from pointflow.services.receive_upload import Limits
from tests.fakes.faults import WorkerKilled
from tests.fakes.publishers import FakeChunks, FakeParts
from tests.unit.intake_world import Result, World, ref_of, rows

BODY = rows(9) + b"bad row\n\n" + rows(30, first=20) + b"|x|||7001\n" + rows(5, first=60)
OTHER_NAME = "activities_acme_20251009085321.txt"
LIMITS_OF_LATER = Limits(1_000, 7, 200)


def undisturbed() -> Result:
    world = World()
    world.run(world.uploaded(BODY))
    world.credit_all()
    result = world.result()
    assert result.submission is not None
    assert result.submission.status is Status.COMPLETED_WITH_REJECTS
    return result


ONCE = undisturbed()


@pytest.fixture
def world() -> World:
    return World()


class DyingChunks(FakeChunks):
    """CreditQueue as a worker sees it that dies after some messages."""

    def __init__(self, queue: FakeChunks, after: int) -> None:
        super().__init__()
        self._queue, self._left = queue, after

    def send_chunks(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            if not self._left:
                raise WorkerKilled
            self._left -= 1
            self._queue.send_chunks([chunk])


class DyingParts(FakeParts):
    """PartQueue as a worker sees it that dies after some messages."""

    def __init__(self, queue: FakeParts, after: int) -> None:
        super().__init__()
        self._queue, self._left = queue, after

    def send_parts(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if not self._left:
                raise WorkerKilled
            self._left -= 1
            self._queue.send_parts([part])


def at_once(*works: Callable[[], object]) -> None:
    """Run every work in a thread of its own, all starting together."""
    start = threading.Barrier(len(works))
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        start.wait(5)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failed == []


@given(st.integers(0, 2**32))
def test_messages_in_any_order_and_any_number_end_in_one_result(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - a reproducible disorder
    world = World()
    upload = world.uploaded(BODY)
    queue: list[Upload | Part] = [upload, upload]
    while queue:
        message = queue.pop(draw.randrange(len(queue)))
        if isinstance(message, Upload):
            world.intake().upload(message)
        else:
            world.intake().part(message, retry=draw.random() < 0.1)
        for part in world.parts.take():
            queue += [part] * draw.choice((1, 1, 1, 2))
    draw.shuffle(world.chunks.sent)
    world.credit_all()

    assert world.result() == ONCE


@pytest.mark.parametrize("after", range(12))
def test_a_worker_that_dies_after_some_chunks_sends_the_same_ones_again(
    world: World, after: int
) -> None:
    whole = World(limits=Limits(10_000, 3, 1_000))
    whole.run(whole.uploaded(BODY))
    whole.credit_all()
    world.limits = whole.limits
    world.intake().upload(world.uploaded(BODY))
    world.intake().part(world.parts.take()[0], retry=False)
    (part,) = world.parts.take()

    with pytest.raises(WorkerKilled):
        replace(world.intake(), chunks=DyingChunks(world.chunks, after)).part(part, retry=False)
    assert len(world.chunks.sent) == after
    world.intake().part(part, retry=True)
    world.credit_all()

    assert world.result() == whole.result()


@pytest.mark.parametrize("after", range(7))
def test_a_planner_that_dies_after_some_parts_asks_for_every_cell_in_the_end(
    world: World, after: int
) -> None:
    upload = world.uploaded(BODY)
    with pytest.raises(WorkerKilled):
        replace(world.intake(), parts=DyingParts(world.parts, after)).upload(upload)
    world.intake().upload(upload)
    *others, last = dict.fromkeys(world.parts.take())
    for part in others:
        world.intake().part(part, retry=False)

    with pytest.raises(WorkerKilled):
        replace(world.intake(), parts=DyingParts(world.parts, after)).part(last, retry=False)
    assert world.submission().status is Status.PARSING
    world.intake().part(last, retry=True)
    world.drain()
    world.credit_all()

    assert world.result() == ONCE


@pytest.mark.parametrize("attempt", range(5))
def test_every_cell_run_four_times_at_once_is_counted_once(world: World, attempt: int) -> None:
    upload = world.uploaded(BODY)
    at_once(*[partial(world.intake().upload, upload)] * 4)
    passes = 0
    while parts := set(world.parts.take()):
        passes += 1
        for part in sorted(parts, key=str):
            at_once(*[partial(deliver, world, [part])] * 4)
    world.credit_all()

    assert passes == 2
    assert world.result() == ONCE


@pytest.mark.parametrize("deployed_after", range(12))
def test_limits_that_change_in_mid_file_change_no_chunk_of_it(
    world: World, deployed_after: int
) -> None:
    queue: list[Upload | Part] = [world.uploaded(BODY)]
    for done in range(10_000):
        if done == deployed_after:
            world.limits = LIMITS_OF_LATER
        if not queue:
            break
        message = queue.pop(0)
        if isinstance(message, Upload):
            world.intake().upload(message)
        else:
            world.intake().part(message, retry=False)
        queue += world.parts.take()
    world.credit_all()

    first_deployment_planned = deployed_after > 0
    assert (world.result() == ONCE) is first_deployment_planned
    assert world.submission().tally == (ONCE.submission and ONCE.submission.tally)


@pytest.mark.parametrize("attempt", range(10))
def test_of_twins_that_arrive_at_once_one_is_credited_and_one_is_held(
    world: World, attempt: int
) -> None:
    twins = [ref_of(), ref_of(name=OTHER_NAME)]
    arrive_at_once(world, dict.fromkeys(twins, BODY))
    world.credit_all()

    submissions = [world.submission(ref) for ref in twins]
    credited = [each for each in submissions if each.status in COMPLETE]
    held = [each for each in submissions if each.status is Status.HELD]
    assert (len(credited), len(held)) == (1, 1)
    assert held[0].twin == credited[0].ref.batch
    assert {chunk.ref for chunk in world.chunks.sent} == {credited[0].ref}


@pytest.mark.parametrize("attempt", range(10))
def test_of_versions_of_a_name_that_arrive_at_once_one_owns_it(world: World, attempt: int) -> None:
    bodies = {
        ref_of("v1"): BODY,
        ref_of("v2"): BODY,
        ref_of("v3"): BODY + rows(1, first=90),
    }
    arrive_at_once(world, bodies)
    world.credit_all()

    submissions = [world.submission(ref) for ref in bodies]
    (owner,) = [each for each in submissions if each.status in COMPLETE]
    for other in submissions:
        if other is not owner:
            same = bodies[other.ref] == bodies[owner.ref]
            assert other.status is (Status.DUPLICATE if same else Status.REFUSED)
    assert {chunk.ref for chunk in world.chunks.sent} == {owner.ref}


def arrive_at_once(world: World, bodies: dict[SubmissionRef, bytes]) -> None:
    """Take files in, one in a thread each, step by step beside one another."""
    uploads = [world.uploaded(body, ref) for ref, body in bodies.items()]
    at_once(*(partial(world.intake().upload, upload) for upload in uploads))
    while parts := world.parts.take():
        by_file = [[part for part in parts if part.ref == ref] for ref in bodies]
        at_once(*(partial(deliver, world, mine) for mine in by_file))


def deliver(world: World, parts: list[Part]) -> None:
    for part in parts:
        world.intake().part(part, retry=False)


def test_the_event_of_an_older_version_that_comes_last_never_touches_the_owner(
    world: World,
) -> None:
    older = world.uploaded(rows(12), ref_of("v1"))
    newer = world.uploaded(rows(20), ref_of("v2"))
    world.run(newer)
    world.credit_all()
    owner = world.submission(ref_of("v2"))

    world.run(older)

    assert world.submission(ref_of("v2")) == owner
    refused = world.submission(ref_of("v1"))
    assert refused.refusal is not None
    assert refused.refusal.code is FileCode.FILE_NAME_REUSED


def test_the_whole_file_after_an_interrupted_upload_is_refused_and_told_what_is_credited(
    world: World,
) -> None:
    whole = rows(40)
    world.run(world.uploaded(whole[: 16 * 21 + 7]))
    world.credit_all()
    assert world.submission().tally.credited == 21

    world.run(world.uploaded(whole, ref_of("v2")))

    refusal = world.submission(ref_of("v2")).refusal
    assert refusal is not None
    assert refusal.code is FileCode.FILE_NAME_REUSED
    assert "rows in its lines 1-21 are credited" in refusal.message
    assert sum(chunk.row_count for chunk in world.chunks.sent) == 21


def test_an_interrupted_upload_that_is_empty_of_rows_frees_the_name_for_the_whole_file(
    world: World,
) -> None:
    world.run(world.uploaded(b"\n"))

    world.run(world.uploaded(BODY, ref_of("v2")))
    world.credit_all()

    assert world.submission(ref_of("v2")).tally == (ONCE.submission and ONCE.submission.tally)
