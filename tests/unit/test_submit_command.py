"""`pointflow submit`: what it sends, how it follows, and how it ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from moto import mock_aws

from pointflow.domain.codes import FailureCode, FileCode
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Failure, Refusal, SubmissionRef
from pointflow.services.report_submission import report_submission
from pointflow_cli import follow as follow_module
from pointflow_cli.commands import submit as submit_module
from pointflow_cli.errors import CommandError
from pointflow_cli.upload import Uploader
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME, NOW, BatchStage, ref_of, reject, reporting

OTHER = "activities_acme_20251231000000.txt"
UP = ref_of("up1")
PART = 5 << 20  # the smallest that S3 takes


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(b"a@b.example||||7\n")
    return path


def report(stage: BatchStage, ref: SubmissionRef) -> None:
    revision = stage.on_record(ref).revision
    report_submission(ReportRequest(ref, revision), ports=reporting(stage))


def credited(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.planned(ref, content=ref.file_name)
    stage.closed(ref, 0, chunks=1, rows=1)
    stage.credited(ref, 0, (1, 1), credited=1, points=50)
    stage.settled(ref)
    report(stage, ref)


def rejected(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.completed(ref)
    report(stage, ref)


def refused(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.received(ref)
    stage.store.refuse(ref, Refusal(FileCode.FILE_NOT_TEXT, "the file is gzip"), NOW)
    report(stage, ref)


def failed(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.planned(ref)
    stage.store.fail(ref, Failure(FailureCode.OBJECT_UNREADABLE, "gone"), NOW)
    report(stage, ref)


def held(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.held(ref, twin=ref_of("t0", name=OTHER))
    report(stage, ref)


def duplicate_of(
    becomes: Callable[[BatchStage, SubmissionRef], None],
) -> Callable[[BatchStage, SubmissionRef], None]:
    """The name and content of an earlier upload, of which this or that became."""

    def duplicate(stage: BatchStage, ref: SubmissionRef) -> None:
        becomes(stage, ref_of("v0"))
        stage.planned(ref, content=stage.on_record(ref_of("v0")).content or "")
        report(stage, ref)

    return duplicate


def failed_while_crediting(stage: BatchStage, ref: SubmissionRef) -> None:
    stage.planned(ref)
    stage.store.begin_crediting(ref, NOW)
    stage.store.fail(ref, Failure(FailureCode.CHUNK_DEAD_LETTERED, "dead"), NOW)
    report(stage, ref)


def test_a_file_is_sent_and_the_command_ends_without_waiting(desk: Desk, file: Path) -> None:
    ran = desk.run("submit", file)

    assert desk.uploader.uploaded == {UP: b"a@b.example||||7\n"}
    assert (ran.code, ran.out) == (0, f"sent {NAME}\n")
    assert f"pointflow batch show {NAME}" in ran.notes


@pytest.mark.parametrize(
    ("becomes", "status", "code"),
    [
        (credited, "COMPLETED", 0),
        (duplicate_of(credited), "DUPLICATE", 0),
        (duplicate_of(rejected), "DUPLICATE", 1),
        (duplicate_of(held), "DUPLICATE", 2),
        (duplicate_of(failed_while_crediting), "DUPLICATE", 2),
        (rejected, "COMPLETED_WITH_REJECTS", 1),
        (refused, "REFUSED", 2),
        (failed, "FAILED", 2),
        (held, "HELD", 2),
    ],
)
def test_the_exit_code_tells_what_became_of_the_file(
    desk: Desk, file: Path, becomes: Any, status: str, code: int
) -> None:
    desk.uploader.received = lambda ref: becomes(desk.stage, ref)

    ran = desk.run("submit", file, "--wait", "--json")

    assert (ran.document["status"], ran.code) == (status, code)
    assert ran.document["version"] == "up1"


def test_a_duplicate_tells_what_became_of_its_first_upload(desk: Desk, file: Path) -> None:
    desk.uploader.received = lambda ref: duplicate_of(rejected)(desk.stage, ref)

    document = desk.run("submit", file, "--wait", "--json").document

    assert (document["status"], document["credited"]) == ("DUPLICATE", 0)
    expected = {"version": "v0", "status": "COMPLETED_WITH_REJECTS", "credited": 2, "rejected": 1}
    assert expected.items() <= document["original"].items()


def test_people_see_what_became_of_a_duplicates_first_upload(desk: Desk, file: Path) -> None:
    desk.uploader.received = lambda ref: duplicate_of(rejected)(desk.stage, ref)

    out = desk.run("submit", file, "--wait").out

    assert "the upload it repeats is COMPLETED_WITH_REJECTS: 2 rows credited, 1 rejected" in out


def test_a_duplicates_first_upload_is_followed_to_its_end(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def still_crediting(stage: BatchStage, ref: SubmissionRef) -> None:
        stage.planned(ref)

    desk.uploader.received = lambda ref: duplicate_of(still_crediting)(desk.stage, ref)
    looks: list[int] = []

    def complete_at_the_third_look(_: float) -> None:
        looks.append(1)
        if len(looks) == 2:
            first = ref_of("v0")
            desk.stage.closed(first, 0, chunks=1, rows=1)
            desk.stage.credited(first, 0, (1, 1), credited=1)
            desk.stage.settled(first)
            report(desk.stage, first)

    with_sleep(monkeypatch, complete_at_the_third_look)

    ran = desk.run("submit", file, "--wait", "--json")

    assert (ran.code, ran.document["original"]["status"]) == (0, "COMPLETED")


def test_a_duplicates_first_upload_that_is_not_finished_in_time_is_a_time_out(
    desk: Desk, file: Path
) -> None:
    def still_crediting(stage: BatchStage, ref: SubmissionRef) -> None:
        stage.planned(ref)

    desk.uploader.received = lambda ref: duplicate_of(still_crediting)(desk.stage, ref)

    ran = desk.run("submit", file, "--wait", "--timeout", 0, "--json")

    assert (ran.code, ran.document["original"]["status"]) == (3, "PARSING")


def test_the_document_of_a_finished_file_has_its_counts(desk: Desk, file: Path) -> None:
    desk.uploader.received = lambda ref: rejected(desk.stage, ref)

    document = desk.run("submit", file, "--wait", "--json").document

    expected = {
        "file": NAME,
        "version": "up1",
        "rows": 3,
        "credited": 2,
        "rejected": 1,
        "points": 150,
        "counts": {"COLUMN_COUNT": 1},
        "refusal": None,
        "result_key": "outbound/acme/activities_acme_20260101000000_result.json",
    }
    assert expected.items() <= document.items()


def test_people_see_a_table_the_reasons_and_where_the_result_is(desk: Desk, file: Path) -> None:
    desk.uploader.received = lambda ref: rejected(desk.stage, ref)

    ran = desk.run("submit", file, "--wait")

    assert ran.out.splitlines()[1].split()[1] == "COMPLETED_WITH_REJECTS"
    assert "COLUMN_COUNT: 1 row rejected" in ran.out
    assert "result: outbound/acme/activities_acme_20260101000000_result.json" in ran.out


def test_waiting_follows_its_own_submission_and_not_the_owner_of_the_name(
    desk: Desk, file: Path
) -> None:
    rejected(desk.stage, ref_of("v0"))
    desk.uploader.received = lambda ref: refused(desk.stage, ref)

    document = desk.run("submit", file, "--wait", "--json").document

    assert (document["version"], document["status"]) == ("up1", "REFUSED")
    assert document["result_key"].endswith("_result.up1.json")


def test_waiting_ends_only_when_the_result_is_written(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.uploader.received = desk.stage.completed
    looks: list[int] = []

    def write_at_the_third_look(_: float) -> None:
        looks.append(1)
        if len(looks) == 2:
            report(desk.stage, UP)

    with_sleep(monkeypatch, write_at_the_third_look)

    assert desk.run("submit", file, "--wait").code == 1
    assert len(looks) == 2


def test_the_highest_exit_code_of_several_files_counts(desk: Desk, file: Path) -> None:
    other = file.with_name(OTHER)
    other.write_bytes(b"x")

    def receive(ref: SubmissionRef) -> None:
        (rejected if ref.file_name == NAME else credited)(desk.stage, ref)

    desk.uploader.received = receive

    ran = desk.run("submit", file, other, "--wait", "--json")

    assert ran.code == 1
    assert [item["status"] for item in ran.document] == ["COMPLETED_WITH_REJECTS", "COMPLETED"]


def test_a_file_that_is_not_finished_in_time_is_left_to_go_on(desk: Desk, file: Path) -> None:
    desk.uploader.received = desk.stage.planned

    ran = desk.run("submit", file, "--wait", "--timeout", 0)

    assert ran.code == 3
    assert f"goes on; look again: pointflow batch show {NAME}" in ran.notes
    assert "PARSING" in ran.out


def test_a_file_that_nobody_took_up_in_time_is_shown_as_sent(desk: Desk, file: Path) -> None:
    ran = desk.run("submit", file, "--wait", "--timeout", 0, "--json")

    assert (ran.code, ran.document["status"], ran.document["rows"]) == (3, "SENT", 0)


def test_ctrl_c_stops_the_waiting_and_not_the_batch(
    desk: Desk, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with_sleep(monkeypatch, interrupt)
    desk.uploader.received = desk.stage.planned

    ran = desk.run("submit", file, "--wait")

    assert ran.code == 130
    assert ran.error == (
        "pointflow: stopped waiting; what was sent goes on;"
        f" look again: pointflow batch show {NAME}"
    )


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("rows.txt", b"x", "FILE_NAME_INVALID"),
        ("activities_acme_20260101000000.txt.filepart", b"x", "FILE_NAME_INVALID"),
        ("activities_other_20260101000000.txt", b"x", "CLIENT_MISMATCH"),
        (NAME, b"", "FILE_EMPTY"),
    ],
)
def test_what_is_refused_at_sight_is_not_sent(
    desk: Desk, tmp_path: Path, name: str, body: bytes, code: str
) -> None:
    path = tmp_path / name
    path.write_bytes(body)

    ran = desk.run("submit", path, "--wait", "--json")
    for_people = desk.run("submit", path)

    assert (ran.code, ran.document["status"]) == (2, "REFUSED")
    assert ran.document["refusal"]["code"] == code
    assert for_people.out == ""
    assert len(for_people.notes.splitlines()) == 1
    assert for_people.notes.startswith(f"not sent: {code}: ")
    assert desk.uploader.uploaded == {}


def test_a_refused_file_does_not_keep_the_others_from_being_sent(desk: Desk, file: Path) -> None:
    bad = file.with_name("rows.txt")
    bad.write_bytes(b"x")

    ran = desk.run("submit", bad, file, "--json")

    assert ran.code == 2
    assert [item["status"] for item in ran.document] == ["REFUSED", "SENT"]


def test_nothing_is_sent_when_one_of_the_files_cannot_be_read(desk: Desk, file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        desk.run("submit", file, file.with_name("absent.txt"))

    assert "is a folder" in desk.run("submit", file, file.parent).error
    assert desk.uploader.uploaded == {}


def with_sleep(monkeypatch: pytest.MonkeyPatch, sleep: Any) -> None:
    monkeypatch.setattr(
        submit_module,
        "follow",
        lambda *arguments: follow_module.follow(*arguments, sleep=sleep),
    )


def test_following_looks_less_and_less_often_until_time_is_up() -> None:
    stage = BatchStage()
    stage.planned(UP)
    stage.closed(UP, 0, chunks=1, rows=2, rejects=[reject(1)])
    pauses: list[float] = []
    counts: list[int] = []

    seen = follow_module.follow(
        [UP],
        stage.store,
        20,
        lambda _, tally: counts.append(tally.rejected),
        sleep=pauses.append,
        monotonic=lambda: sum(pauses),
    )

    assert pauses[0] == 0.25
    assert max(pauses) == 2.0
    assert sum(pauses) == pytest.approx(20)
    assert counts == [1] * (len(pauses) + 1)
    assert seen[UP][0].ref == UP


@pytest.mark.parametrize("size", [1, PART, PART + 1, 2 * PART + 7])
def test_an_upload_of_any_size_tells_the_very_version_it_made(tmp_path: Path, size: int) -> None:
    path = tmp_path / NAME
    body = (b"0123456789abcde" * (size // 15 + 1))[:size]
    path.write_bytes(body)
    sent: list[int] = []
    with mock_aws():
        s3 = bucket()

        ref = Uploader(s3, "uploads", part_bytes=PART).upload(path, "acme", sent.append)
        s3.put_object(Bucket="uploads", Key=ref.key, Body=b"somebody else's")

        stored = s3.get_object(Bucket="uploads", Key=ref.key, VersionId=ref.version)
        assert stored["Body"].read() == body
    assert sum(sent) == size


def test_an_upload_that_breaks_off_leaves_no_parts_behind(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(bytes(PART + 1))

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with mock_aws():
        s3 = bucket()
        with pytest.raises(KeyboardInterrupt):
            Uploader(s3, "uploads", part_bytes=PART).upload(path, "acme", interrupt)

        assert s3.list_multipart_uploads(Bucket="uploads").get("Uploads", []) == []
        assert s3.list_object_versions(Bucket="uploads").get("Versions", []) == []


def test_an_upload_to_a_bucket_without_versions_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"x")
    with mock_aws():
        s3 = bucket(versioning="Suspended")
        with pytest.raises(CommandError, match=f"bucket uploads gave {NAME} no version"):
            Uploader(s3, "uploads").upload(path, "acme", lambda _: None)


def bucket(versioning: Literal["Enabled", "Suspended"] = "Enabled") -> Any:
    import boto3  # noqa: PLC0415

    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="uploads")
    s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": versioning})
    return s3
