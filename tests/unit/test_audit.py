"""Audit records: written before the action, by nobody unnamed, and never over another."""

import json
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner

from pointflow.adapters.dynamodb_audit import DynamoDBAudit
from pointflow.domain.audit import Action, AuditQuery, AuditRecord
from pointflow.domain.credential import Scope
from pointflow.domain.errors import ConflictError, ContentionError
from pointflow.domain.submission import Status
from pointflow_cli.audit_desk import Auditor
from pointflow_cli.commands import audit as command
from pointflow_cli.commands import clients
from pointflow_cli.errors import CommandError
from pointflow_cli.stack import Stack
from tests.fakes.audit import OPERATOR, FakeAuditLog, auditor
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME, ref_of
from tests.fakes.credential_store import credential
from tests.unit import programme_desk
from tests.unit.push_desk import World
from tests.unit.push_desk import world as make_world

OTHER = "activities_acme_20251231000000.txt"
RECORD = AuditRecord(
    at=1_769_860_800_000,
    record_id="0a1b2c3d",
    actor=OPERATOR,
    action=Action.BATCH_RELEASE,
    client_id="acme",
    subject=NAME,
    reason="sent again on purpose",
    details={"version": "v1"},
)
BARE = replace(
    RECORD, at=RECORD.at + 1, action=Action.DEAD_LETTERS_REDRIVE, client_id=None, reason=None,
    subject="credit", details={},
)  # fmt: skip


@pytest.fixture
def table() -> Iterator[DynamoDBAudit]:
    with mock_aws():
        client = boto3.client(
            "dynamodb", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_table(
            TableName="batches",
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
        yield DynamoDBAudit(client, "batches")


def test_what_is_put_on_record_is_read_as_it_was_newest_first(table: DynamoDBAudit) -> None:
    for record in (RECORD, BARE):
        table.record(record)

    assert list(table.records(AuditQuery())) == [BARE, RECORD]
    assert list(table.records(AuditQuery(since=BARE.at))) == [BARE]


def test_a_record_is_never_overwritten(table: DynamoDBAudit) -> None:
    table.record(RECORD)

    with pytest.raises(ConflictError):
        table.record(replace(RECORD, actor="arn:aws:iam::123456789012:user/another"))

    assert list(table.records(AuditQuery())) == [RECORD]


def test_a_record_whose_answer_was_lost_may_be_sent_again(table: DynamoDBAudit) -> None:
    table.record(RECORD)
    table.record(RECORD)

    assert list(table.records(AuditQuery())) == [RECORD]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (AuditQuery(action="batch"), True),
        (AuditQuery(action="batch.release"), True),
        (AuditQuery(action="batch.discard"), False),
        (AuditQuery(client_id="acme"), True),
        (AuditQuery(client_id="globex"), False),
        (AuditQuery(subject="20260101"), True),
        (AuditQuery(subject="20270101"), False),
        (AuditQuery(since=RECORD.at + 1), False),
    ],
)
def test_records_can_be_asked_for_by_what_they_tell(query: AuditQuery, found: bool) -> None:
    assert query.wants(RECORD) is found


def test_the_caller_is_looked_up_once_and_only_when_something_is_done() -> None:
    asked = []
    log = FakeAuditLog()

    def who() -> str:
        asked.append(1)
        return OPERATOR

    acting = Auditor(log, who)
    assert not asked
    for subject in ("a", "b"):
        acting.record(Action.CLIENT_ADD, subject, client_id=None)

    assert len(asked) == 1
    assert {record.actor for record in log.kept} == {OPERATOR}


@pytest.mark.parametrize("reason", ["x" * 501, "two\nlines"])
def test_a_reason_that_cannot_be_kept_stops_the_action(reason: str) -> None:
    log = FakeAuditLog()

    with pytest.raises(CommandError, match="no reason to keep"):
        auditor(log).record(Action.CLIENT_ADD, "acme", client_id="acme", reason=reason)

    assert log.kept == []


@pytest.mark.parametrize("decision", ["release", "discard"])
def test_a_decision_on_a_held_file_is_on_record_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    desk = Desk(monkeypatch)
    desk.stage.held(ref_of(), twin=ref_of("v9", name=OTHER))

    assert desk.run("batch", decision, NAME, "--reason", "agreed with acme").code == 0

    assert desk.audit.told == [(f"batch.{decision}", "acme", NAME, "agreed with acme")]
    assert desk.audit.kept[0].details == {"version": "v1"}


