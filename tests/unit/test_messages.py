"""What pointflow writes to its queues comes back as it was; nothing else gets through."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.errors import MessageInvalidError
from pointflow.domain.messages import (
    Chunk,
    MeasureCells,
    MeasurePart,
    ParseCells,
    ParsePart,
    Part,
    ReportRequest,
    decode_chunk,
    decode_part,
    decode_report,
    encode_chunk,
    encode_part,
    encode_report,
    is_part,
)
from pointflow.domain.submission import SubmissionRef
from tests.unit.parsing import segments_of

REF = SubmissionRef("acme", "activities_acme_20251009085320.txt", "v1")
CHUNK = Chunk(
    REF, 2, "c0ffee", 1_760_000_000, ((1, 2), (5, 1)), b"a@b.example||||1\n|2|||1\n|3|||1\n"
)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
refs = st.builds(SubmissionRef, texts, texts, texts, st.booleans())
numbers = st.integers(0, 10**15 - 1)
row_texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
)


@st.composite
def chunks(draw: st.DrawFn) -> Chunk:
    lines = sorted(draw(st.sets(st.integers(1, 10**12), min_size=1, max_size=20)))
    rows = "".join(draw(row_texts) + "\n" for _ in lines)
    return Chunk(
        draw(refs), draw(numbers), draw(texts), draw(numbers), segments_of(lines), rows.encode()
    )


@given(chunks())
def test_a_chunk_survives_its_queue(chunk: Chunk) -> None:
    assert decode_chunk(encode_chunk(chunk)) == chunk


slices = st.tuples(numbers, numbers).filter(lambda cells: cells[0] < cells[1])
parts = (
    st.builds(MeasurePart, refs, numbers)
    | st.builds(ParsePart, refs, numbers, numbers)
    | st.builds(lambda ref, cells: MeasureCells(ref, *cells), refs, slices)
    | st.builds(
        lambda ref, cells, line: ParseCells(ref, cells[0], cells[1], line), refs, slices, numbers
    )
)


@given(parts)
def test_a_part_survives_its_queue(part: Part) -> None:
    body = encode_part(part)

    assert is_part(body)
    assert decode_part(body) == part


@given(st.builds(ReportRequest, refs, numbers))
def test_a_report_request_survives_its_queue(request: ReportRequest) -> None:
    assert decode_report(encode_report(request)) == request


@given(chunks())
def test_a_message_holds_only_characters_that_a_queue_takes(chunk: Chunk) -> None:
    for character in encode_chunk(chunk):
        point = ord(character)
        assert point in {0x9, 0xA, 0xD} or 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or (
            point >= 0x10000
        )  # fmt: skip


@given(st.sets(st.integers(1, 200), min_size=1))
def test_segments_hold_every_line_once_and_never_touch(lines: set[int]) -> None:
    segments = segments_of(sorted(lines))

    assert [n for first, count in segments for n in range(first, first + count)] == sorted(lines)
    assert all(sum(before) < after[0] for before, after in pairwise(segments))


def test_a_credit_message_is_one_line_of_json_and_then_the_rows_as_sent() -> None:
    head, _, rows = encode_chunk(CHUNK).partition("\n")

    assert json.loads(head)["lines"] == "1+2,5+1"
    assert rows == "a@b.example||||1\n|2|||1\n|3|||1\n"


def test_a_chunk_knows_its_first_and_last_line_and_its_rows() -> None:
    assert (CHUNK.first_line, CHUNK.last_line, CHUNK.row_count) == (1, 5, 3)


def head_with(**changes: Any) -> str:
    head, _, rows = encode_chunk(CHUNK).partition("\n")
    return json.dumps(json.loads(head) | changes) + "\n" + rows


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        "[]",
        "null",
        "[" * 100_000,
        encode_part(MeasurePart(REF, 0)),
        encode_chunk(CHUNK)[:-1],
        encode_chunk(CHUNK) + "|4|||1\n",
        encode_chunk(CHUNK).replace("|2|", "|9|"),
        encode_chunk(CHUNK).replace("|2|", "|\ud800|"),
        head_with(v=2),
        head_with(cell=-1),
        head_with(cell=True),
        head_with(cell=1.0),
        head_with(cell=10**15),
        head_with(client=""),
        head_with(client=None),
        head_with(file="\ud800"),
        head_with(lines=""),
        head_with(lines="1+3"),
        head_with(lines="1+2,5+0"),
        head_with(lines="5+1,1+2"),
        head_with(lines="1+2,2+1"),
        head_with(lines="0+3"),
        head_with(lines="1-2"),
        head_with(lines="\u0661+2"),
        head_with(lines="1+" + "9" * 5_000),
        head_with(digest="0" * 64),
        head_with(digest=None),
    ],
)
def test_what_is_no_sound_credit_message_is_refused(body: str) -> None:
    with pytest.raises(MessageInvalidError):
        decode_chunk(body)


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        '{"kind": "credit"}',
        '{"v": 1, "kind": ["parse"]}',
        json.dumps(
            {"v": 1, "kind": "parse", "client": "a", "file": "f", "version": "v", "cell": 0}
        ),
        json.dumps({"v": 1, "kind": "measure", "client": "a", "file": "f", "cell": 0}),
        encode_part(MeasureCells(REF, 3, 3)),
        encode_part(ParseCells(REF, 3, 2, 1)),
        encode_report(ReportRequest(REF, 1)),
    ],
)
def test_what_is_no_sound_part_is_refused(body: str) -> None:
    with pytest.raises(MessageInvalidError):
        decode_part(body)


def test_an_error_never_quotes_the_rows() -> None:
    body = encode_chunk(CHUNK).replace("a@b.example", "c@d.example")

    with pytest.raises(MessageInvalidError) as refused:
        decode_chunk(body)

    assert "c@d.example" not in str(refused.value)


@pytest.mark.parametrize("body", ["", "no json", "[]", '{"Records": []}', "[" * 100_000])
def test_what_has_no_kind_is_no_part(body: str) -> None:
    assert not is_part(body)


def test_only_a_dry_run_says_so_and_nothing_else_counts_as_one() -> None:
    request = ReportRequest(REF, 1)
    assert "dry_run" not in json.loads(encode_report(request))
    fields = json.loads(encode_report(ReportRequest(replace(REF, dry_run=True), 1)))
    assert fields["dry_run"] is True
    with pytest.raises(MessageInvalidError):
        decode_report(json.dumps({**fields, "dry_run": "yes"}))
