"""What was refused, kept so that a person can read why and the stack can take it in later."""

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import boto3
import pytest
from moto import mock_aws

from pointflow.adapters.s3_quarantine import S3Quarantine, encode_refused, quarantine_key
from pointflow.domain.errors import NotFoundError
from pointflow.domain.problem import Fault, Problem, ProblemCode
from pointflow.ports.pushes import Delivery, Refused
from tests.unit.pushes import DAY, NOW

DELIVERY = Delivery("acme", b"\xff{", "application/json; charset=utf-8", None, NOW)
REFUSED = Refused(
    DELIVERY, Problem(ProblemCode.PUSH_INVALID, "1 fault", (Fault("/user_id", "is missing"),))
)


@pytest.fixture
def quarantine() -> Iterator[S3Quarantine]:
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_bucket(Bucket="bucket")
        yield S3Quarantine(lambda: client, "bucket")


def test_what_is_kept_is_read_as_it_was(quarantine: S3Quarantine) -> None:
    quarantine.keep(REFUSED)
    (key,) = quarantine.keys("acme")

    assert quarantine.read(key) == REFUSED
    quarantine.remove(key)
    assert list(quarantine.keys("acme")) == []
    with pytest.raises(NotFoundError):
        quarantine.read(key)


def test_a_clients_deliveries_are_listed_oldest_first(quarantine: S3Quarantine) -> None:
    for client_id, at in (("acme", NOW + DAY), ("acme", NOW), ("acme-2", NOW), ("acme", NOW + 1)):
        quarantine.keep(
            Refused(replace(DELIVERY, client_id=client_id, received_at=at), REFUSED.problem)
        )

    assert [quarantine.read(key).delivery.received_at for key in quarantine.keys("acme")] == [
        NOW,
        NOW + 1,
        NOW + DAY,
    ]


def test_a_key_names_client_time_and_content_and_nobody_else() -> None:
    assert quarantine_key(DELIVERY) == (
        f"quarantine/acme/2022-05-25/{NOW}-{sha256(DELIVERY.body).hexdigest()[:16]}.json"
    )


def test_the_reason_can_be_read_by_a_person() -> None:
    told = json.loads(encode_refused(REFUSED))

    assert (told["received_at"], told["status"], told["code"]) == (
        "2022-05-25T12:00:00.000Z",
        422,
        "PUSH_INVALID",
    )
    assert told["errors"] == [{"path": "/user_id", "message": "is missing"}]


def test_no_client_is_made_before_something_is_refused() -> None:
    def refuse() -> None:
        raise AssertionError("a client was made")

    S3Quarantine(refuse, "bucket")  # type: ignore[arg-type]


def test_what_waits_is_counted_for_all_clients(quarantine: S3Quarantine) -> None:
    assert quarantine.count() == 0
    quarantine.keep(REFUSED)
    quarantine.keep(replace(REFUSED, delivery=replace(DELIVERY, client_id="globex")))

    assert quarantine.count() == 2
