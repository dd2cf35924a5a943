"""Pass 2: chunks to the ledger's queue, rejects to the bucket, each cell closed once."""

from __future__ import annotations

import pytest

from pointflow.domain.codes import FailureCode, RowCode
from pointflow.domain.errors import ContentionError
from pointflow.domain.messages import Chunk, ParsePart, ReportRequest
from pointflow.domain.reject_lines import decode_rejects
from pointflow.domain.submission import CellClose, Failure, Status, Tally
from pointflow.services.receive_upload import Limits
from tests.fakes.faults import Faults
from tests.unit.intake_world import NAME, RECEIVED_AT, World, ref_of, rows

ONE_CELL = Limits(10_000, 3, 1_000)


@pytest.fixture
def world() -> World:
    return World()


def parsing(world: World, body: bytes) -> list[ParsePart]:
    """Bring a file to PARSING; answers the parts that ask for its cells."""
    world.intake().upload(world.uploaded(body))
    for part in world.parts.take():
        world.intake().part(part, retry=False)
    return [part for part in world.parts.take() if isinstance(part, ParsePart)]


def lines_of(chunk: Chunk) -> list[int]:
    return [line for first, count in chunk.segments for line in range(first, first + count)]


def test_every_valid_row_is_sent_once_with_its_physical_line(world: World) -> None:
    body = b"\n" + rows(7) + b"   \n" + rows(5, first=50) + b"bad\n" + rows(4, first=90).rstrip()
    world.run(world.uploaded(body))

    sent = {
        line: row
        for chunk in world.chunks.sent
        for line, row in zip(lines_of(chunk), chunk.rows.split(b"\n"), strict=False)
    }
    physical = dict(enumerate(body.split(b"\n"), start=1))
    assert sent == {n: row for n, row in physical.items() if row.strip() and row != b"bad"}
    assert sum(chunk.row_count for chunk in world.chunks.sent) == 16


def test_a_chunk_says_where_it_comes_from(world: World) -> None:
    world.run(world.uploaded(rows(2)))

    (chunk,) = world.chunks.sent
    assert chunk == Chunk(
        ref=ref_of(),
        cell=0,
        content=world.submission().content or "",
        received_at=RECEIVED_AT,
        segments=((1, 2),),
        rows=rows(2),
    )


def test_a_cell_is_closed_with_all_its_rows_and_what_intake_rejected(world: World) -> None:
    world.limits = ONE_CELL
    body = rows(4) + b"bad\n\n|1||NULL|7001\n" + rows(1) + b"|x|||7001\n"
    world.run(world.uploaded(body))

    (close,) = world.store.closes(ref_of())
    assert close == CellClose(
        cell=0,
        chunks=2,
        tally=Tally(
            rows=8,
            blank=1,
            rejected=2,
            codes={"COLUMN_COUNT": 1, "CT_USER_ID_INVALID": 1},
            warnings={"NULL_LITERAL": 1},
        ),
        rejects_key=f"rejects/acme/{NAME}/v1/000000/intake.jsonl",
    )


def test_rejected_rows_are_kept_as_sent_with_line_and_reason(world: World) -> None:
    world.limits = ONE_CELL
    world.run(world.uploaded(rows(1) + b"bad \xff\n" + rows(1) + b"x" * 5_000 + b"\n"))

    key = f"rejects/acme/{NAME}/v1/000000/intake.jsonl"
    rejects = list(decode_rejects(world.objects.read_object(key)))
    assert [(row.line, row.code, row.raw) for row in rejects] == [
        (2, RowCode.ENCODING_INVALID, b"bad \xff"),
        (4, RowCode.LINE_TOO_LONG, None),
    ]


def test_a_cell_without_rejects_leaves_no_object(world: World) -> None:
    world.run(world.uploaded(rows(12)))

    assert world.objects.written == {}
    assert {close.rejects_key for close in world.store.closes(ref_of())} == {None}


def test_an_all_rejected_file_completes_by_itself(world: World) -> None:
    world.run(world.uploaded(b"bad\n" * 40))

    submission = world.submission()
    assert submission.status is Status.COMPLETED_WITH_REJECTS
    assert (submission.tally.rows, submission.tally.rejected) == (40, 40)
    assert world.reports.requested == [ReportRequest(ref_of(), 1)]


