"""The events in events/ are what the functions really get, and decode as intended."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointflow.adapters.s3_events import read_uploads
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import (
    MeasurePart,
    ParsePart,
    ReportRequest,
    Upload,
    decode_chunk,
    decode_part,
    decode_report,
    is_part,
)
from pointflow.domain.submission import SubmissionRef

RECEIVED_AT = 1_760_000_000  # 2025-10-09T08:53:20Z, as the events say
EVENTS = Path(__file__).parents[2] / "events"
VERSION = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
REF = SubmissionRef("acme", "activities_acme_20251009085320.txt", VERSION)
QUEUE_EVENTS = sorted(
    path.relative_to(EVENTS).as_posix()
    for folder in ("batch_intake", "activity_credit", "batch_report", "batch_undo")
    for path in (EVENTS / folder).glob("*.json")
)


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text(encoding="utf-8"))
    return event


def bodies(name: str) -> list[str]:
    return [record["body"] for record in load(name)["Records"]]


def body(name: str) -> str:
    (only,) = bodies(name)
    return only


@pytest.mark.parametrize("name", QUEUE_EVENTS)
def test_every_queue_event_has_the_shape_that_lambda_hands_over(name: str) -> None:
    for record in load(name)["Records"]:
        assert set(record) == {
            "messageId", "receiptHandle", "body", "attributes", "messageAttributes",
            "md5OfBody", "eventSource", "eventSourceARN", "awsRegion",
        }  # fmt: skip
        assert record["eventSource"] == "aws:sqs"
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode()).hexdigest()  # noqa: S324 - SQS says so
        assert int(record["attributes"]["ApproximateReceiveCount"]) >= 1


def test_message_ids_are_unique_within_an_event() -> None:
    for name in QUEUE_EVENTS:
        ids = [record["messageId"] for record in load(name)["Records"]]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("name", "file_name", "size"),
    [
        ("upload", "activities_acme_20251009085320 copy.txt", 32),
        ("upload_plain", "activities_acme_20251009085320.txt", 32),
        ("upload_copy", "activities_acme_20251009085320.txt", 32),
        ("upload_multipart", "activities_acme_20251009085320.txt", 73_400_320),
        ("upload_key_of_all_kinds", "October batch+extra 100% été.txt", 32),
    ],
)
def test_an_upload_event_names_the_uploaded_version(name: str, file_name: str, size: int) -> None:
    text = body(f"batch_intake/{name}.json")

    assert not is_part(text)
    assert read_uploads(text) == [
        Upload(SubmissionRef("acme", file_name, VERSION), size, RECEIVED_AT)
    ]


def test_a_dry_run_event_names_the_uploaded_version() -> None:
    assert read_uploads(body("batch_intake/upload_dry_run.json")) == [
        Upload(replace(REF, dry_run=True), 32, RECEIVED_AT)
    ]


@pytest.mark.parametrize("name", ["test_event", "folder_marker", "zero_byte", "no_client_folder"])
def test_what_is_no_upload_is_ignored(name: str) -> None:
    assert read_uploads(body(f"batch_intake/{name}.json")) == []


@pytest.mark.parametrize("name", ["poison_not_json", "poison_unversioned", "poison_other_event"])
def test_a_poison_upload_event_is_no_upload(name: str) -> None:
    text = body(f"batch_intake/{name}.json")

    assert not is_part(text)
    with pytest.raises(MessageInvalidError):
        read_uploads(text)


def test_part_events_ask_for_a_cell() -> None:
    assert decode_part(body("batch_intake/part_measure.json")) == MeasurePart(REF, 0)
    assert decode_part(body("batch_intake/part_parse.json")) == ParsePart(REF, 0, 1)


def test_a_poison_part_is_recognised_as_a_part_and_refused() -> None:
    text = body("batch_intake/poison_part.json")

    assert is_part(text)
    with pytest.raises(MessageInvalidError):
        decode_part(text)


def test_the_mixed_intake_event_has_a_poison_message_and_a_good_neighbour() -> None:
    poison, good = bodies("batch_intake/mixed.json")

    with pytest.raises(MessageInvalidError):
        read_uploads(poison)
    assert [upload.ref for upload in read_uploads(good)] == [REF]


def test_a_credit_event_carries_a_chunk() -> None:
    chunk = decode_chunk(body("activity_credit/chunk.json"))

    assert chunk.ref == REF
    assert chunk.lines == "1+2,4+1"
    assert chunk.rows.splitlines()[0] == b"ada@example.com||||7001|50|1759990000"


def test_a_poison_chunk_has_other_rows_than_it_was_sent_with() -> None:
    with pytest.raises(MessageInvalidError, match="digest"):
        decode_chunk(body("activity_credit/poison.json"))


def test_the_mixed_credit_event_has_a_poison_chunk_and_a_good_neighbour() -> None:
    poison, good = bodies("activity_credit/mixed.json")

    with pytest.raises(MessageInvalidError):
        decode_chunk(poison)
    assert decode_chunk(good).lines == "5+1"


def test_a_report_event_asks_for_a_revision() -> None:
    assert decode_report(body("batch_report/report.json")) == ReportRequest(REF, 1)


@pytest.mark.parametrize("name", ["poison", "mixed"])
def test_a_poison_report_request_is_refused(name: str) -> None:
    with pytest.raises(MessageInvalidError):
        decode_report(bodies(f"batch_report/{name}.json")[0])


def test_the_mixed_report_event_has_a_good_neighbour() -> None:
    assert decode_report(bodies("batch_report/mixed.json")[1]) == ReportRequest(REF, 1)


@pytest.mark.parametrize("function", ["batch_watch", "ledger_verify"])
def test_the_schedule_event_is_one_and_its_poison_is_none(function: str) -> None:
    schedule, poison = load(f"{function}/schedule.json"), load(f"{function}/poison.json")

    assert (schedule["source"], schedule["detail-type"]) == ("aws.events", "Scheduled Event")
    assert poison["source"] != "aws.events"
