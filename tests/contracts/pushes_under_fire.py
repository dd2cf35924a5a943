"""A thousand pushes from sixteen clients at once, to a store that fails in every way there is.

What is shown, kept and listed in the end has to be right, whoever keeps it: the table, or the fake
that stands for it.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Protocol

import pytest

from pointflow.domain.errors import ContentionError
from pointflow.domain.expiration_view import ExpirationView, ViewChange
from pointflow.domain.iso_time import utc_text
from pointflow.domain.push import KeyKind, MemberKey, Push
from pointflow.domain.push_body import read_push
from pointflow.ports.pushes import MonthIndex, PushStore, ViewReader
from pointflow.services.accept_push import Receipt, accept_push
from pointflow.services.project_expirations import project_expirations

NOW = 1_653_480_000_000  # 2022-05-25T12:00:00Z
MEMBERS = 50
PUSHES = 1_000
CLIENTS = 16
TROUBLE = 0.15
"""The share of writes that go wrong."""

MOST_REDELIVERIES = 40
DAYS = [date(2022, 5, 31) + timedelta(days=15 * each) for each in range(5)]


class Store(PushStore, ViewReader, MonthIndex, Protocol):
    """Everything about pushes in one place."""


class CrashedError(Exception):
    """The worker ended here; its sender gets no answer."""


class Trouble:
    """Decides which writes go wrong, and how. For many threads.

    Attributes
    ----------
    calm : bool
        Nothing goes wrong any more.
    met : dict of str to int
        How often each kind was.
    """

    def __init__(self, kinds: Sequence[str], seed: int) -> None:
        self.kinds = kinds
        self.calm = False
        self.met: dict[str, int] = {}
        self._rng = random.Random(seed)  # noqa: S311 - the same trouble every time
        self._lock = threading.Lock()

    def next(self) -> str | None:
        """What goes wrong with the next write."""
        with self._lock:
            if self.calm or self._rng.random() >= TROUBLE:
                return None
            kind = self._rng.choice(self.kinds)
            self.met[kind] = self.met.get(kind, 0) + 1
            return kind


def pushes(rng: random.Random) -> list[Push]:
    """Twenty a member; some dated alike, so that first receipt and hash decide, some undated."""
    made = []
    for number in range(PUSHES):
        user_id = 1 + number % MEMBERS
        instant = NOW - 1_000 + number // MEMBERS // 2
        body = {
            "user_id": user_id,
            "message_date": utc_text(instant) if number % 10 else None,
            "redemption_period_points_expiration": [
                {"expiration_date": f"{day}", "points_expiring": rng.randint(1, 99)}
                for day in rng.sample(DAYS, k=2)
            ],
            "number": number,
        }
        read = read_push(json.dumps(body).encode(), client_id="acme", received_at=NOW)
        assert isinstance(read, Push)
        made.append(read)
    return made


class Receipts:
    """Receipt times, each later than the one before it."""

    def __init__(self) -> None:
        self._at = NOW
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._at += 1
            return self._at


def deliver(push: Push, store: PushStore, receipts: Receipts) -> Receipt:
    """What a sender does: send it again until there is an answer."""
    for _ in range(MOST_REDELIVERIES):
        try:
            return accept_push(push, received_at=receipts.next(), store=store)
        except (CrashedError, ContentionError):
            continue
    pytest.fail("a push was never answered")


def check_thousand_pushes(
    store: Store, trouble: Trouble, shown: Callable[[], Sequence[ExpirationView]]
) -> None:
    """Send them all, see that all is whole, and project what happened in a mess.

    Parameters
    ----------
    store : Store
        Fails as `trouble` says.
    trouble : Trouble
    shown : callable
        Every view that ever became a current one.
    """
    rng = random.Random(11)  # noqa: S311 - the same order every time
    sent = pushes(rng)
    deliveries = sent + rng.sample(sent, k=PUSHES // 5)
    rng.shuffle(deliveries)
    receipts = Receipts()

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda push: deliver(push, store, receipts), deliveries))

    assert len(answers) == len(deliveries)
    assert set(trouble.met) == set(trouble.kinds)
    trouble.calm = True
    for user_id in range(1, MEMBERS + 1):
        _is_whole(store, user_id, sent[user_id - 1 :: MEMBERS])
    _is_projected_alike(store, shown(), rng)


def _is_whole(store: Store, user_id: int, own: Sequence[Push]) -> None:
    """Every push of a member is kept once, and the newest of them is shown."""
    member = MemberKey("acme", KeyKind.USER_ID, str(user_id))
    kept = store.history(member, None, len(own) + 1)
    assert sorted(each.body for each in kept) == sorted(each.body for each in own)
    newest = max(kept, key=lambda each: each.version)
    shown = store.current(member)
    assert shown is not None
    assert (shown.version, shown.body) == (newest.version, newest.body)


def _is_projected_alike(store: Store, shown: Sequence[ExpirationView], rng: random.Random) -> None:
    """Late, twice and out of order, the changes end in the index of the views that are shown."""
    changes: list[ViewChange] = []
    last: dict[MemberKey, ExpirationView] = {}
    for view in sorted(shown, key=lambda each: each.version):
        changes.append(ViewChange(last.get(view.member), view))
        last[view.member] = view
    told = changes + rng.sample(changes, k=len(changes) // 3)
    rng.shuffle(told)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(lambda each: project_expirations(each, at=NOW, index=store), told))

    listed = {
        (each.member, each.expiration.day): each.expiration.points
        for each in store.entries("acme", DAYS[0], DAYS[-1], wanted=1_000)
        if each.expiration.points
    }
    assert listed == {
        (member, each.day): each.points
        for member, view in last.items()
        for each in view.expirations
    }
    assert all(store.current(member) == view for member, view in last.items())
