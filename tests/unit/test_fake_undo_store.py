"""The undo store that use cases are tested with keeps the rules of the real one."""

import pytest

from pointflow.ports.undo import UndoStore
from tests.contracts.undo import UndoContract
from tests.fakes.submission_store import FakeSubmissionStore
from tests.fakes.undo_store import FakeUndoStore


@pytest.fixture
def store() -> FakeSubmissionStore:
    return FakeSubmissionStore()


@pytest.fixture
def undo(store: FakeSubmissionStore) -> UndoStore:
    return FakeUndoStore(store)


class TestUndo(UndoContract):
    pass
