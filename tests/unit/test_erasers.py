"""The adapters behind forgetting: nothing of the member is left, whatever happens between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations
from pointflow.adapters.dynamodb_member_eraser import DynamoDBMemberEraser
from pointflow.adapters.dynamodb_tombstones import DynamoDBTombstones
from pointflow.adapters.expiration_eraser import ExpirationEraser
from pointflow.adapters.retrying import Backoff
from pointflow.adapters.s3_versions import S3Versions
from pointflow.adapters.secret_key import SecretKey
from pointflow.domain.errors import ContentionError, MemberForgottenError
from pointflow.domain.expiration_view import ViewChange, index_entries, view_of
from pointflow.domain.member import Identifier, IdentifierKey, Member, MemberStatus
from pointflow.domain.push import KeyKind, MemberKey
from pointflow.ports.erasure import StoredVersion
from pointflow.services.accept_push import accept_push
from tests.unit import pushes
from tests.unit.moto_tables import Interrupted, moto_tables

ANN = Member("acme", 7, "ann@example.com", "Ann", "T-1")
THIRD = IdentifierKey(Identifier.THIRD_PARTY_ID, "T-1")
BY_ID = MemberKey("acme", KeyKind.USER_ID, "7")
BY_EMAIL = MemberKey("acme", KeyKind.EMAIL, "ann@example.com")
KEY = b"k" * 64
THROTTLED = ClientError(
    {"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DeleteItem"
)


def impatient() -> Backoff:
    return Backoff(0.0, sleep=lambda _: None, monotonic=lambda: 0.0)


def patient() -> Backoff:
    return Backoff(1.0, sleep=lambda _: None, monotonic=lambda: 0.0)


# MembersTable


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with moto_tables() as client:
        yield client


def members_of(client: Any) -> DynamoDBMemberEraser:
    return DynamoDBMemberEraser(client, "members", "ledger")


def keys_in(client: Any, table: str = "members") -> set[str]:
    return {item["key"]["S"] for item in client.scan(TableName=table)["Items"]}


def test_an_account_keeps_its_points_and_no_identifier_nor_pointer(dynamodb: Any) -> None:
    members = members_of(dynamodb)
    members.save_profile(ANN, 1)
    members.open_balance("acme", 7, 50, 1)

    assert members.erase_profile("acme", 7, 2)

    assert keys_in(dynamodb) == {"acme#M#7"}
    left = members.member("acme", 7)
    assert left == Member("acme", 7, status=MemberStatus.FORGOTTEN, balance=50, lifetime=50)
    assert not members.erase_profile("acme", 7, 3)
    assert not members.erase_profile("acme", 8, 3)


def test_a_shared_third_party_id_stays_with_the_others(dynamodb: Any) -> None:
    members = members_of(dynamodb)
    for user_id in (7, 8):
        members.save_profile(Member("acme", user_id, third_party_id="T-1"), 1)
    assert members.shares("acme", THIRD)

    members.erase_profile("acme", 7, 2)

    assert members.holders("acme", [THIRD]) == {THIRD: frozenset({8})}
    assert not members.shares("acme", THIRD)
    members.erase_profile("acme", 8, 2)
    assert keys_in(dynamodb) == {"acme#M#7", "acme#M#8"}


def test_somebody_who_joins_a_third_party_id_meanwhile_keeps_it(dynamodb: Any) -> None:
    client = Interrupted(dynamodb)
    members_of(dynamodb).save_profile(Member("acme", 7, third_party_id="T-1"), 1)
    other = Member("acme", 8, third_party_id="T-1")
    client.before["transact_write_items"] = [lambda: members_of(dynamodb).save_profile(other, 1)]

    assert members_of(client).erase_profile("acme", 7, 2)

    assert members_of(dynamodb).holders("acme", [THIRD]) == {THIRD: frozenset({8})}


def test_a_barred_account_is_found_by_nobody_and_still_knows_its_identifiers(
    dynamodb: Any,
) -> None:
    members = members_of(dynamodb)
    members.save_profile(ANN, 1)

    for _ in range(2):
        members.bar(ANN, 2)

    left = members.member("acme", 7)
    assert left is not None
    assert (left.email, left.status) == (ANN.email, MemberStatus.FORGOTTEN)
    own = IdentifierKey(Identifier.CT_USER_ID, "7")
    assert members.holders("acme", [own]) == {}
    members.bar(Member("acme", 99), 2)
    assert members.member("acme", 99) is None


def test_a_forgotten_account_is_changed_only_to_let_it_in_again(dynamodb: Any) -> None:
    members = members_of(dynamodb)
    members.save_profile(ANN, 1)
    members.erase_profile("acme", 7, 2)

    with pytest.raises(MemberForgottenError):
        members.save_profile(ANN, 3)
    assert members.save_profile(ANN, 3, readmit=True)

    assert members.member("acme", 7) == ANN
    assert len(keys_in(dynamodb)) == 4


# ExpirationsTable


@pytest.fixture
def expirations() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "dynamodb", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_table(
            TableName="expirations",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield client


def everything(client: Any) -> set[tuple[str, str]]:
    items = client.scan(TableName="expirations")["Items"]
    return {(item["pk"]["S"], item["sk"]["S"]) for item in items}


def receive(client: Any, day: str, **more: Any) -> None:
    store = DynamoDBExpirations(client, "expirations")
    push = pushes.push(pushes.body({day: 5}, more.pop("message_date", None), **more))
    accept_push(push, received_at=pushes.NOW, store=store)
    for entry in index_entries(ViewChange(None, view_of(push, pushes.NOW)), pushes.NOW):
        store.record(entry)


def test_views_history_and_index_of_a_key_are_deleted(expirations: Any) -> None:
    receive(expirations, "2022-06-30", message_date="2022-05-25T10:00:00Z")
    receive(expirations, "2022-07-31", message_date="2022-05-25T11:00:00Z")
    receive(expirations, "2022-08-31")
    receive(expirations, "2022-06-30", user_id=8)
    assert len(everything(expirations)) == 10

    erased = ExpirationEraser(expirations, "expirations").erase(BY_ID)

    assert (erased.pushes, len(erased.days)) == (4, 3)
    assert len(everything(expirations)) == 3
    assert not [place for place in everything(expirations) if "#U#7" in "".join(place)]


def test_days_that_no_push_names_any_more_can_be_named(expirations: Any) -> None:
    receive(expirations, "2022-06-30")
    erased = ExpirationEraser(expirations, "expirations").erase(BY_ID)
    for entry in index_entries(
        ViewChange(None, pushes.view({"2022-06-30": 5})), pushes.NOW
    ):  # a projection that ran late
        DynamoDBExpirations(expirations, "expirations").record(entry)

    ExpirationEraser(expirations, "expirations").erase(BY_ID, erased.days)

    assert everything(expirations) == set()


def test_a_busy_table_is_asked_again_for_a_while(expirations: Any) -> None:
    receive(expirations, "2022-06-30")
    busy: Any = Interrupted(expirations)
    busy.before["delete_item"] = [THROTTLED]
    assert ExpirationEraser(busy, "expirations", patient).erase(BY_ID).pushes == 2

    busy.before["delete_item"] = [THROTTLED]
    with pytest.raises(ContentionError):
        ExpirationEraser(busy, "expirations", impatient).erase(BY_ID)


def tombstones_of(client: Any, **options: Any) -> DynamoDBTombstones:
    return DynamoDBTombstones(client, "expirations", lambda: KEY, **options)


def test_the_forgotten_are_known_until_they_are_let_in(expirations: Any) -> None:
    tombstones = tombstones_of(expirations)
    other = MemberKey("acme", KeyKind.USER_ID, "8")
    assert tombstones.among([BY_ID]) == frozenset()

    for _ in range(2):
        tombstones.bury([BY_ID, BY_EMAIL], 1)

    assert tombstones.among([BY_ID, BY_EMAIL, other]) == {BY_ID, BY_EMAIL}
    assert not tombstones.lift(other)
    assert tombstones.lift(BY_EMAIL)
    assert not tombstones.lift(BY_EMAIL)
    assert tombstones.among([BY_ID, BY_EMAIL]) == frozenset()
    assert everything(expirations) == set()


def test_what_a_later_run_knows_no_more_stays_buried(expirations: Any) -> None:
    tombstones = tombstones_of(expirations)
    tombstones.bury([BY_ID, BY_EMAIL], 1)
    tombstones.bury([BY_ID], 2)

    tombstones.lift(BY_ID)

    assert everything(expirations) == set()


def test_tombstones_hold_nothing_that_names_anybody(expirations: Any) -> None:
    tombstones_of(expirations).bury([BY_ID, BY_EMAIL], 1)

    written = str(expirations.scan(TableName="expirations")["Items"])

    assert "ann@" not in written
    assert "#U#7" not in written


def test_where_nobody_was_forgotten_no_key_is_read_and_others_runs_are_seen(
    expirations: Any,
) -> None:
    def no_key() -> bytes:
        pytest.fail("the key is not needed")

    looking = DynamoDBTombstones(expirations, "expirations", no_key)
    once = DynamoDBTombstones(expirations, "expirations", no_key, ask_once=True)
    assert looking.among([BY_ID]) == once.among([BY_ID]) == frozenset()
    assert not looking.lift(BY_ID)
    tombstones_of(expirations).bury([BY_ID], 1)

    assert tombstones_of(expirations).among([BY_ID]) == {BY_ID}
    assert once.among([BY_ID]) == frozenset()


def test_tombstones_are_written_again_while_the_table_is_busy(expirations: Any) -> None:
    busy: Any = Interrupted(expirations)
    busy.before["update_item"] = [THROTTLED]
    tombstones_of(busy, patience=patient).bury([BY_ID], 1)
    assert tombstones_of(expirations).among([BY_ID]) == {BY_ID}

    busy.before["update_item"] = [THROTTLED]
    with pytest.raises(ContentionError):
        tombstones_of(busy, patience=impatient).bury([BY_EMAIL], 1)


# The key


class Secrets:
    """A client of Secrets Manager that knows one secret."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "the key"
        self.reads += 1
        return {"SecretString": self.value}


