"""What an undo changes, and the messages of its work."""

from __future__ import annotations

import json

import pytest

from pointflow.adapters.ledger_items import entry_item, entry_of
from pointflow.adapters.ledger_reasons import read_reasons
from pointflow.adapters.ledger_requests import Group, build_credit_transaction
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.ledger import AccountChange, Decision, Entry, account_change
from pointflow.domain.submission import SubmissionRef, Undone
from pointflow.domain.undo import UndoCells, UndoChunk, UndoMessage, decode_undo, encode_undo

REF = SubmissionRef("acme", "activities_acme_20260101000000.txt", "v1")
CREDIT = Entry("acme/f.txt/7", "c1", Decision.CREDITED, 100, 5, 9, 90, points=30)
BACK = CREDIT.taken_back(200)


def test_what_takes_back_reverses_balance_and_lifetime() -> None:
    assert account_change([BACK]) == AccountChange(-30, -30)
    assert (BACK.identity, BACK.activity_at, BACK.recorded_at) == ("acme/f.txt/7/undo", 90, 200)


def test_only_a_credit_is_taken_back() -> None:
    for entry in (BACK, CREDIT.rejected(RowCode.MEMBER_NOT_FOUND)):
        with pytest.raises(ValueError, match="is no credit"):
            entry.taken_back(300)


def test_it_appears_in_the_members_history() -> None:
    item = entry_item("acme", BACK)

    assert (item["member"], item["points"]) == ({"S": "acme#5"}, {"N": "-30"})
    assert entry_of(item) == BACK


def test_any_account_that_is_there_is_changed_whatever_its_status() -> None:
    request = build_credit_transaction(
        [Group(5, (BACK,))], client_id="acme", ledger_table="L", members_table="M"
    )
    update = request["TransactItems"][1]["Update"]

    assert update["ConditionExpression"] == "attribute_exists(#key)"
    assert update["ExpressionAttributeValues"][":balance"] == {"N": "-30"}
    assert "#status" not in update["ExpressionAttributeNames"]


def test_an_account_that_is_gone_leaves_the_entries_to_be_written_alone() -> None:
    missing = {"Code": "ConditionalCheckFailed"}

    reading = read_reasons([Group(5, (BACK,))], [{"Code": "None"}, missing])

    assert reading.rejections == [Group(None, (BACK,))]
    assert (reading.clear, reading.contended, reading.standing) == ([], [], [])


@pytest.mark.parametrize(
    "message", [UndoCells(REF, 0, 3), UndoChunk(REF, 2, 501, 640, Undone(100, 5_000))]
)
def test_a_message_is_read_back_as_it_was_written(message: UndoMessage) -> None:
    assert decode_undo(encode_undo(message)) == message


@pytest.mark.parametrize(
    "change",
    [{"first": 3}, {"end": -1}, {"kind": "report"}, {"v": 2}, {"client": ""}, {"end": "3"}],
)
def test_a_message_that_nobody_here_wrote_is_refused(change: dict[str, object]) -> None:
    fields = json.loads(encode_undo(UndoCells(REF, 0, 3)))

    with pytest.raises(MessageInvalidError):
        decode_undo(json.dumps({**fields, **change}))