def test_a_cell_within_one_long_line_has_nothing_to_send(world: World) -> None:
    world.run(world.uploaded(rows(1) + b"x" * 300 + b"\n" + rows(1)))
    world.credit_all()

    submission = world.submission()
    assert submission.status is Status.COMPLETED_WITH_REJECTS
    assert (submission.tally.rows, submission.tally.credited) == (3, 2)


def test_the_file_is_read_at_its_pinned_version_only(world: World) -> None:
    world.run(world.uploaded(rows(12)))

    assert {ref for ref, _, _ in world.objects.reads} == {ref_of()}


def test_a_closed_cell_is_not_parsed_again_but_settled(world: World) -> None:
    parts = parsing(world, b"bad\n" * 40)
    for part in parts:
        world.intake().part(part, retry=False)
    world.objects.reads.clear()
    asked = len(world.reports.requested)

    world.intake().part(parts[0], retry=False)

    assert world.objects.reads == []
    assert len(world.reports.requested) == asked + 1


def test_two_runs_of_a_cell_at_once_agree(world: World) -> None:
    (part, *_) = parsing(world, rows(9) + b"bad\n")
    other = world.intake()
    faults = Faults()
    # The other run comes in between reading and closing.
    faults.between = lambda _, name: other.part(part, retry=False) if name == "close_cell" else None

    world.intake(faults).part(part, retry=False)

    assert faults.calls.count("close_cell") == 1
    assert len(world.chunks.sent) == 2 * len(set(world.chunks.sent))
    assert world.submission().cells_closed == 1


def test_a_queue_that_throttles_half_way_leaves_the_cell_open_and_the_retry_heals(
    world: World,
) -> None:
    world.limits = ONE_CELL
    (part,) = parsing(world, rows(9) + b"bad\n")
    world.chunks.refuse_after = 1

    with pytest.raises(ContentionError):
        world.intake().part(part, retry=False)

    assert world.submission().cells_closed == 0
    assert world.objects.written == {}
    world.chunks.refuse_after = None
    world.intake().part(part, retry=True)
    assert [chunk.first_line for chunk in world.chunks.sent] == [1, 1, 4, 7]
    assert world.chunks.sent[0] == world.chunks.sent[1]
    world.credit_all()
    assert world.submission().status is Status.COMPLETED_WITH_REJECTS


def test_a_version_that_vanishes_fails_the_submission(world: World) -> None:
    part, *_ = parsing(world, rows(12))
    world.objects.make_unreadable(ref_of())

    world.intake().part(part, retry=False)

    submission = world.submission()
    assert submission.status is Status.FAILED
    assert submission.failure is not None
    assert submission.failure.code is FailureCode.OBJECT_UNREADABLE
    assert world.reports.requested == [ReportRequest(ref_of(), 1)]


def test_a_version_that_is_denied_for_a_while_is_parsed_afterwards(world: World) -> None:
    parts = parsing(world, rows(12))
    world.objects.deny(ref_of())

    with pytest.raises(PermissionError):
        world.intake().part(parts[0], retry=False)
    assert world.submission().status is Status.PARSING

    world.objects.allow(ref_of())
    world.drain(parts)
    world.credit_all()
    assert world.submission().status is Status.COMPLETED


def test_a_part_of_a_discarded_file_is_dropped(world: World) -> None:
    world.run(world.uploaded(rows(12)))
    sent = len(world.chunks.sent)
    held = ref_of(name="activities_acme_20251009085321.txt")
    world.run(world.uploaded(rows(12), held))
    world.store.discard(held, 1)

    world.intake().part(ParsePart(held, 0, 1), retry=False)

    assert len(world.chunks.sent) == sent
    assert list(world.store.closes(held)) == []


def test_late_cells_heal_a_file_that_failed(world: World) -> None:
    parts = parsing(world, rows(12))
    world.store.fail(ref_of(), Failure(FailureCode.INTAKE_STUCK, "stuck"), 1)

    world.drain(parts)
    world.credit_all()

    assert world.submission().status is Status.COMPLETED
    assert world.submission().tally.credited == 12


def test_late_cells_of_a_file_whose_place_is_taken_are_dropped(world: World) -> None:
    parts = parsing(world, rows(12))
    world.store.fail(ref_of(), Failure(FailureCode.INTAKE_STUCK, "stuck"), 1)
    world.run(world.uploaded(rows(3, first=70), ref_of("v2")))
    sent = len(world.chunks.sent)

    world.drain(parts)

    assert len(world.chunks.sent) == sent
