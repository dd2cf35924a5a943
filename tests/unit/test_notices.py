"""Who listens is told of every decided batch, at least once, the same each time."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pointflow.adapters.batch_notices import BatchNotices, message_of
from pointflow.domain.codes import FileCode, RowCode
from pointflow.domain.messages import ReportRequest
from pointflow.domain.notice import DETAIL_TYPES, Notice
from pointflow.domain.submission import OPEN, Refusal, Status, SubmissionRef
from pointflow.services.report_submission import report_submission
from tests.fakes.batch_stage import NAME, NOW, BatchStage, ref_of, reject, reporting
from tests.fakes.events import FakeEvents

RESULT = f"outbound/acme/{NAME.removesuffix('.txt')}_result.json"
TOPIC = "arn:aws:sns:us-east-1:123456789012:batches"


@pytest.fixture
def stage() -> BatchStage:
    return BatchStage()


def report(stage: BatchStage, ref: SubmissionRef, revision: int = 1) -> None:
    report_submission(ReportRequest(ref, revision), ports=reporting(stage))


def test_a_finished_batch_is_told_with_counts_and_the_keys_of_its_results(
    stage: BatchStage,
) -> None:
    stage.completed(ref_of())

    report(stage, ref_of())

    (notice,) = stage.notices.told
    assert notice.detail_type == "BatchFinished"
    detail = dict(notice.detail)
    assert re.fullmatch("[0-9a-f]{32}", detail["id"])
    assert (detail["file"], detail["version"], detail["revision"]) == (NAME, "v1", 1)
    assert (detail["rows"], detail["credited"], detail["rejected"], detail["points"]) == (
        3,
        2,
        1,
        150,
    )
    assert detail["counts"] == {RowCode.COLUMN_COUNT: 1}
    stem = RESULT.removesuffix("_result.json")
    assert detail["files"] == {
        "result": RESULT,
        "rejected": f"{stem}_rejected.txt",
        "errors": f"{stem}_errors.csv",
    }


def test_every_status_in_which_a_result_is_written_has_a_detail_type() -> None:
    assert set(DETAIL_TYPES) == set(Status) - OPEN


def test_nothing_of_a_row_or_of_a_message_is_told(stage: BatchStage) -> None:
    secret = reject(2, raw=b"ann@example.com|x")
    stage.planned(ref_of())
    stage.closed(ref_of(), 0, chunks=0, rows=1, rejects=[secret._replace(message="ann's row")])
    stage.settled(ref_of())
    refused = ref_of("v2", NAME.replace("000000", "000001"))
    stage.received(refused)
    stage.store.refuse(refused, Refusal(FileCode.FILE_NOT_TEXT, "ann's file is a zip"), NOW)

    report(stage, ref_of())
    report(stage, refused)

    told = [message_of(notice) for notice in stage.notices.told]
    assert len(told) == 2
    assert "ann" not in "".join(told)
    assert [json.loads(each)["detail_type"] for each in told] == ["BatchFinished", "BatchRefused"]
    assert json.loads(told[1])["detail"]["refusal"] == "FILE_NOT_TEXT"


def test_a_name_that_is_no_batch_files_is_not_told(stage: BatchStage) -> None:
    named = ref_of("v3", "points of ann@example.com.txt")
    stage.received(named)
    stage.store.refuse(named, Refusal(FileCode.FILE_NAME_INVALID, "no such name"), NOW)

    report(stage, named)

    (notice,) = stage.notices.told
    assert notice.detail["file"] is None
    assert set(notice.detail["files"].values()) == {None}
    assert notice.detail["version"] == "v3"
    assert "ann" not in message_of(notice)


def test_a_notice_that_is_not_accepted_is_told_again_and_the_report_waits_for_it(
    stage: BatchStage,
) -> None:
    stage.completed(ref_of())
    stage.notices.failures = 1

    with pytest.raises(ConnectionError):
        report(stage, ref_of())
    assert stage.on_record(ref_of()).reported_revision == 0
    assert stage.objects.find(RESULT) is not None  # the files came first
    report(stage, ref_of())

    assert stage.on_record(ref_of()).reported_revision == 1
    assert len(stage.notices.told) == 1


def test_a_crash_after_the_notice_has_it_told_again_under_the_same_id(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.completed(ref_of())

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(stage.store, "reported", crash)
        with pytest.raises(KeyboardInterrupt):
            report(stage, ref_of())
    report(stage, ref_of())

    first, second = stage.notices.told
    assert first == second


def test_what_was_told_is_not_told_again_by_another_request(stage: BatchStage) -> None:
    stage.completed(ref_of())

    for _ in range(3):
        report(stage, ref_of())
    report_submission(ReportRequest(ref_of(), 1), ports=reporting(stage), again=True)

    assert len(stage.notices.told) == 1


def test_a_held_file_that_is_discarded_is_told_twice_under_two_ids(stage: BatchStage) -> None:
    held = ref_of("v2", NAME.replace("000000", "000001"))
    stage.held(held, ref_of())
    report(stage, held)
    stage.store.discard(held, NOW)
    report(stage, held, 2)

    first, second = stage.notices.told
    assert (first.detail_type, second.detail_type) == ("BatchHeld", "BatchDiscarded")
    assert first.detail["held_for"]
    assert first.detail["id"] != second.detail["id"]


NOTICE = Notice("BatchHeld", {"id": "1", "client_id": "acme", "status": "HELD"})


def stubbed(answer: Callable[[Stubber], None]) -> tuple[BatchNotices, FakeEvents]:
    client: Any = boto3.client(
        "sns", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    stub = Stubber(client)
    answer(stub)
    stub.activate()
    events = FakeEvents()
    return BatchNotices(events, client, TOPIC), events


def test_a_notice_is_an_event_and_a_message_that_subscribers_can_filter() -> None:
    wanted = {
        "TopicArn": TOPIC,
        "Message": '{"detail_type":"BatchHeld","detail":'
        '{"id":"1","client_id":"acme","status":"HELD"}}',
        "MessageAttributes": {
            "detail_type": {"DataType": "String", "StringValue": "BatchHeld"},
            "client_id": {"DataType": "String", "StringValue": "acme"},
            "status": {"DataType": "String", "StringValue": "HELD"},
        },
    }
    notices, events = stubbed(lambda stub: stub.add_response("publish", {"MessageId": "m"}, wanted))

    notices.tell(NOTICE)

    assert events.published == [("BatchHeld", NOTICE.detail)]


def test_the_example_of_the_documentation_is_what_is_told(stage: BatchStage) -> None:
    stage.completed(ref_of())
    report(stage, ref_of())
    page = (Path(__file__).parents[2] / "docs" / "events.md").read_text(encoding="utf-8")
    shown = [json.loads(each) for each in re.findall("```json\n(.*?)```", page, re.DOTALL)]
    (example,) = (each for each in shown if each.get("detail-type") == "BatchFinished")

    assert example["detail"] == stage.notices.told[0].detail
    assert example["source"] == "pointflow"
