"""Crediting broken on servers that speak DynamoDB: every write, and the processes themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.domain.activity import Activity
from pointflow.domain.member import Member, MemberStatus
from tests.fakes.client_faults import SINGLE_WRITES, TRANSACTION, answer_lost
from tests.fakes.faults import Faults
from tests.fakes.programme import CLIENT, Programme
from tests.integration.killing import credit_with_killed_workers
from tests.integration.tables import fresh_tables

pytestmark = pytest.mark.timeout(300)

ROWS = ["a@x||||7|10", "b@x||||7|1", "no@x||||7", "bad", "c@x||||7", "a@x||||7"]
BREAKS: Mapping[str, Callable[[int], Faults]] = {
    "dies before": lambda position: Faults(position, "before"),
    "dies after": lambda position: Faults(position, "after"),
    "answer lost": lambda position: Faults(position, instead=answer_lost),
}


def programme(dynamodb: DynamoDBClient, tables: Mapping[str, str]) -> Programme:
    made = Programme(dynamodb, tables)
    made.fill(
        [
            Member(CLIENT, 1, email="a@x", balance=1_000),
            Member(CLIENT, 2, email="b@x"),
            Member(CLIENT, 3, email="c@x", status=MemberStatus.INACTIVE),
        ],
        [Activity(CLIENT, 7, default_points=50)],
    )
    made.upload(ROWS)
    return made


# On the reference alone: the local AWS would take as long again and answers no differently.
@pytest.mark.parametrize("dynamodb", ["dynamodb-local"], indirect=True)
@pytest.mark.parametrize("broken", sorted(BREAKS))
def test_a_break_at_any_write_of_the_batch_job_changes_nothing(
    dynamodb: DynamoDBClient, broken: str
) -> None:
    with fresh_tables(dynamodb) as tables:
        undisturbed, recorded = programme(dynamodb, tables), Faults()
        undisturbed.run(recorded)
        expected = undisturbed.left_behind()
        assert undisturbed.verify().drifts == ()
    writes = [
        position
        for position, name in enumerate(recorded.calls)
        if name in SINGLE_WRITES | {TRANSACTION}
    ]
    assert len(writes) > 15
    for position in writes:
        with fresh_tables(dynamodb) as tables:
            made = programme(dynamodb, tables)
            made.run(BREAKS[broken](position))
            assert made.left_behind() == expected
            found = made.verify()
            assert (found.drifts, found.errors, found.round_.moving) == ((), (), 0)


def test_processes_killed_in_the_middle_of_a_batch_lose_and_double_nothing(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], tmp_path: Path
) -> None:
    credit_with_killed_workers(dynamodb, tables, tmp_path, rows=400, members=20, kills=4, workers=2)
