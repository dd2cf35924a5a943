"""Refused pushes in the bucket, each an object with all that a replay needs.

quarantine/<client>/<yyyy-mm-dd>/<received at, ms>-<digest, 16 digits>.json
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from pointflow.adapters.retrying import error_code
from pointflow.domain.errors import NotFoundError
from pointflow.domain.iso_time import parse_moment, utc_date, utc_text
from pointflow.domain.problem import Fault, Problem, ProblemCode
from pointflow.ports.pushes import Delivery, Refused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Quarantine:
    """Fulfils `QuarantineAdmin` and `QuarantineCount` on the bucket.

    Parameters
    ----------
    client : callable
        Answers an S3 client. Called only when something is refused: most containers never need one.
    bucket : str
    """

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, refused: Refused) -> None:
        """Keep a refused delivery."""
        self._client().put_object(
            Bucket=self._bucket,
            Key=quarantine_key(refused.delivery),
            Body=encode_refused(refused),
            ContentType="application/json",
        )

    def keys(self, client_id: str) -> Iterator[str]:
        """The keys of a client's refused deliveries, oldest first."""
        pages = self._client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"quarantine/{client_id}/"):
            for found in page.get("Contents", []):
                yield found["Key"]

    def count(self) -> int:
        """How many refused deliveries wait, of all clients; at most a thousand are counted."""
        answer = self._client().list_objects_v2(Bucket=self._bucket, Prefix="quarantine/")
        return answer["KeyCount"]

    def read(self, key: str) -> Refused:
        """A refused delivery. Raises `NotFoundError`."""
        try:
            answer = self._client().get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                raise NotFoundError(f"there is no {key}") from error
            raise
        with answer["Body"] as body:
            return decode_refused(body.read())

    def remove(self, key: str) -> None:
        """Let go of a delivery that was taken in after all."""
        self._client().delete_object(Bucket=self._bucket, Key=key)


def quarantine_key(delivery: Delivery) -> str:
    """Where a delivery is kept. Names the client, the time and the content, and nobody else."""
    day = utc_date(delivery.received_at).isoformat()
    digest = sha256(delivery.body).hexdigest()[:16]
    return f"quarantine/{delivery.client_id}/{day}/{delivery.received_at}-{digest}.json"


def encode_refused(refused: Refused) -> bytes:
    """A refused delivery as JSON, the reason readable, the body as it came."""
    delivery, problem = refused.delivery, refused.problem
    told = problem.document()
    return json.dumps(
        {
            "client_id": delivery.client_id,
            "received_at": utc_text(delivery.received_at),
            **{name: told[name] for name in ("status", "code", "detail", "errors")},
            "content_type": delivery.content_type,
            "content_encoding": delivery.content_encoding,
            "body_base64": base64.b64encode(delivery.body).decode("ascii"),
        }
    ).encode("ascii")


def decode_refused(body: bytes) -> Refused:
    """Read what `encode_refused` wrote."""
    told = json.loads(body)
    return Refused(
        Delivery(
            client_id=told["client_id"],
            body=base64.b64decode(told["body_base64"]),
            content_type=told["content_type"],
            content_encoding=told["content_encoding"],
            received_at=parse_moment(told["received_at"]).instant,
        ),
        Problem(
            ProblemCode(told["code"]),
            told["detail"],
            tuple(Fault(each["path"], each["message"]) for each in told["errors"]),
        ),
    )
