"""Takes a push in: checks it, keeps it, and makes it the member's current view if it is the newest.

Two writes and no read. The history is written first and says when the body was first received; the
current view follows. A worker that dies in between leaves a push that is kept but not shown: the
sender, who got no answer, sends it again, and a repeat shows it before it is answered.
"""

from __future__ import annotations

from enum import StrEnum

from pointflow.domain.expiration_view import view_of
from pointflow.domain.problem import Problem, ProblemCode
from pointflow.domain.push import Push
from pointflow.domain.push_body import MAX_BODY_BYTES, read_push
from pointflow.ports.pushes import Delivery, PushStore, Quarantine, Refused


class Receipt(StrEnum):
    """What became of a push. It is stored durably in each case."""

    STORED = "stored"  # it is the current view
    STALE = "stale"  # a newer one is; this one is in the history
    DUPLICATE = "duplicate"  # it was received before


def take_in(delivery: Delivery, *, store: PushStore, quarantine: Quarantine) -> Receipt | Problem:
    """Take a request in, whatever it holds.

    Returns
    -------
    Receipt or Problem
        A body that was refused with `BODY_NOT_JSON` or `PUSH_INVALID` is in quarantine.

    Raises
    ------
    ContentionError
        The push could not be written in time: the sender has to try again.
    """
    problem = _unsupported(delivery)
    if problem is not None:
        return problem
    push = read_push(delivery.body, client_id=delivery.client_id, received_at=delivery.received_at)
    if isinstance(push, Problem):
        quarantine.keep(Refused(delivery, push))
        return push
    return accept_push(push, received_at=delivery.received_at, store=store)


def accept_push(push: Push, *, received_at: int, store: PushStore) -> Receipt:
    """Keep a valid push and show it if it is the newest. `received_at` in milliseconds."""
    first = store.archive(push, received_at)
    is_current = store.show(view_of(push, first.received_at))
    if first.is_repeat:
        return Receipt.DUPLICATE
    return Receipt.STORED if is_current else Receipt.STALE


def _unsupported(delivery: Delivery) -> Problem | None:
    """What can be said before the body is looked at."""
    if len(delivery.body) > MAX_BODY_BYTES:
        return Problem(
            ProblemCode.BODY_TOO_LARGE,
            f"a body has at most {MAX_BODY_BYTES} bytes, this one has {len(delivery.body)}",
        )
    if not _is_json(delivery.content_type):
        return Problem(
            ProblemCode.CONTENT_TYPE_UNSUPPORTED,
            "send the body as content type application/json, in UTF-8",
        )
    if (delivery.content_encoding or "identity").strip().lower() != "identity":
        return Problem(
            ProblemCode.CONTENT_TYPE_UNSUPPORTED, "send the body without a content encoding"
        )
    return None


def _is_json(content_type: str | None) -> bool:
    """Whether a Content-Type is application/json in UTF-8; other parameters are ignored."""
    media_type, *parameters = (content_type or "").lower().split(";")
    if media_type.strip() != "application/json":
        return False
    charsets = [
        value.strip().strip('"')
        for name, _, value in (parameter.partition("=") for parameter in parameters)
        if name.strip() == "charset"
    ]
    return set(charsets) <= {"utf-8", "utf8", "us-ascii"}
