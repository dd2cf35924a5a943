"""What a remembered catalog may decide, and what it may not."""

from pointflow.adapters.cached_catalog import CachedCatalog
from pointflow.domain.activity import Activity
from pointflow.domain.client import Client
from pointflow.domain.codes import RowCode
from pointflow.domain.member import Member
from pointflow.domain.messages import Chunk
from pointflow.domain.submission import SubmissionRef
from pointflow.services.decide_rows import decide_rows, read_rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.member_directory import FakeMembers

RECEIVED_AT = 1_767_225_600  # 2026-01-01T00:00:00Z
ENDED = Activity("acme", 7, default_points=50, ends_at=RECEIVED_AT - 1)
OPEN = Activity("acme", 7, default_points=50)
OTHER = Activity("acme", 8, default_points=10)


class Desk:
    """A catalog, what a container remembers of it, and a member to be credited."""

    def __init__(self, *activities: Activity) -> None:
        self.stored = FakeCatalog([Client("acme")], activities)
        self._remembered = CachedCatalog(self.stored, monotonic=lambda: 0.0)
        self._members = FakeMembers([Member("acme", 1, email="ann@example.com")])

    def decide(self, *activity_ids: int) -> list[RowCode | int]:
        """Each row's code, or its points."""
        rows = "".join(f"ann@example.com||||{activity_id}\n" for activity_id in activity_ids)
        chunk = Chunk(
            ref=SubmissionRef("acme", "activities_acme_20260101000000.txt", "v1"),
            cell=0,
            content="c1",
            received_at=RECEIVED_AT,
            segments=((1, len(activity_ids)),),
            rows=rows.encode(),
        )
        entries = decide_rows(
            chunk, read_rows(chunk), catalog=self._remembered, members=self._members, now=0
        )
        return [entry.points if entry.code is None else entry.code for entry in entries]


def test_no_row_is_rejected_for_what_an_activity_was_a_minute_ago() -> None:
    desk = Desk(ENDED, OTHER)
    assert desk.decide(7) == [RowCode.ACTIVITY_INACTIVE]

    desk.stored.put_activity(OPEN)

    assert desk.decide(7, 8, 7) == [50, 10, 50]


def test_only_the_activities_that_would_reject_are_read_again() -> None:
    desk = Desk(ENDED, OTHER)
    desk.decide(8)
    desk.stored.activity_reads.clear()

    assert desk.decide(7, 8, 7) == [RowCode.ACTIVITY_INACTIVE, 10, RowCode.ACTIVITY_INACTIVE]
    assert desk.stored.activity_reads == [{7}, {7}]


def test_an_activity_that_comes_to_be_while_rows_are_decided_is_found() -> None:
    desk = Desk(OTHER)
    desk.stored.after_read = lambda: desk.stored.put_activity(OPEN)

    assert desk.decide(7, 8) == [50, 10]
    assert desk.stored.activity_reads == [{7, 8}, {7}]


def test_an_unknown_activity_is_read_once_more_and_then_rejected() -> None:
    desk = Desk(OTHER)

    assert desk.decide(9, 8, 9) == [RowCode.ACTIVITY_UNKNOWN, 10, RowCode.ACTIVITY_UNKNOWN]
    assert desk.stored.activity_reads == [{8, 9}, {9}]


def test_what_is_credited_is_priced_as_remembered() -> None:
    desk = Desk(OPEN)
    desk.decide(7)

    desk.stored.put_activity(Activity("acme", 7, default_points=75))

    assert desk.decide(7) == [50]
