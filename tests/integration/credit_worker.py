"""A process that credits the chunks of a folder, one file a message, until it is killed or done.

    python -m tests.integration.credit_worker ENDPOINT FOLDER TABLES SEED

TABLES is JSON: name by logical id. A message's file is removed once it is credited, as a queue
forgets a message; until then whoever is started next gets it again. SEED tells the
order in which messages are taken. Says `taken` on a line of its own before each.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import boto3

from pointflow.adapters.clients import SETTINGS
from tests.fakes.programme import Programme
from tests.fakes.queues import Delivery


class FolderObjects:
    """Keeps the rejects that workers write where the next process finds them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, body: bytes, _content_type: str) -> None:
        """Write an object in one step."""
        path = self._folder / key.replace("/", "%")
        half = path.with_name(f"{path.name}.half")
        half.write_bytes(body)
        half.rename(path)


def main() -> None:
    """Credit what is in the folder."""
    endpoint, folder, tables = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=SETTINGS["dynamodb"],
    )
    programme = Programme(dynamodb, tables)
    programme.objects = FolderObjects(folder / "objects")  # type: ignore[assignment]
    worker = programme.worker()
    messages = sorted((folder / "chunks").iterdir())
    random.Random(sys.argv[4]).shuffle(messages)  # noqa: S311 - repeatable, not secret
    for message in messages:
        try:
            body = message.read_text()
        except FileNotFoundError:  # another process was faster
            continue
        sys.stdout.write("taken\n")
        sys.stdout.flush()
        worker.handle(Delivery("chunks", body))
        message.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
