"""Who is refused while somebody else writes: the conflicts that no emulator answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes.dynamodb_transactions import TransactingDynamoDB


def put(key: str, value: int = 1, condition: str | None = None) -> dict[str, Any]:
    body = {"TableName": "Members", "Item": {"key": {"S": key}, "n": {"N": str(value)}}}
    return body | ({"ConditionExpression": condition} if condition else {})


def puts(*keys: str, value: int = 1) -> dict[str, Any]:
    return {"TransactItems": [{"Put": put(key, value)} for key in keys]}


class Meanwhile:
    """Tries something while somebody else's write is under way, and remembers the answer."""

    def __init__(self, attempt: Callable[[TransactingDynamoDB], object]) -> None:
        self.answers: list[str] = []
        self._waiting = [attempt]
        self.dynamodb = TransactingDynamoDB({"Members": "key"}, seconds=1, sleep=self._sleep)

    def _sleep(self, _seconds: float) -> None:
        if not self._waiting:  # the attempt itself takes its time
            return
        try:
            self._waiting.pop()(self.dynamodb)
        except ClientError as error:
            response: Any = error.response
            reasons = response.get("CancellationReasons", [{"Code": response["Error"]["Code"]}])
            self.answers.append(" ".join(reason["Code"] for reason in reasons))
        else:
            self.answers.append("done")


@pytest.mark.parametrize(
    ("attempt", "answer"),
    [
        (lambda d: d.transact_write_items(**puts("b", "c")), "TransactionConflict None"),
        (lambda d: d.transact_write_items(**puts("c", "d")), "done"),
        (lambda d: d.put_item(**put("a")), "TransactionConflictException"),
        (lambda d: d.put_item(**put("c")), "done"),
        (lambda d: d.get_item(TableName="Members", Key={"key": {"S": "a"}}), "done"),
    ],
)
def test_a_transaction_under_way_refuses_whoever_writes_its_items(
    attempt: Callable[[TransactingDynamoDB], object], answer: str
) -> None:
    meanwhile = Meanwhile(attempt)

    meanwhile.dynamodb.transact_write_items(**puts("a", "b", value=7))

    assert meanwhile.answers == [answer]
    written = meanwhile.dynamodb.tables["Members"]
    assert [written[key]["n"] for key in "ab"] == [{"N": "7"}] * 2


def test_what_a_transaction_writes_is_seen_only_when_it_is_done() -> None:
    found: list[Any] = []
    key = {"key": {"S": "a"}}
    meanwhile = Meanwhile(lambda d: found.append(d.get_item(TableName="Members", Key=key)))

    meanwhile.dynamodb.transact_write_items(**puts("a"))

    assert found == [{}]


def test_a_single_write_under_way_refuses_transactions_and_no_other_write() -> None:
    for attempt, answer in (
        (lambda d: d.transact_write_items(**puts("x", "a")), "None TransactionConflict"),
        (lambda d: d.put_item(**put("a", 1)), "done"),
    ):
        meanwhile = Meanwhile(attempt)
        meanwhile.dynamodb.put_item(**put("a", 2))
        assert meanwhile.answers == [answer]
        assert meanwhile.dynamodb.tables["Members"]["a"]["n"] == {"N": "2"}


def test_a_transaction_that_is_refused_holds_what_it_could_have_had_until_it_is_undone() -> None:
    meanwhile = Meanwhile(lambda d: d.put_item(**put("a")))
    refused = {"TransactItems": [{"Put": put("a")}, {"Put": put("b", 1, "attribute_exists(key)")}]}

    with pytest.raises(ClientError, match="cancelled"):
        meanwhile.dynamodb.transact_write_items(**refused)
    meanwhile.dynamodb.put_item(**put("a"))  # nobody holds it any more

    assert meanwhile.answers == ["TransactionConflictException"]


def test_reasons_of_all_kinds_stand_side_by_side() -> None:
    dynamodb = TransactingDynamoDB({"Members": "key"})
    actions = [{"Put": put("a")}, {"Put": put("b", 1, "attribute_exists(key)")}, {"Put": put("c")}]

    with dynamodb.held("Members", "a"), pytest.raises(ClientError) as cancelled:
        dynamodb.transact_write_items(TransactItems=actions)

    response: Any = cancelled.value.response
    assert [reason["Code"] for reason in response["CancellationReasons"]] == [
        "TransactionConflict",
        "ConditionalCheckFailed",
        "None",
    ]
    assert dynamodb.tables["Members"] == {}
    assert dynamodb.conflicts_answered == 1


def test_an_index_may_lag_behind_its_table() -> None:
    dynamodb = TransactingDynamoDB({"Ledger": "identity"}, indexes={"MemberIndex": ("m", "at")})

    def found() -> int:
        answer = dynamodb.query(
            TableName="Ledger",
            IndexName="MemberIndex",
            KeyConditionExpression="m = :m",
            ExpressionAttributeValues={":m": {"S": "1"}},
        )
        return len(answer["Items"])

    dynamodb.lag("Ledger", "MemberIndex", queries=2)
    dynamodb.put("Ledger", {"identity": {"S": "i"}, "m": {"S": "1"}, "at": {"N": "5"}})

    assert [found(), found(), found()] == [0, 0, 1]
