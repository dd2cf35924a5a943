from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import FileCode, RowCode
from pointflow.domain.errors import TransientError
from pointflow.domain.lines import BOM
from pointflow.services.validate_file import FileReader, ValidationReport, Verdict, validate
from tests.unit.parsing import GOOD, blocks_of, files, naive_scan, plan_of

NAME = "activities_acme_20240101000000.txt"


def reader(data: bytes, block: int = 1 << 20) -> FileReader:
    def read(start: int, end: int) -> Iterator[bytes]:
        return blocks_of(data[start:end], block)

    return read


def check(
    data: bytes, name: str = NAME, *, client_id: str | None = None, cell_bytes: int = 1 << 26
) -> ValidationReport:
    plan = plan_of(data, cell_bytes)
    return validate(reader(data), name=name, plan=plan, client_id=client_id)


def refused_for(report: ValidationReport) -> FileCode:
    assert report.status is Verdict.REFUSED
    assert report.refusal is not None
    assert (report.rows, report.accepted, report.rejected, report.errors) == (0, 0, 0, ())
    return report.refusal.code


def test_a_file_of_good_rows_is_valid() -> None:
    report = check(BOM + GOOD + b"\r\n\n" + GOOD.replace(b"ann", b"bob"))
    assert report == ValidationReport(NAME, rows=2, blank=1)
    assert (report.status, report.accepted) == (Verdict.VALID, 2)


def test_a_file_with_bad_rows_tells_them_apart() -> None:
    report = check(GOOD + b"\nbad\n" + GOOD + b"|x\nworse\n")
    assert report.status is Verdict.REJECTS
    assert (report.rows, report.accepted, report.rejected, report.blank) == (4, 1, 3, 0)
    assert report.counts == {"COLUMN_COUNT": 2, "POINTS_INVALID": 1}
    assert [(reject.line, reject.code) for reject in report.errors] == [
        (2, RowCode.COLUMN_COUNT),
        (3, RowCode.POINTS_INVALID),
        (4, RowCode.COLUMN_COUNT),
    ]


def test_a_file_whose_every_row_is_rejected_is_not_refused() -> None:
    report = check(b"bad\n")
    assert (report.status, report.accepted, report.rejected) == (Verdict.REJECTS, 0, 1)


def test_warnings_are_counted() -> None:
    report = check(b"null|8|||9\nNULL|8||null|9\n" + b"|8|||9\n" * 3)
    assert report.status is Verdict.VALID
    assert report.warnings == {"NULL_LITERAL": 3, "DUPLICATE_ROW": 2}


def test_the_report_holds_the_first_errors_and_the_callback_hears_of_all() -> None:
    heard: list[RejectedRow] = []
    data = b"bad\n" * 5
    report = validate(
        reader(data), name=NAME, plan=plan_of(data, 7), max_errors=2, on_reject=heard.append
    )
    assert [reject.line for reject in report.errors] == [1, 2]
    assert (report.errors_truncated, report.rejected) == (True, 5)
    assert [reject.line for reject in heard] == [1, 2, 3, 4, 5]


def test_errors_are_not_truncated_when_the_report_holds_them_all() -> None:
    data = b"bad\n" * 2
    report = validate(reader(data), name=NAME, plan=plan_of(data, 1 << 20), max_errors=2)
    assert not report.errors_truncated


def test_progress_ends_with_the_whole_file() -> None:
    data = (GOOD + b"\n") * 100
    told: list[int] = []
    validate(reader(data, 256), name=NAME, plan=plan_of(data, 1_000), on_progress=told.append)
    assert told[-1] == len(data)
    assert len(told) > 5


def test_file_name_invalid() -> None:
    assert refused_for(check(GOOD, "points.txt")) is FileCode.FILE_NAME_INVALID


def test_an_unfinished_upload_is_refused() -> None:
    assert refused_for(check(GOOD, NAME + ".filepart")) is FileCode.FILE_NAME_INVALID


def test_client_mismatch() -> None:
    assert refused_for(check(GOOD, client_id="other")) is FileCode.CLIENT_MISMATCH
    assert check(GOOD, client_id="acme").status is Verdict.VALID


def test_file_not_text() -> None:
    assert refused_for(check("a||||9".encode("utf-16"))) is FileCode.FILE_NOT_TEXT


@pytest.mark.parametrize("data", [b"", b"\n\n", BOM, b" \r\n \r", b" " * 5_000])
def test_file_empty(data: bytes) -> None:
    assert refused_for(check(data)) is FileCode.FILE_EMPTY


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("x.txt", b"\x1f\x8b", FileCode.FILE_NAME_INVALID),
        (NAME, b"\x1f\x8b", FileCode.CLIENT_MISMATCH),
        (NAME.replace("acme", "other"), b"\xff\xfe", FileCode.FILE_NOT_TEXT),
        (NAME.replace("acme", "other"), b"\n", FileCode.FILE_EMPTY),
    ],
)
def test_refusals_are_decided_in_the_order_of_the_stack(
    name: str, data: bytes, code: FileCode
) -> None:
    assert refused_for(check(data, name, client_id="other")) is code


def test_a_refused_name_is_refused_without_reading() -> None:
    def unreadable(start: int, end: int) -> Iterator[bytes]:
        raise AssertionError((start, end))

    report = validate(unreadable, name="x.txt", plan=plan_of(b"", 1 << 20))
    assert refused_for(report) is FileCode.FILE_NAME_INVALID


def test_a_file_that_shrinks_while_it_is_read_is_no_shorter_file() -> None:
    with pytest.raises(TransientError):
        validate(reader(GOOD), name=NAME, plan=plan_of(GOOD + b"\n" + GOOD, 1 << 20))


@given(files, st.integers(3, 300))
def test_the_report_adds_up_and_agrees_with_the_rulings_spelt_out(data: bytes, cell: int) -> None:
    report = check(data, cell_bytes=max(cell, len(data) // 100))
    if report.status is Verdict.REFUSED:
        return
    spelt_out = naive_scan(data)
    assert report.accepted == len(spelt_out.rows)
    assert list(report.errors) == spelt_out.rejects
    assert report.rejected == sum(report.counts.values()) == len(spelt_out.rejects)
    assert report.rows == report.accepted + report.rejected
    assert report.blank == spelt_out.blank
    assert report.warnings.get("NULL_LITERAL", 0) == spelt_out.nulls
