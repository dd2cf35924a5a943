"""Uploads over SFTP: whole ones alone, told by Transfer, and the very version that came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from pointflow.adapters import sftp_uploads
from pointflow.adapters.sftp_uploads import PARTIAL, WHOLE, SftpUploads
from pointflow.bootstrap import intake as wiring
from pointflow.config import config
from pointflow.domain.errors import MessageInvalidError, TransientError
from pointflow.domain.messages import Upload
from pointflow.domain.submission import SubmissionRef
from tests.unit.test_s3_events import message, record

BUCKET = "pointflow-1"
NAME = "activities_acme_20260131120000.txt"
KEY = f"inbound/acme/{NAME}"
AT = 1_769_860_800  # 2026-01-31T12:00:00Z


@dataclass
class Version:
    key: str
    version: str
    etag: str
    size: int = 10
    agent: str | None = "AWSTransfer"


class Bucket:
    """As much of S3 as tells one version from another; newest first, as S3 lists them."""

    def __init__(self, *versions: Version) -> None:
        self.versions = versions
        self.failure: int | None = None

    def head_object(self, **request: str) -> dict[str, Any]:
        assert request["Bucket"] == BUCKET
        for each in self.versions:
            if self.failure is None and (each.key, each.version) == (
                request["Key"],
                request["VersionId"],
            ):
                return {"Metadata": {} if each.agent is None else {"user-agent": each.agent}}
        answer: Any = {
            "Error": {"Code": "404"},
            "ResponseMetadata": {"HTTPStatusCode": self.failure or 404},
        }
        raise ClientError(answer, "HeadObject")

    def get_paginator(self, operation: str) -> Bucket:
        assert operation == "list_object_versions"
        return self

    def paginate(self, **request: str) -> Iterator[dict[str, Any]]:
        assert request["Bucket"] == BUCKET
        yield {"DeleteMarkers": [{"Key": request["Prefix"], "VersionId": "gone"}]}
        for each in self.versions:
            if each.key.startswith(request["Prefix"]):
                found = {"Key": each.key, "VersionId": each.version, "Size": each.size}
                yield {"Versions": [{**found, "ETag": f'"{each.etag}"'}]}


class Metrics:
    """Metrics that were written."""

    def __init__(self) -> None:
        self.written: list[tuple[str, float]] = []
        self._added: list[tuple[str, float]] = []

    def add_metric(self, name: str, unit: object, value: float) -> None:
        self._added.append((name, value))

    def flush_metrics(self) -> None:
        self.written, self._added = self.written + self._added, []


@pytest.fixture(autouse=True, name="metrics")
def _metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    fake = Metrics()
    monkeypatch.setattr(sftp_uploads, "metrics", fake)
    return fake


def uploads(*versions: Version) -> SftpUploads:
    return SftpUploads(cast("Any", Bucket(*versions)), BUCKET)


def told(kind: str = WHOLE, key: str = KEY, etag: str = "e1", **changes: Any) -> str:
    detail = {"file-path": f"/{BUCKET}/{key}", "etag": etag, "username": "acme", "bytes": 10}
    event = {"source": "aws.transfer", "detail-type": kind, "time": "2026-01-31T12:00:00Z"}
    return json.dumps({**event, "detail": detail, **changes})


def noticed(version: str = "v1", event: str = "ObjectCreated:Put") -> str:
    return message(record(KEY, object={"versionId": version}, eventName=event))


@pytest.mark.parametrize("event", ["ObjectCreated:Put", "ObjectCreated:CompleteMultipartUpload"])
def test_what_transfer_puts_waits_until_transfer_says_that_it_is_whole(event: str) -> None:
    reader = uploads(Version(KEY, "v1", "e1", size=77))

    assert reader.read(noticed(event=event)) == []
    assert reader.read(told()) == [Upload(SubmissionRef("acme", NAME, "v1"), 77, AT)]


def test_a_part_is_never_taken_in_whoever_tells_of_it_first() -> None:
    reader = uploads(Version(KEY, "v1", "e1"))

    assert reader.read(told(PARTIAL)) == []
    assert reader.read(noticed()) == []


def test_the_whole_upload_behind_a_part_is_its_own_version_and_the_other_way_round() -> None:
    part, whole = Version(KEY, "v1", "part", 5), Version(KEY, "v2", "whole", 10)

    assert uploads(whole, part).read(told(etag="whole"))[0].ref.version == "v2"
    # A part of the next try lies on top by the time the whole one is told of.
    assert uploads(part, whole).read(told(etag="whole"))[0].ref.version == "v2"


def test_another_file_whose_name_begins_alike_is_not_meant() -> None:
    other = Version(f"{KEY}.2", "v9", "e1")

    with pytest.raises(TransientError, match="no version"):
        uploads(other).read(told())
    (upload,) = uploads(other, Version(KEY, "v1", '"e1"'.strip('"'))).read(told(etag='"e1"'))
    assert upload.ref.version == "v1"


@pytest.mark.parametrize("path", [f"/{BUCKET}/{KEY}", f"{BUCKET}/{KEY}", f"/inbound/{NAME}"])
def test_the_path_may_be_that_of_the_bucket_or_of_the_user(path: str) -> None:
    event = told(detail={"file-path": path, "etag": "e1", "username": "acme"})
    assert uploads(Version(KEY, "v1", "e1")).read(event)[0].ref == SubmissionRef("acme", NAME, "v1")


def test_an_event_that_comes_twice_is_the_same_upload() -> None:
    reader = uploads(Version(KEY, "v1", "e1"))
    assert reader.read(told()) == reader.read(told())


def test_a_rename_is_the_clients_word_that_the_file_is_done() -> None:
    (upload,) = uploads(Version(KEY, "v1", "e1")).read(noticed(event="ObjectCreated:Copy"))
    assert upload.ref == SubmissionRef("acme", NAME, "v1")


def test_each_event_of_a_message_is_judged_by_itself() -> None:
    put, renamed = (
        record(KEY, object={"versionId": version}, eventName=f"ObjectCreated:{kind}")
        for version, kind in (("v1", "Put"), ("v2", "Copy"))
    )
    reader = uploads(Version(KEY, "v2", "e1"), Version(KEY, "v1", "e1"))

    assert [each.ref.version for each in reader.read(message(put, renamed))] == ["v2"]


@pytest.mark.parametrize("agent", [None, "aws-cli"])
def test_what_came_another_way_is_taken_in_at_once(agent: str | None) -> None:
    assert len(uploads(Version(KEY, "v1", "e1", agent=agent)).read(noticed())) == 1


def test_what_is_gone_is_left_to_intake_and_a_failing_bucket_to_the_queue() -> None:
    assert len(uploads().read(noticed())) == 1
    bucket = Bucket(Version(KEY, "v1", "e1"))
    bucket.failure = 503
    with pytest.raises(ClientError):
        SftpUploads(cast("Any", bucket), BUCKET).read(noticed())


def test_a_dry_run_over_sftp_is_one_and_nothing_of_zero_bytes_is_an_upload() -> None:
    dry, empty = f"dryrun/acme/{NAME}", f"inbound/acme/{NAME}.empty"
    reader = uploads(Version(dry, "v1", "e1"), Version(empty, "v2", "e2", size=0))

    assert reader.read(told(key=dry))[0].ref.dry_run
    assert reader.read(told(key=empty, etag="e2")) == []


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "{}",
        told("SFTP Server File Download Completed"),
        told(detail=None),
        told(detail={"file-path": f"/{BUCKET}/{KEY}"}),
        told(detail={"file-path": f"/other/{KEY}", "etag": "e1"}),
        told(detail={"file-path": f"/inbound/{NAME}", "etag": "e1"}),
        told(detail={"file-path": "/outbound/x", "etag": "e1", "username": "acme"}),
        told(time="yesterday"),
        told(time=5),
    ],
)
def test_anything_else_is_poison(body: str) -> None:
    with pytest.raises(MessageInvalidError):
        uploads(Version(KEY, "v1", "e1")).read(body)


def test_without_a_server_nothing_is_asked_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SFTP_SERVER", raising=False)
    config.cache_clear()
    wiring.reader.cache_clear()
    try:
        assert wiring.reader()(noticed()) != []
        with pytest.raises(MessageInvalidError):
            wiring.reader()(told())

        monkeypatch.setenv("SFTP_SERVER", "s-0123456789abcdef0")
        monkeypatch.setenv("BUCKET", BUCKET)
        bucket = Bucket(Version(KEY, "v1", "e1"))
        monkeypatch.setattr(wiring, "client", lambda _: bucket)
        config.cache_clear()
        wiring.reader.cache_clear()
        assert wiring.reader()(noticed()) == []
        assert len(wiring.reader()(told())) == 1
    finally:
        config.cache_clear()
        wiring.reader.cache_clear()


@pytest.mark.parametrize(
    "detail",
    [
        {"file-path": f"/{BUCKET}/{KEY}", "username": "acme", "failure-code": "PARTIAL_UPLOAD"},
        {"file-path": f"/{BUCKET}/outbound/acme/x", "username": "acme"},
        {"file-path": "/x"},
        None,
    ],
)
def test_an_upload_that_failed_is_counted_and_never_a_dead_letter(
    metrics: Metrics, detail: dict[str, str] | None
) -> None:
    assert uploads().read(told(PARTIAL, detail=detail)) == []
    assert metrics.written == [("PartialUploads", 1)]
