"""How submissions, cells and outcomes are written, and read back as they were."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.adapters import submission_items as items
from pointflow.adapters import submission_keys as keys
from pointflow.domain.submission import (
    CellClose,
    CellMeasure,
    ChunkOutcome,
    Plan,
    Status,
    Submission,
    SubmissionRef,
    Tally,
)

NAME = "activities_acme_20260101000000.txt"
REF = SubmissionRef("acme", NAME, "v1")
RECEIVED = Submission(
    REF, Status.RECEIVED, Plan(150, 1_700_000_000, 100, 500, 100_000, 1), updated_at=1_700_000_005
)

counts = st.integers(0, 10**15)
codes = st.dictionaries(
    st.sampled_from(["COLUMN_COUNT", "MEMBER_NOT_FOUND", "c_ODD", "w_ODD"]), st.integers(1, 10**9)
)
tallies = st.builds(Tally, counts, counts, counts, counts, counts, codes, codes)
cells = st.integers(0, 999_999)
words = st.text(min_size=1)


def test_keys_are_laid_out_as_documented() -> None:
    batch = f"acme/{NAME}"
    assert {
        "batch": _key_text(keys.batch_key("acme", NAME)),
        "upload": _key_text(keys.upload_key(REF)),
        "content": _key_text(keys.content_key("acme", "abc")),
        "cell": _key_text(keys.cell_key(REF, 7)),
        "chunk": _key_text(keys.chunk_key(REF, 7, 501)),
        "last try": _key_text(keys.last_try_key(REF, 7, 501)),
    } == {
        "batch": (batch, "BATCH"),
        "upload": (batch, "UPLOAD#v1"),
        "content": ("acme/CONTENT#abc", "CONTENT"),
        "cell": (f"{batch}#v1", "CELL#000007"),
        "chunk": (f"{batch}#v1#7", "CHUNK#000000000501"),
        "last try": (f"{batch}#v1#7", "LAST#000000000501"),
    }


def test_full_chunks_of_500_rows_are_counted_on_every_counter() -> None:
    counters = {_key_text(keys.counter_key(REF, 0, line)) for line in range(1, 100_000, 500)}
    expected = {(f"acme/{NAME}#v1#0", f"COUNT#{shard}") for shard in range(8)}
    assert counters == expected


@given(words, words.filter(lambda version: "\n" not in version))
def test_a_reference_in_an_attribute_is_read_back(file_name: str, version: str) -> None:
    ref = SubmissionRef("acme", file_name, version)
    assert keys.read_ref("acme", keys.ref_text(ref)) == ref


def test_a_submission_is_read_back_as_it_was_received() -> None:
    assert items.read_submission(items.submission_item(RECEIVED)) == RECEIVED


def test_a_received_submission_stands_in_both_indexes() -> None:
    item = items.submission_item(RECEIVED)
    assert item["client_id"] == {"S": "acme"}
    assert item["received_sort"] == {"S": f"001700000000#{NAME}#v1"}
    assert item["open"] == {"S": "OPEN"}
    assert item["updated_at"] == {"N": "1700000005"}


def test_a_sort_key_never_outgrows_its_limit_nor_cuts_a_character() -> None:
    ref = SubmissionRef("acme", "é" * 600, "v1")
    sort = items.received_sort(ref, 1)
    assert len(sort.encode()) <= 1024
    assert sort.startswith("000000000001#éé")
    assert set(sort[13:]) == {"é"}


@pytest.mark.parametrize(
    ("status", "twin"),
    [
        (Status.DUPLICATE, "v0"),
        (Status.HELD, "acme/other.txt"),
        (Status.PARSING, "acme/other.txt"),
        (Status.DISCARDED, "acme/other.txt"),
    ],
)
def test_a_twin_is_a_version_of_the_own_name_or_another_batch(status: Status, twin: str) -> None:
    item = items.submission_item(replace(RECEIVED, status=status)) | {
        "twin": {"S": "other.txt\nv0"}
    }
    assert items.read_submission(item).twin == twin
    assert items.read_twin(item) == SubmissionRef("acme", "other.txt", "v0")


@given(tallies)
def test_a_tally_is_read_back_from_its_counters(tally: Tally) -> None:
    assert items.read_tally(items.tally_attributes(tally)) == tally


def test_an_item_without_counters_counts_nothing() -> None:
    assert items.read_tally({}) == Tally()
    assert items.tally_attributes(Tally()) == {}
    assert items.read_outcome_count({}) == 0


@given(cells, counts, words, st.none() | counts)
def test_a_measure_is_read_back(
    cell: int, newlines: int, sha256: str, first_row: int | None
) -> None:
    measure = CellMeasure(cell, newlines, sha256, first_row)
    item = keys.cell_key(REF, cell) | items.measure_attributes(measure)
    assert items.read_measure(item) == measure
    assert items.read_close(item) is None


@given(cells, counts, tallies, st.none() | words)
def test_a_close_is_read_back(cell: int, chunks: int, tally: Tally, rejects: str | None) -> None:
    close = CellClose(cell, chunks, tally, rejects)
    item = keys.cell_key(REF, cell) | items.close_attributes(close)
    assert items.read_close(item) == close
    assert items.read_measure(item) is None


@given(st.builds(ChunkOutcome, cells, counts, counts, words, tallies, st.none() | words))
def test_an_outcome_is_read_back(outcome: ChunkOutcome) -> None:
    assert items.read_outcome(items.outcome_item(REF, outcome, at=5)) == outcome


def test_who_holds_a_content_is_read_even_when_nobody_does() -> None:
    assert items.read_holders({}) == frozenset()
    assert items.read_holders({"holders": {"SS": ["a\nv1", "b\nv2"]}}) == {"a\nv1", "b\nv2"}


def _key_text(key: dict[str, keys.Attribute]) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]
