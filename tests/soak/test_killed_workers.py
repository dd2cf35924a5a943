"""50,000 rows credited by processes that are killed again and again."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from pointflow.adapters.clients import SETTINGS
from tests.integration.dynamodb_local import dynamodb_local
from tests.integration.killing import credit_with_killed_workers
from tests.integration.tables import fresh_tables


@pytest.mark.timeout(3_600)
def test_fifty_thousand_rows_survive_the_death_of_their_workers(tmp_path: Path) -> None:
    with dynamodb_local() as server:
        client = boto3.client(
            "dynamodb",
            endpoint_url=server.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=SETTINGS["dynamodb"],
        )
        with fresh_tables(client) as tables:
            torn = credit_with_killed_workers(
                client, tables, tmp_path, rows=50_000, members=2_000, kills=60, workers=3
            )
        client.close()
    # Some of the kills fell between the ledger and the outcome: the hardest place.
    assert torn > 0
