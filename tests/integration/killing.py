"""Kill crediting processes in the middle of their work, until somebody gets it done."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from mypy_boto3_dynamodb import DynamoDBClient

from pointflow.domain.activity import Activity
from pointflow.domain.member import Member
from pointflow.domain.submission import Status
from pointflow.services.receive_upload import Limits
from tests.fakes.faults import Faults
from tests.fakes.programme import CLIENT, Programme

ROOT = Path(__file__).resolve().parents[2]


def credit_with_killed_workers(
    dynamodb: DynamoDBClient,
    tables: Mapping[str, str],
    folder: Path,
    *,
    rows: int,
    members: int,
    kills: int,
    workers: int,
) -> int:
    """Upload a file, credit it with processes that are killed, and check every figure.

    Parameters
    ----------
    dynamodb, tables
        A server that outlives the workers.
    folder : Path
        Empty.
    rows, members : int
        Of the file. Every other row is of one member.
    kills : int
        How many processes are killed at least.
    workers : int
        How many work at once on the same messages.

    Returns
    -------
    int
        How many chunks were found half recorded: some of their rows, but no outcome.
    """
    programme = Programme(dynamodb, tables, limits=Limits(1 << 20, 50, 50_000))
    programme.fill(
        [Member(CLIENT, number, email=f"m{number}@x") for number in range(1, members + 1)],
        [Activity(CLIENT, 7, default_points=50)],
    )
    programme.upload(
        [f"m{1 if line % 2 else 1 + line % members}@x||||7|{line % 10}" for line in range(rows)]
    )
    _take_in(programme, folder)
    (folder / "objects").mkdir()
    chance = random.Random(rows)  # noqa: S311 - repeatable, not secret
    killed = 0
    torn = 0
    while list((folder / "chunks").iterdir()):
        running = [_started(dynamodb, tables, folder, seed) for seed in range(workers)]
        if killed < kills:
            for process in running:
                _kill_in_the_middle(process, chance)
                killed += 1
            torn += _half_recorded(programme)
        for process in running:
            process.wait(timeout=600)
            assert process.stdout is not None
            process.stdout.close()
    assert killed >= kills, "the work was done before anybody was killed"

    programme.run()
    submission = programme.submission()
    points = sum(line % 10 for line in range(rows))
    assert submission.status is Status.COMPLETED
    assert (submission.tally.credited, submission.tally.points) == (rows, points)
    assert sum(programme.balance(number) for number in range(1, members + 1)) == points
    found = programme.verify(pause=time.sleep)
    assert (found.drifts, found.errors, found.round_.moving) == ((), (), 0)
    return torn


def _take_in(programme: Programme, folder: Path) -> None:
    """Run everything but crediting; the chunks become files of the folder."""
    chunks = folder / "chunks"
    chunks.mkdir()
    worker = programme.worker(Faults())
    waiting = programme.queues.waiting
    while waiting:
        delivery = waiting.popleft()
        if delivery.queue == "chunks":
            (chunks / f"{len(list(chunks.iterdir())):06d}").write_text(delivery.body)
        else:
            programme.deliver(delivery, worker)


def _started(
    dynamodb: DynamoDBClient, tables: Mapping[str, str], folder: Path, seed: int
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.integration.credit_worker"),
            *(dynamodb.meta.endpoint_url, str(folder), json.dumps(dict(tables)), str(seed)),
        ],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a chunk that met too much contention fails, and comes again
        text=True,
    )


def _kill_in_the_middle(process: subprocess.Popen[str], chance: random.Random) -> None:
    assert process.stdout is not None
    for _ in range(chance.randint(1, 3)):
        if not process.stdout.readline():
            break
    time.sleep(chance.uniform(0, 0.08))
    process.kill()


def _half_recorded(programme: Programme) -> int:
    """Rows that have their decision while their chunk has no outcome yet, in chunks."""
    tables, dynamodb = programme.tables, programme.dynamodb
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=tables["LedgerTable"], Select="COUNT", ConsistentRead=True
    )
    recorded = sum(page["Count"] for page in pages)
    ref = programme.submission().ref
    counted = sum(each.tally.credited for each in programme.store.outcomes(ref, 0))
    return int(recorded > counted)
