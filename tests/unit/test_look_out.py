"""What a person has to see to: files that did not come, pushes that wait."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pointflow.domain.client import Client
from pointflow.domain.expectation import parse_expectation
from pointflow.domain.submission import Status, SubmissionRef
from pointflow.services.look_out import Sights, look_out
from tests.contracts.submission_samples import submission
from tests.fakes.catalog import FakeCatalog
from tests.fakes.submission_store import FakeSubmissionStore

MONDAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
HOUR = 3600
DUE = 6 * HOUR
DAY = 24 * HOUR
ACME = Client("acme", expects=parse_expectation("06:00"))


class Waiting:
    def __init__(self, pushes: int = 0) -> None:
        self._pushes = pushes

    def count(self) -> int:
        return self._pushes


def sights(*uploads: tuple[int, Status], now: int, client: Client = ACME) -> Sights:
    """What is seen `now` seconds after Monday began, with uploads at such times."""
    store = FakeSubmissionStore()
    for number, (at, status) in enumerate(uploads):
        received = submission(SubmissionRef("acme", f"file {number}", f"v{number}"), MONDAY + at)
        store.receive(replace(received, status=status))
    return look_out(MONDAY + now, catalog=FakeCatalog([client]), store=store, quarantine=Waiting(3))


def test_a_file_that_came_before_its_deadline_is_not_missing() -> None:
    assert sights((5 * HOUR, Status.COMPLETED), now=DUE).files_missing == ()


def test_a_file_that_did_not_come_by_its_deadline_is_missing_until_it_comes() -> None:
    yesterdays = (-19 * HOUR, Status.COMPLETED)
    late = (9 * HOUR, Status.PARSING)

    assert sights(yesterdays, now=DUE - 1).files_missing == ()
    assert sights(yesterdays, now=DUE).files_missing == ("acme",)
    assert sights(yesterdays, late, now=10 * HOUR).files_missing == ()
    # Whether it came late or early nobody can tell, so it stands for the next day's too.
    assert sights(yesterdays, late, now=DAY + DUE).files_missing == ()
    assert sights(yesterdays, late, now=2 * DAY + DUE).files_missing == ("acme",)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.DUPLICATE, Status.DISCARDED])
def test_what_is_no_file_of_its_own_does_not_count(status: Status) -> None:
    refused = (5 * HOUR, status)

    assert sights(refused, now=DUE).files_missing == ("acme",)
    assert sights((4 * HOUR, Status.HELD), refused, now=DUE).files_missing == ()


def test_nobody_waits_for_a_client_without_an_expectation() -> None:
    assert sights(now=DUE, client=Client("acme")).files_missing == ()


def test_pushes_in_quarantine_are_counted() -> None:
    assert sights(now=DUE).pushes_in_quarantine == 3