@pytest.mark.parametrize("decision", ["release", "discard"])
def test_without_its_record_no_decision_is_taken(
    monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    desk = Desk(monkeypatch)
    desk.stage.held(ref_of(), twin=ref_of("v9", name=OTHER))
    desk.audit.error = ContentionError("busy")

    with pytest.raises(ContentionError):
        desk.run("batch", decision, NAME)

    submission = desk.stage.store.get(ref_of())
    assert submission is not None
    assert submission.status is Status.HELD


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(monkeypatch)


def test_what_is_done_to_credentials_is_on_record_without_a_secret(world: World) -> None:
    added = world.run("credentials", "add", "--reason", "new sender", "--json").document
    rotated = world.run("credentials", "rotate", added["id"], "--json").document
    world.run("credentials", "revoke", added["id"], "--reason", "leaked")

    assert world.audit.told == [
        ("credential.add", "acme", added["id"], "new sender"),
        ("credential.rotate", "acme", rotated["id"], None),
        ("credential.revoke", "acme", added["id"], "leaked"),
    ]
    written = json.dumps([dict(record.details) for record in world.audit.kept])
    for secret in (added["password"], added["api_key"], rotated["password"], rotated["api_key"]):
        assert secret not in written


def test_without_its_record_no_credential_changes(world: World) -> None:
    kept = credential("c1", scopes=frozenset({Scope.PUSH}))
    world.credentials.put("acme", (kept,))
    world.audit.error = ContentionError("busy")

    for arguments in (("add",), ("rotate",), ("revoke", "c1")):
        assert world.run("credentials", *arguments).code == 2

    assert world.credentials.of("acme") == (kept,)


def test_a_replay_is_on_record_once_for_all_that_it_takes_in(world: World) -> None:
    world.refuse(b"{}")
    world.refuse(b"[]")

    world.run("quarantine", "replay", "--all", "--reason", "after the fix")

    assert world.audit.told == [("quarantine.replay", "acme", "all", "after the fix")]
    assert world.audit.kept[0].details == {"pushes": "2"}


def test_changes_of_a_client_are_on_record_with_what_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with programme_desk.desk(monkeypatch) as desk:
        programme_desk.answer(clients.app, "add", "acme", "--name", "Acme")
        programme_desk.answer(clients.app, "add", "acme", "--name", "Acme")
        programme_desk.answer(clients.app, "set", "acme", "--matching", "strict", "--reason", "why")
        programme_desk.answer(clients.app, "set", "acme", "--matching", "strict")

    assert desk.audit.told == [
        ("client.add", "acme", "acme", None),
        ("client.set", "acme", "acme", "why"),
    ]
    assert desk.audit.kept[1].details == {"matching": "lenient -> strict"}


class Listing:
    """`pointflow audit` on a log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.log = FakeAuditLog()
        self.log.kept += [RECORD, BARE]
        monkeypatch.setattr(command, "open_auditor", lambda _: auditor(self.log))
        monkeypatch.setattr(command, "open_stack", lambda _: Stack("test", "eu-west-1", {}))
        self.app = typer.Typer()
        self.app.command()(command.audit)

    def documents(self, *arguments: str) -> list[dict[str, object]]:
        result = CliRunner().invoke(self.app, [*arguments, "--json"])
        assert result.exit_code == 0, result.output
        found: list[dict[str, object]] = json.loads(result.stdout)
        return found


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> Listing:
    return Listing(monkeypatch)


def test_the_list_tells_who_when_what_to_what_and_why(listing: Listing) -> None:
    assert listing.documents("--action", "batch") == [
        {
            "at": "2026-01-31T12:00:00.000Z",
            "id": "0a1b2c3d",
            "actor": OPERATOR,
            "action": "batch.release",
            "client_id": "acme",
            "subject": NAME,
            "reason": "sent again on purpose",
            "details": {"version": "v1"},
        }
    ]
    shown = CliRunner().invoke(listing.app, []).stdout.splitlines()
    assert [line.split()[1] for line in shown[1:]] == ["dlq.redrive", "batch.release"]


@pytest.mark.parametrize(
    ("arguments", "subjects"),
    [
        (("--limit", "1"), ["credit"]),
        (("--client", "acme"), [NAME]),
        (("--subject", "activities_"), [NAME]),
        (("--since", "2026-01-31T12:00:00.001Z"), ["credit"]),
        (("--since", "90000d"), ["credit", NAME]),
        (("--since", "1m"), []),
    ],
)
def test_the_list_can_be_narrowed(
    listing: Listing, arguments: tuple[str, ...], subjects: list[str]
) -> None:
    assert [document["subject"] for document in listing.documents(*arguments)] == subjects


@pytest.mark.parametrize("arguments", [("--action", "nothing"), ("--since", "yesterday")])
def test_a_query_that_cannot_be_is_one_line(listing: Listing, arguments: tuple[str, ...]) -> None:
    assert isinstance(CliRunner().invoke(listing.app, arguments).exception, CommandError)
