"""Uploads: what is taken in, what is refused at sight, and what repeats and crashes change."""

from __future__ import annotations

import gzip

import pytest

from pointflow.domain.batch_row import RULINGS
from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.messages import MeasurePart, ReportRequest, Upload
from pointflow.domain.submission import COMPLETE, Plan, Status
from pointflow.services.receive_upload import Limits
from tests.fakes.faults import Faults, every_fault
from tests.unit.intake_world import NOW, RECEIVED_AT, World, ref_of, rows


@pytest.fixture
def world() -> World:
    return World()


def refusal_of(world: World, upload: Upload) -> tuple[FileCode, str]:
    world.run(upload)
    submission = world.submission(upload.ref)
    assert submission.status is Status.REFUSED
    assert submission.refusal is not None
    assert world.reports.requested == [ReportRequest(upload.ref, 1)]
    assert world.chunks.sent == []
    return submission.refusal.code, submission.refusal.message


def test_an_upload_is_planned_with_its_own_receipt_time_and_the_limits_of_today(
    world: World,
) -> None:
    upload = world.uploaded(rows(12))

    world.intake().upload(upload)

    submission = world.submission()
    assert submission.status is Status.PLANNING
    assert submission.updated_at == NOW
    assert submission.plan == Plan(
        size=upload.size,
        received_at=RECEIVED_AT,
        cell_bytes=64,
        chunk_rows=3,
        chunk_bytes=1_000,
        rulings=RULINGS,
    )


