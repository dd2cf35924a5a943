"""What lies in a client's outbound folder, and when."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pointflow.domain.codes import FailureCode, FileCode, RowCode
from pointflow.domain.errors import CounterMismatchError, MessageInvalidError
from pointflow.domain.messages import ReportRequest
from pointflow.domain.submission import Failure, Refusal, Status, SubmissionRef, Undone
from pointflow.domain.undo import UndoneChunk
from pointflow.services.report_submission import report_submission
from tests.fakes.batch_stage import NOW, BatchStage, ref_of, reject, reporting
from tests.fakes.undo_store import FakeUndoStore

OUT = "outbound/acme/activities_acme_20260101000000"
REF = ref_of()
NOT_TEXT = Refusal(FileCode.FILE_NOT_TEXT, "the file is gzip")
DEAD = Failure(FailureCode.CHUNK_DEAD_LETTERED, "a chunk could not be credited")


@pytest.fixture
def stage() -> BatchStage:
    return BatchStage()


def report(
    stage: BatchStage, ref: SubmissionRef = REF, revision: int = 1, *, again: bool = False
) -> None:
    report_submission(ReportRequest(ref, revision), ports=reporting(stage), again=again)


def result(stage: BatchStage, suffix: str = "_result.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.objects.written[OUT + suffix])
    return found


def written(stage: BatchStage) -> set[str]:
    """What was written to outbound, by the part of the name that follows the stem."""
    return {key.removeprefix(OUT) for key in stage.objects.written if key.startswith("outbound/")}


def test_a_batch_with_rejects_gets_a_result_the_rejected_rows_and_the_errors(
    stage: BatchStage,
) -> None:
    stage.completed(REF)

    report(stage)

    assert result(stage)["status"] == "COMPLETED_WITH_REJECTS"
    assert [result(stage)[name] for name in ("rows", "credited", "rejected", "points")] == [
        3,
        2,
        1,
        150,
    ]
    assert result(stage)["files"] == {
        "rejected": f"{OUT}_rejected.txt",
        "errors": f"{OUT}_errors.csv",
    }
    assert stage.objects.written[f"{OUT}_rejected.txt"] == b"bad|row\n"
    assert stage.objects.written[f"{OUT}_errors.csv"] == (
        b"line,code,field,message\r\n2,COLUMN_COUNT,,line 2 is not as it should be\r\n"
    )
    assert stage.on_record(REF).reported_revision == 1


def test_a_batch_without_rejects_gets_a_result_alone(stage: BatchStage) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=2)
    stage.credited(REF, 0, (1, 2), credited=2)
    stage.settled(REF)

    report(stage)

    assert written(stage) == {"_result.json"}
    assert result(stage)["files"] == {"rejected": None, "errors": None}


def test_rejects_of_intake_and_crediting_come_in_one_list_in_line_order(stage: BatchStage) -> None:
    stage.planned(REF, newlines=(10, 10))
    found = RowCode.MEMBER_NOT_FOUND
    stage.closed(REF, 0, chunks=2, rows=10, rejects=[reject(1), reject(4), reject(8)])
    stage.credited(REF, 0, (2, 5), credited=2, rejects=[reject(5, found)])
    stage.credited(REF, 0, (6, 10), credited=2, rejects=[reject(6, found), reject(10, found)])
    stage.closed(REF, 1, chunks=1, rows=10, rejects=[reject(12)])
    stage.credited(REF, 1, (11, 20), credited=8, rejects=[reject(11, found)])
    stage.settled(REF)

    report(stage)

    lines = stage.objects.written[f"{OUT}_errors.csv"].splitlines()[1:]
    assert [int(line.split(b",")[0]) for line in lines] == [1, 4, 5, 6, 8, 10, 11, 12]


def test_rows_go_back_exactly_as_sent_and_lines_too_long_only_into_the_errors(
    stage: BatchStage,
) -> None:
    stage.planned(REF)
    raws = [b"\xef\xbb\xbfcaf\xe9|\r", None, b"", b"=1+1|x"]
    rejects = [reject(line, raw=raw) for line, raw in enumerate(raws, start=1)]
    stage.closed(REF, 0, chunks=0, rows=4, rejects=rejects)
    stage.settled(REF)

    report(stage)

    assert stage.objects.written[f"{OUT}_rejected.txt"] == b"\xef\xbb\xbfcaf\xe9|\r\n\n=1+1|x\n"
    assert stage.objects.written[f"{OUT}_errors.csv"].count(b"\r\n") == 5


def test_a_batch_of_lines_too_long_alone_has_errors_and_no_rejected_file(
    stage: BatchStage,
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=0, rows=1, rejects=[reject(1, RowCode.LINE_TOO_LONG, raw=None)])
    stage.settled(REF)

    report(stage)

    assert written(stage) == {"_result.json", "_errors.csv"}
    assert result(stage)["files"] == {"rejected": None, "errors": f"{OUT}_errors.csv"}


def test_the_result_comes_after_the_files_it_names(stage: BatchStage) -> None:
    stage.completed(REF)

    report(stage)

    assert [key.removeprefix(OUT) for key in stage.objects.written if OUT in key][-1] == (
        "_result.json"
    )


def test_a_refused_file_gets_its_reason_under_the_plain_name_while_nobody_owns_it(
    stage: BatchStage,
) -> None:
    stage.received(REF)
    stage.store.refuse(REF, NOT_TEXT, NOW)

    report(stage)

    assert result(stage)["refusal"] == {"code": "FILE_NOT_TEXT", "message": "the file is gzip"}


def test_whoever_comes_later_never_touches_the_owners_result(stage: BatchStage) -> None:
    stage.completed(REF)
    report(stage)
    owners = dict(stage.objects.written)
    refused, duplicate = ref_of("v2"), ref_of("v3")
    stage.received(refused)
    stage.store.refuse(refused, NOT_TEXT, NOW)
    stage.planned(duplicate)

    report(stage, refused)
    report(stage, duplicate)

    assert owners.items() <= stage.objects.written.items()
    assert result(stage, "_result.v2.json")["status"] == "REFUSED"
    assert result(stage, "_result.v3.json")["status"] == "DUPLICATE"
    assert result(stage, "_result.v3.json")["duplicate_of"] == "v1"


def test_a_held_file_says_for_whom_it_is_held(stage: BatchStage) -> None:
    twin = ref_of("v0", name="activities_acme_20251231000000.txt")
    stage.held(REF, twin)

    report(stage)

    assert (result(stage)["status"], result(stage)["held_for"]) == ("HELD", twin.batch)


def test_a_file_released_before_its_report_has_nothing_to_say_until_it_ends(
    stage: BatchStage,
) -> None:
    stage.held(REF, ref_of("v0", name="activities_acme_20251231000000.txt"))
    stage.store.release(REF, NOW)

    report(stage)

    assert written(stage) == set()
    assert stage.on_record(REF).reported_revision == 1


def test_a_batch_undone_before_its_report_is_told_once_with_all_that_was_decided(
    stage: BatchStage,
) -> None:
    stage.completed(REF)
    undo = FakeUndoStore(stage.store)
    undo.start_undo(REF, NOW)

    report(stage)

    assert written(stage) == set()
    assert stage.notices.told == []
    assert stage.on_record(REF).reported_revision == 1

    undo.save_undone(REF, UndoneChunk(0, 1, Undone(2, 150)), NOW)
    undo.complete_undone_cell(REF, 0, Undone(2, 150), NOW)
    undo.finish_undo(REF, NOW)
    report(stage, revision=2)

    assert [notice.detail_type for notice in stage.notices.told] == ["BatchUndone"]
    assert [result(stage)[name] for name in ("revision", "credited", "rejected", "points")] == [
        2,
        2,
        1,
        150,
    ]
    assert result(stage)["undone"] == {"rows": 2, "points": 150}
    assert written(stage) == {"_result.json", "_rejected.txt", "_errors.csv"}


def test_a_revision_that_is_written_stays_as_it_is(stage: BatchStage) -> None:
    stage.completed(REF)
    report(stage)
    first = dict(stage.objects.written)
    stage.objects.written.clear()

    report(stage)

    assert stage.objects.written == {}
    assert stage.on_record(REF).reported_revision == 1
    assert f"{OUT}_result.json" in first


def test_a_run_that_crashed_before_it_was_noted_is_repeated_to_the_byte(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.completed(REF)
    with monkeypatch.context() as crash:
        crash.setattr(stage.store, "reported", _crash)
        with pytest.raises(ZeroDivisionError):
            report(stage)
    first = dict(stage.objects.written)

    report(stage)

    assert stage.objects.written == first
    assert stage.on_record(REF).reported_revision == 1


def test_a_request_for_an_older_revision_writes_the_newest(stage: BatchStage) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=2)
    stage.store.fail(REF, DEAD, NOW)
    stage.credited(REF, 0, (1, 2), credited=2)
    stage.settled(REF)

    report(stage, revision=1)

    assert (result(stage)["status"], result(stage)["revision"]) == ("COMPLETED", 2)
    assert stage.on_record(REF).reported_revision == 2


def test_a_revision_that_appears_while_an_older_one_is_written_is_written_last(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=1, rows=2)
    stage.store.fail(REF, DEAD, NOW)
    put = stage.objects.put

    def heal_and_report_meanwhile(key: str, body: bytes, content_type: str) -> None:
        monkeypatch.setattr(stage.objects, "put", put)
        stage.credited(REF, 0, (1, 2), credited=2)
        stage.settled(REF)
        report(stage, revision=2)
        put(key, body, content_type)

    monkeypatch.setattr(stage.objects, "put", heal_and_report_meanwhile)

    report(stage)

    assert (result(stage)["status"], result(stage)["revision"]) == ("COMPLETED", 2)


def test_a_name_that_is_taken_while_a_refusal_is_written_goes_to_its_owner(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = ref_of("v2")
    stage.received(REF)
    stage.store.refuse(REF, NOT_TEXT, NOW)
    put = stage.objects.put

    def credit_another_meanwhile(key: str, body: bytes, content_type: str) -> None:
        monkeypatch.setattr(stage.objects, "put", put)
        stage.completed(owner)
        report(stage, owner)
        put(key, body, content_type)

    monkeypatch.setattr(stage.objects, "put", credit_another_meanwhile)

    report(stage)

    assert result(stage)["submission"] == "v2"
    assert result(stage, "_result.v1.json")["status"] == "REFUSED"


def test_a_failed_batch_counts_what_was_decided_and_names_what_was_not(stage: BatchStage) -> None:
    stage.planned(REF, newlines=(10, 10, 10))
    stage.closed(REF, 0, chunks=2, rows=10, rejects=[reject(7)])
    stage.credited(REF, 0, (1, 5), credited=5, points=500)
    # The chunk of lines 6 and 8 to 10 is lost; the second cell is never parsed to its end.
    stage.credited(REF, 1, (13, 14), credited=1, rejects=[reject(14, RowCode.MEMBER_NOT_FOUND)])
    stage.closed(REF, 2, chunks=1, rows=10)
    stage.credited(REF, 2, (21, 30), credited=10, points=1_000)
    stage.store.fail(REF, DEAD, NOW)

    report(stage)

    found = result(stage)
    assert found["failure"] == {"code": DEAD.code, "message": DEAD.message}
    assert found["undecided"] == [[6, 6], [8, 12], [15, 20]]
    assert (found["rows"], found["credited"], found["rejected"]) == (22, 16, 2)
    assert found["points"] == 1_500
    assert found["counts"] == {"COLUMN_COUNT": 1, "MEMBER_NOT_FOUND": 1}
    assert stage.objects.written[f"{OUT}_rejected.txt"] == b"bad|row\nbad|row\n"


def test_the_undecided_lines_end_where_the_file_does_once_all_of_it_is_parsed(
    stage: BatchStage,
) -> None:
    stage.planned(REF, newlines=(3,))
    stage.closed(REF, 0, chunks=1, rows=3, blank=1)  # the fourth line has no newline
    stage.store.fail(REF, DEAD, NOW)

    report(stage)

    assert result(stage)["undecided"] == [[1, 4]]


def test_a_file_that_failed_before_it_was_planned_has_no_undecided_lines(
    stage: BatchStage,
) -> None:
    stage.measured(REF, newlines=(10, 10))
    stage.store.fail(REF, Failure(FailureCode.OBJECT_UNREADABLE, "gone"), NOW)

    report(stage)

    assert result(stage)["undecided"] == []
    assert written(stage) == {"_result.json"}


def test_late_outcomes_of_a_failed_batch_do_not_change_a_revision_that_is_written(
    stage: BatchStage,
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=2, rows=10)
    stage.store.fail(REF, DEAD, NOW)
    report(stage)
    first = stage.objects.written[f"{OUT}_result.json"]
    stage.credited(REF, 0, (1, 5), credited=5)

    report(stage)

    assert stage.objects.written[f"{OUT}_result.json"] == first


def test_rejects_that_were_counted_and_are_not_there_fail_loudly(stage: BatchStage) -> None:
    stage.completed(REF)
    for key in stage.objects.written:
        stage.objects.put(key, b"", "application/x-ndjson")

    with pytest.raises(CounterMismatchError, match="1 rows were counted as rejected, 0 are stored"):
        report(stage)

    assert written(stage) == set()


def test_a_request_for_an_unknown_submission_is_invalid(stage: BatchStage) -> None:
    with pytest.raises(MessageInvalidError):
        report(stage, ref_of("nobody"))


def test_stored_rejects_are_read_one_object_after_the_other(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.planned(REF)
    stage.closed(REF, 0, chunks=50, rows=50)
    for line in range(1, 51):
        stage.credited(REF, 0, (line, line), credited=0, rejects=[reject(line)])
    stage.settled(REF)
    open_now: list[int] = [0, 0]
    read_object = stage.objects.read_object

    def counting(key: str) -> Iterator[bytes]:
        open_now[0] += 1
        open_now[1] = max(open_now)
        yield from read_object(key)
        open_now[0] -= 1

    monkeypatch.setattr(stage.objects, "read_object", counting)

    report(stage)

    assert result(stage)["rejected"] == 50
    assert open_now == [0, 1]


def test_a_discarded_file_says_so(stage: BatchStage) -> None:
    stage.held(REF, ref_of("v0", name="activities_acme_20251231000000.txt"))
    stage.store.discard(REF, NOW)

    report(stage, revision=2)

    assert result(stage)["status"] == Status.DISCARDED


def _crash(*_: object) -> None:
    raise ZeroDivisionError
