"""Which clients' files were due and did not come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from pointflow.domain.client import Client
from pointflow.domain.submission import Status
from pointflow.ports.submissions import SubmissionStore

NO_FILE = frozenset({Status.REFUSED, Status.DUPLICATE, Status.DISCARDED})
"""What was uploaded and is not the file that is waited for."""

NEWEST = 1_000
"""How many uploads are looked at: a client that was refused this often is missing a file."""


def find_missing_files(
    expecting: Iterable[Client], *, store: SubmissionStore, now: int
) -> tuple[str, ...]:
    """The clients whose file is missing, by id.

    Parameters
    ----------
    expecting : iterable of Client
        Those without an expectation are passed over.
    store : SubmissionStore
    now : int
        Seconds since the epoch.
    """
    return tuple(
        client.client_id
        for client in expecting
        if client.expects is not None
        and not _came(client.client_id, client.expects.waits_since(now), store)
    )


def _came(client_id: str, since: int, store: SubmissionStore) -> bool:
    newest = store.listing(client_id, limit=NEWEST)
    recent = takewhile(lambda submission: submission.plan.received_at > since, newest)
    return any(submission.status not in NO_FILE for submission in recent)
