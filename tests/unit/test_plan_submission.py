"""What becomes of a measured file: planned, held, dropped or refused."""

from __future__ import annotations

import pytest

from pointflow.domain.client import Client, DuplicateContent
from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.content import measure_cell, measure_span
from pointflow.domain.messages import MeasurePart, ParsePart, ReportRequest
from pointflow.domain.submission import CellMeasure, Failure, Status
from pointflow.services.plan_submission import send_measure_parts, send_parse_parts
from tests.unit.intake_world import NAME, World, ref_of, rows

OTHER_NAME = "activities_acme_20251009085321.txt"


@pytest.fixture
def world() -> World:
    return World()


def reuse(world: World) -> str:
    """Upload other content under the name that is taken; answers the refusal's words."""
    again = ref_of("v2")
    world.run(world.uploaded(rows(2, first=500), again))
    refused = world.submission(again)
    assert refused.status is Status.REFUSED
    assert refused.refusal is not None
    assert refused.refusal.code is FileCode.FILE_NAME_REUSED
    assert ReportRequest(again, 1) in world.reports.requested
    return refused.refusal.message


def test_a_cell_learns_the_number_of_the_line_it_begins_in(world: World) -> None:
    body = b"\n" * 10 + rows(12)
    world.intake().upload(world.uploaded(body))
    for part in world.parts.take():
        world.intake().part(part, retry=False)

    first_lines = [part.first_line for part in world.parts.sent if isinstance(part, ParsePart)]
    assert first_lines == [1 + body[:start].count(b"\n") for start in range(0, len(body), 64)]
    assert world.submission().first_row_line == 11


@pytest.mark.parametrize("body", [b"\n", b"   \r\n  \n", b"\xef\xbb\xbf\n", b" " * 200])
def test_a_file_without_a_row_is_refused(world: World, body: bytes) -> None:
    world.run(world.uploaded(body))

    submission = world.submission()
    assert submission.refusal is not None
    assert submission.refusal.code is FileCode.FILE_EMPTY
    assert world.reports.requested == [ReportRequest(ref_of(), 1)]
    assert world.chunks.sent == []


def test_the_same_name_and_content_again_is_a_duplicate(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    before = len(world.chunks.sent)

    world.run(world.uploaded(rows(12), ref_of("v2")))

    assert world.submission(ref_of("v2")).status is Status.DUPLICATE
    assert world.submission().status is Status.CREDITING
    assert len(world.chunks.sent) == before
    assert world.reports.requested == [ReportRequest(ref_of("v2"), 1)]


def test_known_content_under_another_name_is_held(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    before = len(world.chunks.sent)
    other = ref_of(name=OTHER_NAME)

    world.run(world.uploaded(rows(12), other))

    assert world.submission(other).status is Status.HELD
    assert world.submission(other).twin == f"acme/{NAME}"
    assert len(world.chunks.sent) == before
    assert world.reports.requested == [ReportRequest(other, 1)]


def test_a_client_may_have_known_content_credited_again(world: World) -> None:
    world.catalog.put_client(Client("acme", duplicate_content=DuplicateContent.CREDIT))
    world.run(world.uploaded(rows(12)))
    other = ref_of(name=OTHER_NAME)

    world.run(world.uploaded(rows(12), other))

    assert world.submission(other).status is Status.CREDITING


def test_a_used_name_is_refused_and_says_that_nothing_is_credited_yet(world: World) -> None:
    world.run(world.uploaded(rows(12)))

    message = reuse(world)

    assert "no row of it is credited so far" in message
    assert "2025-10-09 08:53:20 UTC" in message
    assert "new name" in message


def test_a_used_name_is_refused_and_names_the_lines_credited_so_far(world: World) -> None:
    world.run(world.uploaded(b"bad\n" + rows(12)))
    world.chunks.sent = world.chunks.sent[:2]
    last_line = world.chunks.sent[-1].last_line
    world.credit_all()

    assert f"lines 2-{last_line} are credited" in reuse(world)


def test_a_used_name_names_all_the_lines_of_a_finished_owner(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    world.credit_all()

    assert "lines 1-12 are credited" in reuse(world)


def test_the_owner_is_not_touched_by_the_refusal(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    world.credit_all()
    before = world.submission()

    reuse(world)

    assert world.submission() == before


def test_a_refused_file_frees_its_name(world: World) -> None:
    world.run(world.uploaded(b"\n"))

    world.run(world.uploaded(rows(3), ref_of("v2")))

    assert world.submission(ref_of("v2")).status is Status.CREDITING


def test_a_file_that_failed_before_anything_was_credited_frees_its_name(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    world.store.fail(ref_of(), Failure(FailureCode.INTAKE_STUCK, "stuck"), 1)

    world.run(world.uploaded(rows(3), ref_of("v2")))

    assert world.submission(ref_of("v2")).status is Status.CREDITING


def test_a_client_that_was_removed_meanwhile_has_its_twins_held(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    other = ref_of(name=OTHER_NAME)
    world.intake().upload(world.uploaded(rows(12), other))
    world.catalog = type(world.catalog)()

    world.drain()

    assert world.submission(other).status is Status.HELD


def test_open_cells_are_sent_again_and_closed_ones_are_not(world: World) -> None:
    world.intake().upload(world.uploaded(rows(12)))
    for part in world.parts.take():
        world.intake().part(part, retry=False)
    parse_parts = world.parts.take()
    world.intake().part(parse_parts[1], retry=False)

    send_parse_parts(world.submission(), store=world.store, parts=world.parts)

    assert world.parts.sent == [parse_parts[0], *parse_parts[2:]]


def test_when_every_cell_is_measured_the_last_one_is_asked_again_to_plan(world: World) -> None:
    world.intake().upload(world.uploaded(rows(12)))
    measure_parts = world.parts.take()
    for part in measure_parts[:-1]:
        world.intake().part(part, retry=False)
    last = measure_parts[-1]
    assert isinstance(last, MeasurePart)
    world.store.save_measure(ref_of(), _measured(world, last), 1)

    send_measure_parts(world.submission(), store=world.store, parts=world.parts)
    assert world.parts.take() == [last]
    world.intake().part(last, retry=False)

    assert world.submission().status is Status.PARSING


def _measured(world: World, part: MeasurePart) -> CellMeasure:
    plan = world.submission().plan
    return measure_cell(
        world.objects.read(part.ref, *measure_span(plan, part.cell)), plan=plan, cell=part.cell
    )