def test_the_key_is_read_once() -> None:
    secrets = Secrets("k" * 64)
    key = SecretKey(lambda: secrets, "the key")
    assert secrets.reads == 0

    assert key() == key() == KEY

    assert secrets.reads == 1


def test_what_cannot_be_the_key_is_not_taken_for_it() -> None:
    with pytest.raises(ValueError, match="too short"):
        SecretKey(lambda: Secrets("secret"), "the key")()


# The bucket


@pytest.fixture
def bucket() -> Iterator[S3Versions]:
    with mock_aws():
        client = boto3.client(
            "s3", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_bucket(Bucket="bucket")
        client.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        yield S3Versions(client, "bucket")


def test_every_version_of_an_object_is_listed_read_and_deleted(bucket: S3Versions) -> None:
    bucket.put("a/1", b"old", "text/plain")
    with bucket.writer("a/1", "text/plain") as writer:
        writer.write(b"new")
    bucket.put("b/1", b"other", "text/plain")

    newest, older = bucket.versions("a/")

    assert [(each.is_latest, b"".join(bucket.read(each))) for each in (newest, older)] == [
        (True, b"new"),
        (False, b"old"),
    ]
    bucket.delete(newest)
    assert [each.version for each in bucket.versions("a/")] == [older.version]
    assert list(bucket.read(newest)) == []


def test_what_may_not_be_read_is_no_empty_object(
    bucket: S3Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")

    monkeypatch.setattr(bucket._client, "get_object", denied)

    with pytest.raises(ClientError):
        list(bucket.read(StoredVersion("a/1", "v1", is_latest=True)))
