"""Files of any size: planned in slices, given up in time, and cut alike wherever they are cut."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable
from itertools import accumulate

import pytest

from pointflow.domain.codes import FileCode
from pointflow.domain.content import Survey, survey
from pointflow.domain.errors import MessageInvalidError, OutOfTimeError
from pointflow.domain.messages import MeasureCells, MeasurePart, ParseCells, ParsePart, Part, Upload
from pointflow.domain.submission import (
    CellMeasure,
    ChunkOutcome,
    Status,
    Tally,
)
from pointflow.services import name_reused as name_reused_module
from pointflow.services import plan_submission
from pointflow.services.receive_upload import Limits
from tests.fakes.faults import Faults, every_fault
from tests.unit.intake_world import RECEIVED_AT, World, ref_of, rows

CELL = 64 << 20
CELLS = 80_000
HUGE = CELL * CELLS  # 5 TB


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sliced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of so few cells that a small file has several."""
    monkeypatch.setattr(plan_submission, "CELLS_AT_ONCE", 3)


def after(calls: int) -> Callable[[], bool]:
    """Time that runs out after so many looks at the clock."""
    looks = iter(range(calls))
    return lambda: next(looks, None) is None


def measures(cells: Iterable[int]) -> Iterable[CellMeasure]:
    return (CellMeasure(cell, 1_000 + cell % 7, f"{cell:064x}", 0) for cell in cells)


# --- planning


def test_a_file_of_80_000_cells_is_planned_by_runs_of_at_most_a_thousand_messages() -> None:
    world = World(limits=Limits(CELL, 500, 100_000))
    world.objects.upload(ref_of(), rows(1))
    world.intake().upload(Upload(ref_of(), HUGE, RECEIVED_AT))
    asked = handed_out(world)
    assert asked == [MeasurePart(ref_of(), cell) for cell in range(CELLS)]

    for measure in measures(range(CELLS)):
        world.store.save_measure(ref_of(), measure, 1)
    world.intake().part(asked[-1], retry=False)

    assert world.submission().status is Status.PARSING
    assert world.submission().content == survey(measures(range(CELLS))).content
    first_lines = accumulate((each.newlines for each in measures(range(CELLS))), initial=1)
    assert handed_out(world) == [
        ParsePart(ref_of(), cell, line)
        for cell, line in zip(range(CELLS), first_lines, strict=False)
    ]


def handed_out(world: World) -> list[Part]:
    """What the slices that were asked for are handed out as; each is one short run."""
    slices = world.parts.take()
    assert len(slices) == CELLS / 1_000
    found: list[Part] = []
    for each in slices:
        assert isinstance(each, MeasureCells | ParseCells)
        world.intake().part(each, retry=False)
        sent = world.parts.take()
        assert len(sent) == 1_000
        found += sent
    return found