def test_a_file_of_over_a_million_cells_gets_larger_ones(world: World) -> None:
    size = 64 * 1_000_000 + 1
    world.objects.upload(ref_of(), rows(1))

    world.intake().upload(Upload(ref_of(), size, RECEIVED_AT))

    plan = world.submission().plan
    assert (plan.cell_bytes, plan.cells) == (65, -(-size // 65))


def test_every_cell_is_asked_to_be_measured(world: World) -> None:
    world.intake().upload(world.uploaded(rows(12)))

    cells = world.submission().plan.cells
    assert cells > 1
    assert world.parts.sent == [MeasurePart(ref_of(), cell) for cell in range(cells)]


@pytest.mark.parametrize(
    "name", ["activities_acme_20251009085320.txt.filepart", ".hidden.txt", "sub/.a.tmp", "a.tmp"]
)
def test_a_temporary_name_is_ignored_until_the_rename(world: World, name: str) -> None:
    ref = ref_of(name=name)

    assert world.intake().upload(world.uploaded(rows(1), ref)) is None

    assert ref not in world.store
    assert (world.parts.sent, world.reports.requested) == ([], [])


@pytest.mark.parametrize(
    "name",
    [
        "report.txt",
        "sub/activities_acme_20251009085320.txt",
        "activities_acme_20251309085320.txt",
        "activities_acme_20251009085320 copy.txt",
        "partner_x_activities_acme_20251009085320.txt",
    ],
)
def test_a_name_of_another_form_is_refused(world: World, name: str) -> None:
    code, message = refusal_of(world, world.uploaded(rows(1), ref_of(name=name)))

    assert code is FileCode.FILE_NAME_INVALID
    assert message


def test_a_folder_of_no_client_is_refused_and_named(world: World) -> None:
    name = "activities_nobody_20251009085320.txt"
    ref = ref_of(client_id="nobody", name=name)

    code, message = refusal_of(world, world.uploaded(rows(1), ref))

    assert code is FileCode.CLIENT_UNKNOWN
    assert "'nobody'" in message
    assert "have the client added" in message


def test_a_file_for_another_client_than_the_folders_is_refused(world: World) -> None:
    ref = ref_of(name="activities_other_20251009085320.txt")

    code, message = refusal_of(world, world.uploaded(rows(1), ref))

    assert code is FileCode.CLIENT_MISMATCH
    assert "'other'" in message
    assert "'acme'" in message


def test_a_file_that_is_no_text_is_refused(world: World) -> None:
    code, message = refusal_of(world, world.uploaded(gzip.compress(rows(5))))

    assert code is FileCode.FILE_NOT_TEXT
    assert "gzip" in message


def test_the_first_ruling_that_applies_is_the_one_that_is_told(world: World) -> None:
    packed = gzip.compress(rows(5))
    bad_name = ref_of(client_id="nobody", name="report.txt")
    unknown = ref_of(client_id="nobody")
    mismatch = ref_of(name="activities_other_20251009085320.txt")

    for ref in (bad_name, unknown, mismatch):
        world.run(world.uploaded(packed, ref))

    codes = [world.submission(ref).refusal for ref in (bad_name, unknown, mismatch)]
    assert [refusal.code for refusal in codes if refusal] == [
        FileCode.FILE_NAME_INVALID,
        FileCode.CLIENT_UNKNOWN,
        FileCode.CLIENT_MISMATCH,
    ]


def test_a_name_is_refused_without_a_look_into_the_file(world: World) -> None:
    refusal_of(world, world.uploaded(rows(1), ref_of(name="report.txt")))

    assert world.objects.reads == []


def test_an_upload_that_is_gone_already_fails_and_is_reported(world: World) -> None:
    world.run(Upload(ref_of(), 1234, RECEIVED_AT))

    submission = world.submission()
    assert submission.status is Status.FAILED
    assert submission.failure is not None
    assert submission.failure.code is FailureCode.OBJECT_UNREADABLE
    assert submission.plan.size == 1234
    assert world.reports.requested == [ReportRequest(ref_of(), 1)]


def test_a_refused_upload_that_nobody_reported_is_asked_for_again(world: World) -> None:
    upload = world.uploaded(rows(1), ref_of(name="report.txt"))
    world.run(upload)
    world.run(upload)
    assert world.reports.requested == [ReportRequest(upload.ref, 1)] * 2

    world.store.reported(upload.ref, 1)
    world.run(upload)

    assert len(world.reports.requested) == 2


def test_an_announcement_that_comes_late_leaves_a_planned_submission_alone(world: World) -> None:
    upload = world.uploaded(rows(12))
    world.run(upload)
    before = world.result()

    world.run(upload)

    assert world.result() == before
    assert world.submission().status is Status.CREDITING


def test_a_submission_beyond_planning_needs_its_object_no_more(world: World) -> None:
    upload = world.uploaded(rows(12))
    world.run(upload)
    world.objects.make_unreadable(upload.ref)

    world.run(upload)

    assert world.submission().status is Status.CREDITING


def test_a_repeat_while_cells_are_measured_asks_for_the_missing_ones(world: World) -> None:
    upload = world.uploaded(rows(12))
    world.intake().upload(upload)
    first, *missing = world.parts.take()
    world.intake().part(first, retry=False)

    world.intake().upload(upload)

    assert world.parts.sent == missing


def test_a_change_of_limits_leaves_a_file_as_it_was_planned(world: World) -> None:
    upload = world.uploaded(rows(12))
    untouched = World()
    untouched.run(untouched.uploaded(rows(12)))
    world.intake().upload(upload)

    world.limits = Limits(1_000, 500, 100_000)
    world.run(upload)

    assert world.result() == untouched.result()


def test_the_same_event_twice_at_once_makes_one_submission(world: World) -> None:
    upload = world.uploaded(rows(12))
    other = world.intake()

    def announce_again(position: int, _: str) -> None:
        if position in {1, 4}:
            other.upload(upload)

    faults = Faults()
    faults.between = announce_again
    world.intake(faults).upload(upload)
    world.drain()
    world.credit_all()

    once = World()
    once.run(once.uploaded(rows(12)))
    once.credit_all()
    assert world.result() == once.result()


BODIES = {
    "good": (rows(9) + b"bad row\n" + rows(3, first=20), ref_of()),
    "all rejected": (b"bad\n" * 40, ref_of()),
    "blank lines only": (b"\n  \n\r\n" * 30, ref_of()),
    "bad name": (rows(3), ref_of(name="report.txt")),
    "no such client": (rows(3), ref_of(client_id="nobody")),
    "no text": (gzip.compress(rows(3)), ref_of()),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_crash_at_any_step_of_intake_changes_nothing_in_the_end(case: str) -> None:
    body, ref = BODIES[case]
    undisturbed = World()
    counter = Faults()
    undisturbed.run(undisturbed.uploaded(body, ref), faults=counter)
    undisturbed.credit_all()
    expected = undisturbed.result(ref)
    assert expected.submission is not None
    assert expected.submission.status in COMPLETE | {Status.REFUSED}
    assert expected.reports == {ReportRequest(ref, 1)}

    for position, when in every_fault(len(counter.calls)):
        world = World()
        world.run(world.uploaded(body, ref), faults=Faults(position, when))
        world.credit_all()

        assert world.result(ref) == expected, f"killed {when} {counter.calls[position]}"
