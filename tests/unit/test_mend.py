"""Rejected rows on their way back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.batch_row import Row, parse_row
from pointflow.domain.codes import RowCode
from pointflow.domain.mend import dated
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME, NOW, ref_of, reject

OUT = "activities_acme_20260102000000.txt"
DAY = 86_400


@pytest.mark.parametrize(
    ("sent", "goes_back"),
    [
        (b"a@b.c||||7", b"a@b.c||||7||9"),
        (b"a@b.c||||7|5", b"a@b.c||||7|5|9"),
        (b"a@b.c||||7|5|", b"a@b.c||||7|5|9"),
        (b"a@b.c||||7|5| Null \r", b"a@b.c||||7|5|9"),
        (b"a@b.c||||7|5|8", b"a@b.c||||7|5|8"),
        (b"\xff||||7", b"\xff||||7||9"),
        (b"a|b", None),
        (b"1|2|3|4|5|6|7|8", None),
    ],
)
def test_a_row_without_a_date_gets_that_of_its_files_receipt(
    sent: bytes, goes_back: bytes | None
) -> None:
    assert dated(sent, 9) == goes_back


FIELD = st.sampled_from(["", " ", "null", "7", "12", " 5 "])


@given(st.lists(FIELD, min_size=5, max_size=7))
def test_whatever_a_row_says_it_says_again_on_another_day(fields: list[str]) -> None:
    raw = "|".join(["a@b.c", *fields[1:]]).encode()
    then = parse_row(raw, received_at=NOW, is_first=False)

    again = parse_row(dated(raw, NOW) or b"", received_at=NOW + 30 * DAY, is_first=False)

    if isinstance(then, Row):
        assert isinstance(again, Row)
        wanted = then.activity_date if then.activity_date is not None else NOW
        assert again == then._replace(activity_date=wanted, nulls=again.nulls)
    else:
        assert again == then


def finished(desk: Desk) -> None:
    stage, ref = desk.stage, ref_of()
    stage.planned(ref)
    stage.closed(
        ref,
        0,
        chunks=1,
        rows=6,
        rejects=[
            reject(1, RowCode.HEADER_ROW, b"EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID"),
            reject(2, RowCode.LINE_TOO_LONG, None),
            reject(3, RowCode.POINTS_INVALID, b"a@b.c||||7|x"),
            reject(6, RowCode.COLUMN_COUNT, b"a|b"),
        ],
    )
    member = reject(5, RowCode.MEMBER_NOT_FOUND, b"b@b.c||||7")
    stage.credited(ref, 0, (4, 5), credited=1, rejects=[member])
    stage.settled(ref)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_rejects_go_into_a_file_to_be_mended_with_their_dates(desk: Desk, tmp_path: Path) -> None:
    finished(desk)

    ran = desk.run("batch", "rejects", NAME, "--mend", tmp_path / OUT)

    assert ran.code == 0
    assert (tmp_path / OUT).read_bytes() == (
        f"a@b.c||||7|x|{NOW}\nb@b.c||||7||{NOW}\na|b\n".encode()
    )
    assert "1 header row left out" in ran.notes
    assert "1 row left out, too long" in ran.notes
    assert "1 row written as sent" in ran.notes
    assert f"pointflow submit {tmp_path / OUT}" in ran.notes.replace("\n", "")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mended.txt", "FILE_NAME_INVALID"),
        ("activities_globex_20260102000000.txt", "CLIENT_MISMATCH"),
        (NAME, "has been sent"),
    ],
)
def test_a_name_that_the_client_cannot_send_is_refused_before_anything_is_written(
    desk: Desk, tmp_path: Path, name: str, why: str
) -> None:
    finished(desk)

    ran = desk.run("batch", "rejects", NAME, "--mend", tmp_path / name)

    assert ran.code == 2
    assert why in ran.error
    assert not (tmp_path / name).exists()


def test_a_file_that_is_there_is_never_written_over(desk: Desk, tmp_path: Path) -> None:
    finished(desk)
    (tmp_path / OUT).write_text("half mended")

    ran = desk.run("batch", "rejects", NAME, "--mend", tmp_path / OUT)

    assert (ran.code, (tmp_path / OUT).read_text()) == (2, "half mended")


def test_a_batch_under_way_or_without_rejects_makes_no_file(desk: Desk, tmp_path: Path) -> None:
    desk.stage.planned(ref_of())
    under_way = desk.run("batch", "rejects", NAME, "--mend", tmp_path / OUT)
    desk.stage.closed(ref_of(), 0, chunks=0, rows=0)
    desk.stage.settled(ref_of())
    nothing = desk.run("batch", "rejects", NAME, "--mend", tmp_path / OUT)

    assert (under_way.code, nothing.code) == (2, 2)
    assert "is PARSING" in under_way.error
    assert "no rows to mend" in nothing.error
    assert not (tmp_path / OUT).exists()