def test_the_measures_of_a_huge_file_are_surveyed_in_constant_memory() -> None:
    tracemalloc.start()
    try:
        found = survey(measures(range(CELLS)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (found.cells, found.first_row_line) == (CELLS, 1)
    assert peak < 100_000


def test_a_survey_says_what_the_measures_say_together() -> None:
    cells = [CellMeasure(0, 3, "00" * 32, None), CellMeasure(1, 2, "11" * 32, 1)]

    assert survey(cells) == Survey(2, survey(iter(cells)).content, 5)
    assert survey(reversed_lines(cells)).content != survey(cells).content
    with pytest.raises(ValueError, match="in order"):
        survey(cells[::-1])


def reversed_lines(cells: list[CellMeasure]) -> list[CellMeasure]:
    return [CellMeasure(at, 0, cell.sha256, None) for at, cell in enumerate(cells[::-1])]


def test_a_sliced_file_ends_as_any_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = World()
    whole.run(whole.uploaded(rows(40) + b"bad\n"))
    whole.credit_all()
    monkeypatch.setattr(plan_submission, "CELLS_AT_ONCE", 3)

    world.run(world.uploaded(rows(40) + b"bad\n"))
    world.credit_all()

    assert world.submission().plan.cells > 9
    assert world.result() == whole.result()


@pytest.mark.usefixtures("sliced")
def test_a_crash_at_any_step_of_a_sliced_file_changes_nothing_in_the_end() -> None:
    body = rows(20) + b"bad\n"
    undisturbed, counter = World(), Faults()
    undisturbed.run(undisturbed.uploaded(body), faults=counter)
    undisturbed.credit_all()
    assert undisturbed.submission().plan.cells == 6

    for position, when in every_fault(len(counter.calls)):
        world = World()
        world.run(world.uploaded(body), faults=Faults(position, when))
        world.credit_all()

        assert world.result() == undisturbed.result(), f"{when} {counter.calls[position]}"


@pytest.mark.usefixtures("sliced")
def test_a_slice_asks_only_for_what_is_still_to_be_done(world: World) -> None:
    world.intake().upload(world.uploaded(rows(20)))
    first, second = world.parts.take()
    world.intake().part(MeasurePart(ref_of(), 1), retry=False)

    world.intake().part(first, retry=False)
    world.intake().part(second, retry=False)

    parts = world.parts.take()
    assert parts == [MeasurePart(ref_of(), cell) for cell in (0, 2, 3, 4)]
    for part in parts:
        world.intake().part(part, retry=False)
    first, second = world.parts.take()
    world.intake().part(second, retry=False)
    (closed, *_) = world.parts.take()
    world.intake().part(closed, retry=False)

    world.intake().part(second, retry=True)

    assert [part.cell for part in world.parts.sent if isinstance(part, ParsePart)] == [4]


@pytest.mark.usefixtures("sliced")
def test_a_planner_that_crashed_is_made_up_for_by_the_last_slice(world: World) -> None:
    upload = world.uploaded(rows(20))
    world.intake().upload(upload)
    last_slice = world.parts.take()[-1]
    for measure in measures(range(world.submission().plan.cells)):
        world.store.save_measure(ref_of(), measure, 1)

    world.intake().part(last_slice, retry=False)
    (last,) = world.parts.take()
    world.intake().part(last, retry=False)

    assert world.submission().status is Status.PARSING


@pytest.mark.usefixtures("sliced")
def test_a_slice_that_comes_late_is_dropped(world: World) -> None:
    world.intake().upload(world.uploaded(rows(20)))
    late = world.parts.take()[0]
    world.run(Upload(ref_of(), world.submission().plan.size, RECEIVED_AT))
    world.credit_all()

    world.intake().part(late, retry=True)
    world.intake().part(ParseCells(ref_of(), 0, 3, 1), retry=True)

    assert world.parts.sent == []


@pytest.mark.parametrize(
    "slice_", [MeasureCells(ref_of("v9"), 0, 1), ParseCells(ref_of(), 0, 99, 1)]
)
def test_a_slice_of_what_is_not_on_record_is_poison(
    world: World, slice_: MeasureCells | ParseCells
) -> None:
    world.intake().upload(world.uploaded(rows(20)))

    with pytest.raises(MessageInvalidError):
        world.intake().part(slice_, retry=False)


# --- the end of an invocation


def test_a_measure_that_would_outlive_its_invocation_is_given_up_and_done_by_the_next(
    world: World,
) -> None:
    world.intake().upload(world.uploaded(rows(20)))
    part = world.parts.take()[0]

    with pytest.raises(OutOfTimeError):
        world.intake().part(part, retry=False, out_of_time=after(3))
    assert world.submission().cells_measured == 0

    world.intake().part(part, retry=True)
    assert world.submission().cells_measured == 1


@pytest.mark.parametrize("looks", range(0, 60, 7))
def test_a_cell_that_would_outlive_its_invocation_is_given_up_and_sent_alike_by_the_next(
    world: World, looks: int
) -> None:
    body = rows(30) + b"bad\n"
    undisturbed = World(limits=Limits(10_000, 3, 1_000))
    undisturbed.run(undisturbed.uploaded(body))
    world.limits = undisturbed.limits
    world.intake().upload(world.uploaded(body))
    (measure,) = world.parts.take()
    world.intake().part(measure, retry=False)
    (part,) = world.parts.take()

    with pytest.raises(OutOfTimeError):
        world.intake().part(part, retry=False, out_of_time=after(looks))
    assert world.submission().cells_closed == 0
    assert world.objects.written == {}

    world.intake().part(part, retry=True)
    assert world.result() == undisturbed.result()


# --- a reused name of a huge owner


def owner_of(cells: int, credited: list[int], monkeypatch: pytest.MonkeyPatch) -> World:
    """A planned file of which a row was credited in each of these cells, two searched each side."""
    monkeypatch.setattr(name_reused_module, "CELLS_SEARCHED", 2)
    world = World()
    world.intake().upload(world.uploaded(rows(4 * cells)))
    world.drain()
    for cell in credited:
        line = cell + 1
        assert world.store.begin_crediting(ref_of(), 1)
        outcome = ChunkOutcome(cell, line, line, "d", Tally(credited=1), None)
        world.store.save_outcome(ref_of(), outcome, 1)
    return world


@pytest.mark.parametrize(
    ("credited", "told"),
    [
        ([], "no row of it is credited so far"),
        ([0, 5], "rows from its line 1 on are credited so far"),
        ([1, 9], "rows in its lines 2-10 are credited so far"),
        ([5, 8], "rows up to its line 9 are credited so far"),
        ([5], "rows of it may be credited so far"),
    ],
)
def test_the_credited_lines_of_a_huge_owner_are_told_as_far_as_a_short_search_finds_them(
    credited: list[int], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = owner_of(10, credited, monkeypatch)

    world.run(world.uploaded(rows(1), ref_of("v2")))

    refusal = world.submission(ref_of("v2")).refusal
    assert refusal is not None
    assert refusal.code is FileCode.FILE_NAME_REUSED
    assert told in refusal.message
