"""What S3 announces, read as uploads."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.adapters.s3_events import read_uploads
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import Upload
from pointflow.domain.submission import SubmissionRef

RECEIVED_AT = 1_760_000_000  # 2025-10-09T08:53:20Z, as the events say


def record(key: str, size: Any = 10, **changes: Any) -> dict[str, Any]:
    s3_object = {"key": key, "size": size, "versionId": "v1"} | changes.pop("object", {})
    return {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2025-10-09T08:53:20.999Z",
        "s3": {"object": s3_object},
    } | changes


def message(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


@pytest.mark.parametrize(
    ("key", "client_id", "file_name"),
    [
        ("inbound/acme/a.txt", "acme", "a.txt"),
        ("inbound/acme/two+words.txt", "acme", "two words.txt"),
        ("inbound/acme/two%20words.txt", "acme", "two words.txt"),
        ("inbound/acme/one%2Bone.txt", "acme", "one+one.txt"),
        ("inbound/acme/100%25.txt", "acme", "100%.txt"),
        ("inbound/acme/100%2525.txt", "acme", "100%25.txt"),
        ("inbound/acme/%C3%A9t%C3%A9.txt", "acme", "été.txt"),
        ("inbound/a+b/a.txt", "a b", "a.txt"),
        ("inbound/acme/sub/a.txt", "acme", "sub/a.txt"),
        ("inbound/acme//a.txt", "acme", "/a.txt"),
    ],
)
def test_a_key_is_decoded_exactly_once(key: str, client_id: str, file_name: str) -> None:
    (upload,) = read_uploads(message(record(key)))

    assert upload == Upload(SubmissionRef(client_id, file_name, "v1"), 10, RECEIVED_AT)


def test_an_upload_to_the_folder_of_dry_runs_is_one() -> None:
    (upload,) = read_uploads(message(record("dryrun/acme/sub/a.txt")))

    assert upload.ref == SubmissionRef("acme", "sub/a.txt", "v1", dry_run=True)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: t[-1] != "/"))
def test_any_name_comes_out_as_it_lies_in_the_bucket(name: str) -> None:
    (upload,) = read_uploads(message(record("inbound/acme/" + quote_plus(name, safe="/"))))

    assert upload.ref.key == f"inbound/acme/{name}"


@pytest.mark.parametrize("kind", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_way_to_create_an_object_is_an_upload(kind: str) -> None:
    created = record("inbound/acme/a.txt", eventName=f"ObjectCreated:{kind}")

    assert len(read_uploads(message(created))) == 1


def test_one_message_may_hold_several_uploads() -> None:
    uploads = read_uploads(message(record("inbound/a/1.txt"), record("inbound/b/2.txt")))

    assert [upload.ref.client_id for upload in uploads] == ["a", "b"]


@pytest.mark.parametrize(
    "ignored",
    [
        record("inbound/acme/", 0),
        record("inbound/acme/sub/", 0),
        record("inbound/acme/", 3),
        record("inbound/acme/a.txt", 0),
        record("inbound/a.txt"),
        record("inbound//a.txt"),
        record("inbound/"),
        record("outbound/acme/a.txt"),
        record("xinbound/acme/a.txt"),
    ],
)
def test_what_is_no_upload_is_left_out_and_its_neighbour_is_not(ignored: dict[str, Any]) -> None:
    uploads = read_uploads(message(ignored, record("inbound/acme/good.txt")))

    assert [upload.ref.file_name for upload in uploads] == ["good.txt"]


def test_the_test_event_is_ignored() -> None:
    assert read_uploads(json.dumps({"Event": "s3:TestEvent", "Bucket": "b"})) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "7",
        "{}",
        "[" * 100_000,
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": [7]}',
        '{"Event": "s3:OtherEvent"}',
        message(record("inbound/acme/a.txt", eventName="ObjectRemoved:Delete")),
        message(record("inbound/acme/a.txt", eventName=None)),
        message(record("inbound/acme/a.txt", s3={})),
        message(record("inbound/acme/a.txt", s3=[])),
        message(record("inbound/acme/a.txt", "10")),
        message(record("inbound/acme/a.txt", True)),
        message(record("inbound/acme/a.txt", object={"versionId": None})),
        message(record("inbound/acme/a.txt", object={"versionId": ""})),
        message(record("inbound/acme/a.txt", object={"versionId": "null"})),
        message(record("inbound/acme/a.txt", object={"key": None})),
        message(record("inbound/acme/%FF.txt")),
        message(record("inbound/acme/\ud800.txt")),
    ],
)
def test_anything_else_is_poison(body: str) -> None:
    with pytest.raises(MessageInvalidError):
        read_uploads(body)


def test_a_bucket_without_versions_is_named_as_the_cause() -> None:
    unversioned = record("inbound/acme/a.txt")
    del unversioned["s3"]["object"]["versionId"]

    with pytest.raises(MessageInvalidError, match="the bucket must be versioned"):
        read_uploads(message(unversioned))
