"""The sample clients, members and activities of `samples/`."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

from pointflow.adapters.dynamodb_catalog import DynamoDBCatalog
from pointflow.adapters.dynamodb_members import DynamoDBMembers
from pointflow.domain.client import Client, Matching
from pointflow.services.import_activities import import_activities
from pointflow.services.import_members import import_members
from pointflow.services.import_source import ImportReport
from pointflow_local.clients import local_client
from pointflow_local.errors import LocalStackError
from pointflow_local.state import LocalStack, project_root

SAMPLE_CLIENT = "acme"
"""The client whose details `up --json` prints."""

CLIENTS = "clients.csv"
MEMBERS = "members.csv"
ACTIVITIES = "activities.csv"


def load_samples(stack: LocalStack) -> None:
    """Import the samples.

    Safe to repeat: balances and the settings of clients that are there already are left alone.

    Raises
    ------
    LocalStackError
        A line of the samples cannot be imported.
    """
    dynamodb = local_client(stack, "dynamodb")
    outputs = stack.outputs
    catalog = DynamoDBCatalog(dynamodb, outputs["CatalogTableName"])
    members = DynamoDBMembers(dynamodb, outputs["MembersTableName"], outputs["LedgerTableName"])
    for client in sample_clients():
        if catalog.client(client.client_id) is None:
            catalog.put_client(client)
    _check(
        ACTIVITIES,
        import_activities(_path(ACTIVITIES), catalog=catalog),
    )
    _check(
        MEMBERS,
        import_members(_path(MEMBERS), members=members, catalog=catalog, at=int(time.time())),
    )


def sample_clients() -> Iterator[Client]:
    """The clients of the samples, with their settings."""
    for row in _rows(CLIENTS):
        yield Client(row["client_id"], name=row["name"], matching=Matching(row["matching"]))


def sample_members() -> list[tuple[str, int]]:
    """Client and CT user id of every sample member, in the order of the file."""
    return [(row["client_id"], int(row["user_id"])) for row in _rows(MEMBERS)]


def _check(name: str, report: ImportReport) -> None:
    for error in report.errors:
        raise LocalStackError(f"samples/{name}, line {error.line}: {error}", "mend the sample")


def _rows(name: str) -> Iterator[dict[str, str]]:
    with _path(name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _path(name: str) -> Path:
    return project_root() / "samples" / name
