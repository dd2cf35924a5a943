"""Intake on a real bucket and real queues: what fakes cannot tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from pointflow.adapters.s3_events import read_uploads
from pointflow.adapters.s3_objects import BLOCK_BYTES, S3ObjectStore
from pointflow.adapters.s3_streams import PART_BYTES
from pointflow.adapters.sqs_publishers import (
    SqsChunkPublisher,
    SqsPartPublisher,
    SqsReportPublisher,
)
from pointflow.domain.client import Client
from pointflow.domain.errors import ObjectUnreadableError
from pointflow.domain.messages import decode_chunk, decode_part
from pointflow.domain.submission import Status, SubmissionRef
from pointflow.services.intake import Intake
from pointflow.services.receive_upload import Limits
from tests.fakes.catalog import FakeCatalog
from tests.fakes.submission_store import FakeSubmissionStore
from tests.integration.servers import local_aws

BUCKET = "pointflow-uploads"
NAME = "activities_acme_20251009085320.txt"


class Aws:
    """A versioned bucket that announces its uploads, and queues."""

    def __init__(self, endpoint_url: str) -> None:
        session = boto3.Session("test", "test", region_name="us-east-1")
        self.s3 = session.client("s3", endpoint_url=endpoint_url)
        self.sqs = session.client("sqs", endpoint_url=endpoint_url)
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        names = ("upload", "part", "credit", "report")
        self.urls = {name: self.sqs.create_queue(QueueName=name)["QueueUrl"] for name in names}
        arn = self.sqs.get_queue_attributes(
            QueueUrl=self.urls["upload"], AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
            },
        )

    def put(self, key: str, body: bytes) -> str:
        """Upload; answers the version."""
        return self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)["VersionId"]

    def take(self, queue: str) -> Iterator[dict[str, Any]]:
        """Messages, until none comes for a second."""
        url = self.urls[queue]
        while messages := self.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield dict(message)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with local_aws() as server:
        aws = Aws(server.endpoint_url)
        yield aws
        aws.s3.close()
        aws.sqs.close()


def test_ranges_of_a_pinned_version_are_cut_exactly(aws: Aws) -> None:
    body = bytes(range(256)) * 12_000
    ref = SubmissionRef("acme", "ranges.txt", aws.put("inbound/acme/ranges.txt", body))
    aws.put("inbound/acme/ranges.txt", b"another")
    store = S3ObjectStore(aws.s3, BUCKET)

    for start, end in [(0, 10), (5, BLOCK_BYTES + 5), (BLOCK_BYTES - 1, 10**9), (7, 8)]:
        assert b"".join(store.read(ref, start, end)) == body[start:end]


def test_a_deleted_version_cannot_be_read(aws: Aws) -> None:
    key = "inbound/acme/deleted.txt"
    ref = SubmissionRef("acme", "deleted.txt", aws.put(key, b"x"))
    aws.s3.delete_object(Bucket=BUCKET, Key=key, VersionId=ref.version)
    store = S3ObjectStore(aws.s3, BUCKET)

    with pytest.raises(ObjectUnreadableError):
        list(store.read(ref, 0, 1))


def test_an_object_of_several_parts_is_streamed(aws: Aws) -> None:
    store = S3ObjectStore(aws.s3, BUCKET)
    with store.writer("outbound/parts", "text/plain") as out:
        for _ in range(20):
            out.write(b"z" * 1_000_003)

    assert sum(map(len, store.read_object("outbound/parts"))) == 20_000_060 > 2 * PART_BYTES


def test_a_file_of_several_cells_reaches_the_credit_queue_row_by_row(aws: Aws) -> None:
    rows = [b"|%d|||7001|50" % user_id for user_id in range(1000, 4000)]
    aws.put(f"inbound/acme/{NAME}", b"\n".join(rows))
    store = FakeSubmissionStore()
    intake = Intake(
        store=store,
        objects=S3ObjectStore(aws.s3, BUCKET),
        catalog=FakeCatalog([Client("acme")]),
        parts=SqsPartPublisher(aws.sqs, aws.urls["part"]),
        chunks=SqsChunkPublisher(aws.sqs, aws.urls["credit"]),
        reports=SqsReportPublisher(aws.sqs, aws.urls["report"]),
        limits=Limits(cell_bytes=10_000, chunk_rows=20, chunk_bytes=100_000),
        clock=lambda: 1_760_000_000,
    )

    uploads = [u for message in aws.take("upload") for u in read_uploads(message["Body"])]
    (upload,) = [each for each in uploads if each.ref.file_name == NAME]
    intake.upload(upload)
    for message in aws.take("part"):
        intake.part(decode_part(message["Body"]), retry=False)
    messages = list(aws.take("credit"))

    submission = store.get(upload.ref)
    assert submission is not None
    assert submission.status is Status.CREDITING
    assert submission.plan.cells > 3
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"acme"}
    chunks = sorted((decode_chunk(m["Body"]) for m in messages), key=lambda c: c.first_line)
    assert b"".join(chunk.rows for chunk in chunks) == b"\n".join(rows) + b"\n"
