"""Uploads are read at their version, whatever the network does; objects are written whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError, ResponseStreamingError
from botocore.response import StreamingBody
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from pointflow.adapters import s3_streams
from pointflow.adapters.retrying import Backoff
from pointflow.adapters.s3_objects import BLOCK_BYTES, S3ObjectStore, byte_range
from pointflow.adapters.s3_streams import PART_BYTES
from pointflow.domain.errors import ContentionError, DraftLostError, ObjectUnreadableError
from pointflow.domain.submission import SubmissionRef
from pointflow.ports.objects import Draft

BUCKET = "uploads"
KEY = "inbound/acme/a.txt"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


def upload(s3: S3Client, body: bytes) -> SubmissionRef:
    version = s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)["VersionId"]
    return SubmissionRef("acme", "a.txt", version)


def test_a_version_is_read_although_another_was_put_over_it(s3: S3Client) -> None:
    first = upload(s3, b"first")
    upload(s3, b"second one")
    store = S3ObjectStore(s3, BUCKET)

    assert b"".join(store.read(first, 0, 100)) == b"first"


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 4, b"0123"), (3, 5, b"34"), (8, 100, b"89"), (5, 5, b""), (10, 20, b"")],
)
def test_a_range_ends_before_its_end_and_with_the_object(
    s3: S3Client, start: int, end: int, expected: bytes
) -> None:
    ref = upload(s3, b"0123456789")

    assert b"".join(S3ObjectStore(s3, BUCKET).read(ref, start, end)) == expected


def test_a_read_comes_in_blocks(s3: S3Client) -> None:
    ref = upload(s3, b"x" * (2 * BLOCK_BYTES + 5))

    blocks = list(S3ObjectStore(s3, BUCKET).read(ref, 0, 3 * BLOCK_BYTES))

    assert max(map(len, blocks)) <= BLOCK_BYTES
    assert sum(map(len, blocks)) == 2 * BLOCK_BYTES + 5


def test_a_deleted_version_cannot_be_read(s3: S3Client) -> None:
    ref = upload(s3, b"x")
    s3.delete_object(Bucket=BUCKET, Key=KEY, VersionId=ref.version)
    store = S3ObjectStore(s3, BUCKET)

    with pytest.raises(ObjectUnreadableError):
        list(store.read(ref, 0, 10))


def test_a_version_stays_readable_behind_a_delete_marker(s3: S3Client) -> None:
    ref = upload(s3, b"still here")
    s3.delete_object(Bucket=BUCKET, Key=KEY)

    assert b"".join(S3ObjectStore(s3, BUCKET).read(ref, 0, 100)) == b"still here"


def test_a_delete_marker_itself_cannot_be_read(s3: S3Client) -> None:
    upload(s3, b"x")
    marker = s3.delete_object(Bucket=BUCKET, Key=KEY)["VersionId"]

    with pytest.raises(ObjectUnreadableError):
        list(S3ObjectStore(s3, BUCKET).read(SubmissionRef("acme", "a.txt", marker), 0, 10))


def test_an_object_of_ours_is_read_back_whole(s3: S3Client) -> None:
    store = S3ObjectStore(s3, BUCKET)
    body = b"y" * (BLOCK_BYTES + 1)
    store.put("rejects/a.jsonl", body, "application/x-ndjson")

    assert b"".join(store.read_object("rejects/a.jsonl")) == body
    assert s3.head_object(Bucket=BUCKET, Key="rejects/a.jsonl")["ContentType"] == (
        "application/x-ndjson"
    )


def test_an_object_of_ours_that_is_missing_cannot_be_read(s3: S3Client) -> None:
    with pytest.raises(ObjectUnreadableError):
        list(S3ObjectStore(s3, BUCKET).read_object("rejects/none.jsonl"))


def test_an_empty_object_of_ours_has_no_blocks(s3: S3Client) -> None:
    store = S3ObjectStore(s3, BUCKET)
    store.put("outbound/empty", b"", "text/plain")

    assert list(store.read_object("outbound/empty")) == []


@pytest.mark.parametrize("size", [1, PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 3])
def test_an_object_of_any_size_is_streamed(s3: S3Client, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    with S3ObjectStore(s3, BUCKET).writer("outbound/a", "text/plain") as out:
        for at in range(0, size, 1_000_003):
            out.write(body[at : at + 1_000_003])

    stored = s3.get_object(Bucket=BUCKET, Key="outbound/a")
    assert stored["Body"].read() == body
    assert stored["ContentType"] == "text/plain"


def test_parts_grow_so_that_no_object_has_too_many(
    s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_streams, "PARTS_OF_A_SIZE", 1)
    size = (1 + 2 + 3) * PART_BYTES
    with S3ObjectStore(s3, BUCKET).writer("outbound/a", "text/plain") as out:
        out.write(b"z" * size)

    stored = s3.head_object(Bucket=BUCKET, Key="outbound/a")
    assert (stored["ContentLength"], stored["ETag"][-3:]) == (size, '-3"')


def test_nothing_written_makes_no_object(s3: S3Client) -> None:
    with S3ObjectStore(s3, BUCKET).writer("outbound/a", "text/plain"):
        pass

    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


@pytest.mark.parametrize("size", [1, 2 * PART_BYTES])
def test_an_error_leaves_no_object_and_no_parts(s3: S3Client, size: int) -> None:
    store = S3ObjectStore(s3, BUCKET)

    def fail() -> None:
        with store.writer("outbound/a", "text/plain") as out:
            out.write(b"x" * size)
            raise RuntimeError("disturbed")

    with pytest.raises(RuntimeError, match="disturbed"):
        fail()
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, 2 * PART_BYTES + 3])
def test_an_object_is_gone_on_with_by_another_process(s3: S3Client, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    with S3ObjectStore(s3, BUCKET).writer("outbound/a", "text/plain") as out:
        out.write(body)
        draft = out.suspend()
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)

    with S3ObjectStore(s3, BUCKET).writer("outbound/a", "text/plain", draft) as out:
        out.write(b"the rest")

    assert s3.get_object(Bucket=BUCKET, Key="outbound/a")["Body"].read() == body + b"the rest"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_an_error_while_going_on_leaves_the_draft_as_good_as_it_was(s3: S3Client) -> None:
    store = S3ObjectStore(s3, BUCKET)
    with store.writer("outbound/a", "text/plain") as out:
        out.write(b"x" * (PART_BYTES + 1))
        draft = out.suspend()

    def fail() -> None:
        with store.writer("outbound/a", "text/plain", draft) as out:
            out.write(b"y" * PART_BYTES)
            raise RuntimeError("disturbed")

    with pytest.raises(RuntimeError, match="disturbed"):
        fail()
    with store.writer("outbound/a", "text/plain", draft) as out:
        out.write(b"end")
    stored = s3.get_object(Bucket=BUCKET, Key="outbound/a")["Body"].read()
    assert stored == b"x" * (PART_BYTES + 1) + b"end"


def test_a_draft_that_somebody_finished_is_lost() -> None:
    def gone(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "NoSuchUpload"}}, "UploadPart")

    client: Any = SimpleNamespace(upload_part=gone, complete_multipart_upload=gone)
    store = S3ObjectStore(client, BUCKET)

    for size in (0, PART_BYTES):  # it shows when a part is sent, or not before the end
        with (
            pytest.raises(DraftLostError, match="outbound/a"),
            store.writer("outbound/a", "text/plain", Draft("gone", ("etag",))) as out,
        ):
            out.write(b"y" * size)


def test_small_objects_are_read_in_order_whatever_their_number(s3: S3Client) -> None:
    store = S3ObjectStore(s3, BUCKET)
    keys = [f"rejects/{number}" for number in range(30)]
    for key in keys:
        store.put(key, key.encode(), "text/plain")

    assert list(store.read_objects(reversed(keys))) == [key.encode() for key in reversed(keys)]
    assert list(store.read_objects([])) == []
    with pytest.raises(ObjectUnreadableError, match="rejects/none"):
        list(store.read_objects([*keys, "rejects/none"]))


# What only a network does: scripted answers of a client that serves BODY.

BODY = bytes(range(100))
REF = SubmissionRef("acme", "a.txt", "v1")


class Breaking(io.BytesIO):
    """A connection that gives so many bytes, then breaks."""

    def __init__(self, data: bytes, gives: int, error: Exception | None) -> None:
        super().__init__(data[:gives] if error else data)
        self._error = error

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if not block and self._error:
            raise self._error
        return block


class FakeS3:
    """An S3 client that serves BODY and does what the script says, call by call."""

    def __init__(self, *script: Exception | tuple[int, Exception | None]) -> None:
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []

    def get_object(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        step = self.script.pop(0) if self.script else (0, None)
        if isinstance(step, Exception):
            raise step
        first, last = request["Range"].removeprefix("bytes=").split("-")
        data = BODY[int(first) : int(last) + 1]
        body = StreamingBody(cast("Any", Breaking(data, *step)), len(data))
        return {"ETag": '"e"', "Body": body, "ContentRange": f"bytes {first}-{last}/100"}

    def head_object(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        step = self.script.pop(0) if self.script else None
        if isinstance(step, Exception):
            raise step
        return {"ContentLength": 7, "LastModified": datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)}


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def backoff(self) -> Backoff:
        return Backoff(
            self.now + 5,
            uniform=lambda _, high: high,
            sleep=self.sleep,
            monotonic=lambda: self.now,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def store_on(fake: FakeS3, clock: Clock | None = None) -> S3ObjectStore:
    return S3ObjectStore(cast("Any", fake), BUCKET, (clock or Clock()).backoff)


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")


def reset() -> Exception:
    return ResponseStreamingError(error=ConnectionResetError())


@pytest.mark.parametrize(
    "error",
    [reset(), ReadTimeoutError(endpoint_url="x"), ConnectionResetError(), TimeoutError()],
)
def test_a_broken_read_is_taken_up_at_the_next_byte(error: Exception) -> None:
    fake = FakeS3((30, error))

    assert b"".join(store_on(fake).read(REF, 10, 90)) == BODY[10:90]
    assert [request["Range"] for request in fake.requests] == ["bytes=10-89", "bytes=40-89"]
    assert all(request["VersionId"] == "v1" for request in fake.requests)
    assert fake.requests[1]["IfMatch"] == '"e"'


def test_an_answer_that_ends_early_is_taken_up_too() -> None:
    class Short(FakeS3):
        def get_object(self, **request: Any) -> dict[str, Any]:
            answer = super().get_object(**request)
            if len(self.requests) == 1:
                answer["Body"] = StreamingBody(cast("Any", io.BytesIO(BODY[:20])), 100)
            return answer

    assert b"".join(store_on(Short()).read(REF, 0, 100)) == BODY


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "ServiceUnavailable"])
def test_a_busy_bucket_is_asked_again(code: str) -> None:
    assert b"".join(store_on(FakeS3(client_error(code))).read(REF, 0, 100)) == BODY


def test_a_read_that_moves_on_never_runs_out_of_time() -> None:
    clock = Clock()
    fake = FakeS3(*[(1, reset()) for _ in range(99)], (0, None))

    assert b"".join(store_on(fake, clock).read(REF, 0, 100)) == BODY
    assert len(fake.requests) == 100


def test_a_read_that_stands_still_ends_in_contention() -> None:
    with pytest.raises(ContentionError):
        list(store_on(FakeS3(*[(0, reset())] * 1_000)).read(REF, 0, 100))


@pytest.mark.parametrize(
    "code",
    ["NoSuchKey", "NoSuchVersion", "404", "405", "MethodNotAllowed", "InvalidObjectState"],
)
def test_what_is_gone_is_unreadable_at_once(code: str) -> None:
    fake = FakeS3(client_error(code))
    with pytest.raises(ObjectUnreadableError, match=r"inbound/acme/a\.txt"):
        list(store_on(fake).read(REF, 0, 100))
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "code",
    ["AccessDenied", "403", "NoSuchBucket", "ExpiredToken", "SignatureDoesNotMatch", "400"],
)
def test_a_fault_of_ours_is_never_blamed_on_the_object(code: str) -> None:
    with pytest.raises(ClientError):
        list(store_on(FakeS3(client_error(code))).read(REF, 0, 100))


@pytest.mark.parametrize(("start", "end"), [(0, 100), (10, 90), (0, 1), (99, 100), (50, 500)])
def test_a_server_that_ignores_the_range_is_cut_to_it(start: int, end: int) -> None:
    class Whole(FakeS3):
        def get_object(self, **request: Any) -> dict[str, Any]:
            self.requests.append(request)
            return {"ETag": '"e"', "Body": StreamingBody(cast("Any", Dripping(BODY)), len(BODY))}

    assert b"".join(store_on(Whole()).read(REF, start, end)) == BODY[start:end]


class Dripping(io.BytesIO):
    """A connection that gives seven bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(7)


def test_a_reader_that_stops_early_lets_the_connection_go() -> None:
    connection = io.BytesIO(BODY)

    class Watched(FakeS3):
        def get_object(self, **request: Any) -> dict[str, Any]:
            answer = super().get_object(**request)
            return answer | {"Body": StreamingBody(cast("Any", connection), len(BODY))}

    blocks = store_on(Watched()).read(REF, 0, 100)
    next(blocks)
    cast("Any", blocks).close()

    assert connection.closed


def test_a_range_header_counts_its_last_byte_in() -> None:
    assert (byte_range(0, 10), byte_range(5, None)) == ("bytes=0-9", "bytes=5-")
