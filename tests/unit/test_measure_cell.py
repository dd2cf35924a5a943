"""Pass 1: cells are measured in any order, any number of times, and planned once."""

from __future__ import annotations

import pytest

from pointflow.domain.codes import FailureCode
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import MeasurePart, ParsePart, ReportRequest
from pointflow.domain.submission import Status
from tests.fakes.faults import Faults, WorkerKilled
from tests.unit.intake_world import World, ref_of, rows


@pytest.fixture
def world() -> World:
    return World()


def planning(world: World, body: bytes) -> list[MeasurePart]:
    """Receive a file; answers the parts that ask for its cells."""
    world.intake().upload(world.uploaded(body))
    parts = world.parts.take()
    assert all(isinstance(part, MeasurePart) for part in parts)
    return [part for part in parts if isinstance(part, MeasurePart)]


def test_a_cell_is_read_with_the_one_byte_that_follows_it(world: World) -> None:
    parts = planning(world, rows(12))
    world.objects.reads.clear()

    world.intake().part(parts[1], retry=False)

    assert world.objects.reads == [(ref_of(), 64, 129)]


def test_nothing_is_planned_while_a_cell_is_missing(world: World) -> None:
    for part in planning(world, rows(12))[1:]:
        world.intake().part(part, retry=False)

    assert world.submission().status is Status.PLANNING
    assert world.parts.sent == []


@pytest.mark.parametrize("backwards", [False, True])
def test_whoever_measures_the_last_cell_plans(world: World, backwards: bool) -> None:
    parts = planning(world, rows(12))
    for part in reversed(parts) if backwards else parts:
        world.intake().part(part, retry=False)

    assert world.submission().status is Status.PARSING
    cells = [part.cell for part in world.parts.sent if isinstance(part, ParsePart)]
    assert cells == list(range(len(parts)))
    assert len(world.parts.sent) == len(parts)


def test_a_cell_measured_twice_counts_once(world: World) -> None:
    first, *_ = planning(world, rows(12))
    world.intake().part(first, retry=False)
    world.intake().part(first, retry=True)

    assert world.submission().cells_measured == 1


def test_a_duplicate_that_comes_after_the_plan_sends_nothing_again(world: World) -> None:
    parts = planning(world, rows(12))
    for part in parts:
        world.intake().part(part, retry=False)
    world.parts.take()

    world.intake().part(parts[0], retry=False)

    assert world.parts.sent == []


def test_a_retry_that_finds_the_plan_made_sends_the_open_cells_again(world: World) -> None:
    parts = planning(world, rows(12))
    for part in parts:
        world.intake().part(part, retry=False)
    parse_parts = world.parts.take()
    world.intake().part(parse_parts[0], retry=False)

    world.intake().part(parts[-1], retry=True)

    assert world.parts.sent == parse_parts[1:]


def test_a_version_that_vanishes_fails_the_submission(world: World) -> None:
    parts = planning(world, rows(12))
    world.objects.make_unreadable(ref_of())

    for part in parts:
        world.intake().part(part, retry=False)

    submission = world.submission()
    assert submission.status is Status.FAILED
    assert submission.failure is not None
    assert submission.failure.code is FailureCode.OBJECT_UNREADABLE
    assert set(world.reports.requested) == {ReportRequest(ref_of(), 1)}
    assert world.parts.sent == []


def test_an_upload_that_was_recorded_and_not_looked_into_is_taken_in_by_any_of_its_parts(
    world: World,
) -> None:
    untouched = World()
    untouched.run(untouched.uploaded(rows(12)))
    with pytest.raises(WorkerKilled):
        world.intake(Faults(1, "after")).upload(world.uploaded(rows(12)))
    assert world.submission().status is Status.RECEIVED

    world.drain([MeasurePart(ref_of(), 0)])

    assert world.result() == untouched.result()


def test_an_upload_that_was_recorded_is_refused_by_a_part_as_by_its_own_message(
    world: World,
) -> None:
    ref = ref_of(name="report.txt")
    with pytest.raises(WorkerKilled):
        world.intake(Faults(1, "after")).upload(world.uploaded(rows(1), ref))

    world.drain([MeasurePart(ref, 0)])

    assert world.submission(ref).status is Status.REFUSED
    assert world.reports.requested == [ReportRequest(ref, 1)]


def test_a_version_that_is_denied_for_a_while_is_measured_afterwards(world: World) -> None:
    part, *others = planning(world, rows(12))
    world.objects.deny(ref_of())

    with pytest.raises(PermissionError):
        world.intake().part(part, retry=False)
    assert world.submission().status is Status.PLANNING

    world.objects.allow(ref_of())
    world.drain([part, *others])
    assert world.submission().status is Status.CREDITING


@pytest.mark.parametrize(
    "part",
    [MeasurePart(ref_of("v9"), 0), MeasurePart(ref_of(), 99), ParsePart(ref_of("v9"), 0, 1),
     ParsePart(ref_of(), 99, 1)],
)  # fmt: skip
def test_a_part_of_what_is_not_on_record_is_poison(
    world: World, part: MeasurePart | ParsePart
) -> None:
    planning(world, rows(12))

    with pytest.raises(MessageInvalidError):
        world.intake().part(part, retry=False)
