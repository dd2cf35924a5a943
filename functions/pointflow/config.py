"""The environment of the functions, modelled once and read lazily."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Config:
    """What template.yaml hands to a function. A name that a function was not given is empty.

    `jobs` is what the stack is for: `both`, `batch` or `expirations`. `sftp_server` is the id of
    its SFTP server, empty without one.
    `cell_bytes` and `chunk_bytes` are bytes, `max_receive_count` is the redrive limit of the
    queue the function reads, `credit_visibility_seconds` the visibility timeout of CreditQueue.
    """

    catalog_table: str
    members_table: str
    ledger_table: str
    batches_table: str
    bucket: str
    part_queue_url: str
    credit_queue_url: str
    report_queue_url: str
    undo_queue_url: str
    batch_topic_arn: str
    cell_bytes: int
    chunk_rows: int
    chunk_bytes: int
    max_receive_count: int
    credit_visibility_seconds: int
    jobs: str = "both"
    sftp_server: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Config:
        """Read the settings from environment variables."""
        return cls(
            catalog_table=env.get("CATALOG_TABLE", ""),
            members_table=env.get("MEMBERS_TABLE", ""),
            ledger_table=env.get("LEDGER_TABLE", ""),
            batches_table=env.get("BATCHES_TABLE", ""),
            bucket=env.get("BUCKET", ""),
            part_queue_url=env.get("PART_QUEUE_URL", ""),
            credit_queue_url=env.get("CREDIT_QUEUE_URL", ""),
            report_queue_url=env.get("REPORT_QUEUE_URL", ""),
            undo_queue_url=env.get("UNDO_QUEUE_URL", ""),
            batch_topic_arn=env.get("BATCH_TOPIC_ARN", ""),
            cell_bytes=int(env.get("CELL_BYTES", 16 * 1024 * 1024)),
            chunk_rows=int(env.get("CHUNK_ROWS", 500)),
            chunk_bytes=int(env.get("CHUNK_BYTES", 100_000)),
            max_receive_count=int(env.get("MAX_RECEIVE_COUNT", 10)),
            credit_visibility_seconds=int(env.get("CREDIT_VISIBILITY_SECONDS", 360)),
            jobs=env.get("JOBS", "both"),
            sftp_server=env.get("SFTP_SERVER", ""),
        )


@cache
def config() -> Config:
    """The settings of this process."""
    return Config.from_env(os.environ)
