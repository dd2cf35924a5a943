"""Views, history, month index and quarantine, in memory, under the rules of the real ones."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date

from pointflow.domain.errors import NotFoundError
from pointflow.domain.expiration_view import (
    ArchivedPush,
    ExpirationView,
    HistoryPosition,
    IndexEntry,
    ViewChange,
)
from pointflow.domain.push import UNDATED_FOR, MemberKey, Push, version_of
from pointflow.domain.push_body import read_push
from pointflow.ports.erasure import Erasure
from pointflow.ports.pushes import FirstReceipt, Refused


class FakeExpirations:
    """`PushStore`, `ViewReader` and `MonthIndex`.

    Attributes
    ----------
    views : dict of MemberKey to ExpirationView
    archived : dict
        History by member, instant (None for an undated push) and digest.
    index : dict of (MemberKey, date) to IndexEntry
    changes : list of ViewChange
        What the table's stream would tell.
    """

    def __init__(self) -> None:
        self.views: dict[MemberKey, ExpirationView] = {}
        self.archived: dict[tuple[MemberKey, int | None, str], ArchivedPush] = {}
        self.index: dict[tuple[MemberKey, date], IndexEntry] = {}
        self.changes: list[ViewChange] = []

    def archive(self, push: Push, received_at: int) -> FirstReceipt:
        place = (push.member, push.instant, push.digest)
        standing = self.archived.get(place)
        if standing is not None:
            first = standing.version.received_at
            if push.instant is not None or received_at - first < UNDATED_FOR:
                return FirstReceipt(first, is_repeat=first != received_at)
        version = version_of(push, received_at)
        self.archived[place] = ArchivedPush(push.member, version, push.message_date, push.body)
        return FirstReceipt(received_at, is_repeat=False)

    def show(self, view: ExpirationView) -> bool:
        standing = self.views.get(view.member)
        if standing is None or standing.version < view.version:
            self.views[view.member] = view
            self.changes.append(ViewChange(standing, view))
            return True
        return standing.version == view.version

    def current(self, member: MemberKey) -> ExpirationView | None:
        return self.views.get(member)

    def history(
        self, member: MemberKey, before: HistoryPosition | None, limit: int
    ) -> Sequence[ArchivedPush]:
        found = [
            push
            for push in self.archived.values()
            if push.member == member and (before is None or push.position < before)
        ]
        return sorted(found, key=lambda push: push.position, reverse=True)[:limit]

    def record(self, entry: IndexEntry) -> bool:
        place = (entry.member, entry.expiration.day)
        standing = self.index.get(place)
        if standing is not None and (
            standing.version > entry.version
            or (standing.version == entry.version and entry.expiration.points)
        ):
            return False
        if standing is not None and not entry.lowered_at:
            entry = replace(entry, lowered_at=standing.lowered_at)
        self.index[place] = entry
        return True

    def erase(self, member: MemberKey, days: Collection[date] = ()) -> Erasure:
        named = {*days}
        view = self.views.get(member)
        pushes = [each for each in self.archived if each[0] == member]
        for place in pushes:
            kept = self.archived[place]
            push = read_push(
                kept.body.encode(),
                client_id=member.client_id,
                received_at=kept.version.received_at,
            )
            assert isinstance(push, Push)
            named |= {each.day for each in push.expirations}
        for day in named:
            self.index.pop((member, day), None)
        if view is not None:
            self.changes.append(ViewChange(self.views.pop(member), None))
        for place in pushes:
            del self.archived[place]
        return Erasure(len(pushes) + (view is not None), frozenset(named))

    def entries(
        self,
        client_id: str,
        first: date,
        last: date,
        after: str | None = None,
        wanted: int = 100,
    ) -> Iterator[IndexEntry]:
        """One entry at a time, each as it stands when it is asked for."""
        reached = after or ""
        places: dict[str, tuple[MemberKey, date]] = {}
        order: list[str] = []
        while True:
            if len(places) < len(self.index):  # none is removed while a list is read
                places = {entry.position: place for place, entry in self.index.items()}
                order = sorted(places)
            ahead = bisect_right(order, reached)
            if ahead == len(order):
                return
            reached = order[ahead]
            entry = self.index[places[reached]]
            if entry.member.client_id == client_id and first <= entry.expiration.day <= last:
                yield entry


class FakeQuarantine:
    """`Quarantine`; what was kept, in order."""

    def __init__(self) -> None:
        self.kept: list[Refused] = []

    def keep(self, refused: Refused) -> None:
        self.kept.append(refused)

    def keys(self, client_id: str) -> Iterator[str]:
        for number, refused in enumerate(self.kept):
            if refused.delivery.client_id == client_id:
                yield str(number)

    def read(self, key: str) -> Refused:
        if not key.isdigit() or int(key) >= len(self.kept):
            raise NotFoundError(f"there is no {key}")
        return self.kept[int(key)]

    def remove(self, key: str) -> None:
        del self.kept[int(key)]
