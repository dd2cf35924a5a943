import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.errors import PermanentError
from pointflow.domain.reject_lines import decode_rejects, encode_reject
from tests.unit.parsing import blocks_of

rejects = st.builds(
    RejectedRow,
    line=st.integers(1, 10**12),
    raw=st.one_of(st.none(), st.binary(max_size=40)),
    code=st.sampled_from(RowCode),
    field=st.one_of(st.none(), st.just("EMAIL")),
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)


def test_a_rejected_row_is_one_line_of_ascii_json() -> None:
    line = encode_reject(RejectedRow(3, "é\n".encode(), RowCode.COLUMN_COUNT, None, "two\nlines"))
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "line": 3,
        "code": "COLUMN_COUNT",
        "field": None,
        "message": "two\nlines",
        "raw": "é\n",
    }


@given(st.lists(rejects, max_size=5), st.integers(1, 100))
def test_rejects_come_back_as_they_were_wherever_the_stream_is_cut(
    rows: list[RejectedRow], size: int
) -> None:
    data = b"".join(map(encode_reject, rows))
    assert list(decode_rejects(blocks_of(data, size))) == rows


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf0\x9f\x98\x80", b"\x00\r", b"", b"\xe9"]
)
def test_bytes_of_any_kind_survive(raw: bytes) -> None:
    row = RejectedRow(1, raw, RowCode.ENCODING_INVALID, None, "")
    assert list(decode_rejects([encode_reject(row)])) == [row]


@pytest.mark.parametrize(
    "line",
    [
        b"secret@x||||9\n",
        b"[]\n",
        b"{}\n",
        b'{"line": 1, "code": "NO_SUCH", "field": null, "message": "", "raw": null}\n',
        b'{"line": 1, "code": "COLUMN_COUNT", "field": null, "message": "", "raw": 7}\n',
        b"\xff\n",
        encode_reject(RejectedRow(1, b"", RowCode.COLUMN_COUNT, None, ""))[:-9],
    ],
)
def test_a_foreign_or_torn_line_is_an_error_that_repeats_no_data(line: bytes) -> None:
    with pytest.raises(PermanentError) as raised:
        list(decode_rejects([line]))
    assert "secret" not in str(raised.value)
