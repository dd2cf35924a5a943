"""What a person decides about a HELD file."""

import pytest

from pointflow.domain.errors import ConflictError, NotFoundError
from pointflow.domain.messages import ParsePart, ReportRequest
from pointflow.domain.submission import Status, Submission
from pointflow.services.release_submission import discard_submission, release_submission
from tests.fakes.batch_stage import NOW, BatchStage, ref_of

REF = ref_of()
TWIN = ref_of("v0", name="activities_acme_20251231000000.txt")


@pytest.fixture
def stage() -> BatchStage:
    stage = BatchStage()
    stage.held(REF, TWIN)
    stage.parts.take()
    return stage


def release(stage: BatchStage, at: int = NOW) -> Submission:
    return release_submission(REF, at, store=stage.store, parts=stage.parts)


def discard(stage: BatchStage, at: int = NOW) -> Submission:
    return discard_submission(REF, at, store=stage.store, reports=stage.reports)


def test_a_released_file_goes_on_to_be_parsed(stage: BatchStage) -> None:
    assert release(stage).status is Status.PARSING
    assert stage.parts.take() == [ParsePart(REF, 0, 1)]


def test_releasing_again_sends_the_parts_again_because_the_first_time_may_have_crashed(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(stage.parts, "send_parts", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            release(stage)

    release(stage, at=NOW + 60)

    assert stage.parts.take() == [ParsePart(REF, 0, 1)]


def test_a_discarded_file_is_reported_and_nothing_of_it_is_parsed(stage: BatchStage) -> None:
    assert discard(stage).status is Status.DISCARDED
    assert stage.reports.requested == [ReportRequest(REF, 2)]
    assert stage.parts.sent == []


def test_discarding_again_asks_for_the_report_again(stage: BatchStage) -> None:
    discard(stage)

    discard(stage, at=NOW + 60)

    assert stage.reports.requested == [ReportRequest(REF, 2)] * 2


def test_a_file_that_is_not_held_can_be_neither_released_nor_discarded(stage: BatchStage) -> None:
    with pytest.raises(ConflictError, match="is PARSING, not HELD"):
        release_submission(TWIN, NOW, store=stage.store, parts=stage.parts)
    with pytest.raises(ConflictError, match="is PARSING, not HELD"):
        discard_submission(TWIN, NOW, store=stage.store, reports=stage.reports)


def test_a_released_file_can_no_longer_be_discarded_nor_a_discarded_one_released(
    stage: BatchStage,
) -> None:
    release(stage)
    with pytest.raises(ConflictError, match="is PARSING, not HELD"):
        discard(stage, at=NOW + 60)

    other = BatchStage()
    other.held(REF, TWIN)
    discard(other)
    with pytest.raises(ConflictError, match="is DISCARDED, not HELD"):
        release(other, at=NOW + 60)


def test_an_unknown_file_is_not_found(stage: BatchStage) -> None:
    with pytest.raises(NotFoundError, match="no submission v9 of acme/"):
        release_submission(ref_of("v9"), NOW, store=stage.store, parts=stage.parts)
