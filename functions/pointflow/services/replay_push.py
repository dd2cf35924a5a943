"""Take a refused push in after all, as if it had been understood when it came."""

from __future__ import annotations

from pointflow.domain.problem import Problem
from pointflow.domain.push_body import read_push
from pointflow.ports.pushes import PushStore, QuarantineAdmin
from pointflow.services.accept_push import Receipt, accept_push


def replay_push(key: str, *, quarantine: QuarantineAdmin, store: PushStore) -> Receipt | Problem:
    """Read a push from quarantine, and let go of it there once it is stored.

    It counts from its original receipt: whatever came later stays the newer one. May be repeated:
    a push that is stored already is a duplicate.

    Returns
    -------
    Receipt or Problem
        With a problem the push stays in quarantine as it is.

    Raises
    ------
    NotFoundError
        There is nothing under that key.
    ContentionError
        The push could not be written in time, and stays in quarantine.
    """
    delivery = quarantine.read(key).delivery
    push = read_push(delivery.body, client_id=delivery.client_id, received_at=delivery.received_at)
    if isinstance(push, Problem):
        return push
    receipt = accept_push(push, received_at=delivery.received_at, store=store)
    quarantine.remove(key)
    return receipt
