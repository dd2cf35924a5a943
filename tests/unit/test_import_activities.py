"""Importing activities: every line imported, unchanged, or refused with its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointflow.domain.activity import Activity
from pointflow.domain.client import Client
from pointflow.domain.errors import ImportRowError
from pointflow.services.import_activities import import_activities
from pointflow.services.import_source import ImportReport
from tests.fakes.catalog import FakeCatalog

HEADER = "client_id,activity_id,name,default_points,starts_at,ends_at"
SAMPLE = Path(__file__).parents[2] / "samples" / "activities.csv"


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog([Client("acme"), Client("globex")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "activities.csv"


def run(path: Path, catalog: FakeCatalog, *lines: str, header: str = HEADER) -> ImportReport:
    path.write_text("\n".join((header, *lines)), encoding="utf-8")
    return import_activities(path, catalog=catalog)


def refusal(report: ImportReport) -> ImportRowError:
    (error,) = report.errors
    assert report.refused == 1
    return error


def test_the_sample_file_is_imported_whole(catalog: FakeCatalog) -> None:
    report = import_activities(SAMPLE, catalog=catalog)
    assert (report.refused, report.unchanged) == (0, 0)
    assert report.imported > 0


def test_an_activity_is_imported_with_its_window(path: Path, catalog: FakeCatalog) -> None:
    report = run(
        path, catalog, "acme,007,Visit,50,1970-01-01T01:00:00+01:00,1970-01-02", "acme,8,,0,,"
    )
    assert report.imported == 2
    assert Activity("acme", 7, 50, "Visit", starts_at=0, ends_at=86_400) in catalog
    assert Activity("acme", 8, 0) in catalog


def test_importing_again_changes_nothing(path: Path, catalog: FakeCatalog) -> None:
    run(path, catalog, "acme,7,Visit,50,,", "acme,8,Call,5,,")
    report = run(path, catalog, "acme,7,Visit,50,,", "acme,8,Call,6,,")
    assert (report.imported, report.unchanged) == (1, 1)
    assert Activity("acme", 8, 6, "Call") in catalog


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_absent(
    path: Path, catalog: FakeCatalog
) -> None:
    header = "Default_Points, activity_id ,client_id"
    assert run(path, catalog, "50,7,acme", header=header).imported == 1
    assert Activity("acme", 7, 50) in catalog


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00", 60),
        ("1970-01-01 00:01:00-01:00", 3_660),
        ("1970-01-02", 86_400),
        ("1969-12-31T23:59:59Z", -1),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200),
    ],
)
def test_times_are_iso_8601_and_utc_without_an_offset(
    path: Path, catalog: FakeCatalog, text: str, moment: int
) -> None:
    run(path, catalog, f"acme,7,,50,{text},")
    assert Activity("acme", 7, 50, starts_at=moment) in catalog


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (",7,,50,,", "client_id"),
        ("a/b,7,,50,,", "client_id"),
        ("nobody,7,,50,,", "client_id"),
        ("acme,,,50,,", "activity_id"),
        ("acme,0,,50,,", "activity_id"),
        ("acme,1_0,,50,,", "activity_id"),
        ("acme,٣,,50,,", "activity_id"),
        (f"acme,{'1' * 19},,50,,", "activity_id"),
        ("acme,7,,,,", "default_points"),
        ("acme,7,,-1,,", "default_points"),
        ("acme,7,,+5,,", "default_points"),
        ("acme,7,,5.0,,", "default_points"),
        ("acme,7,,1000000001,,", "default_points"),
        (f"acme,7,,{'9' * 5000},,", "default_points"),
        ("acme,7,,50,yesterday,", "starts_at"),
        ("acme,7,,50,1700000000,", "starts_at"),
        ("acme,7,,50,,2024-02-30", "ends_at"),
        ("acme,7,,50,,2024-01-01T00:00:00.5Z", "ends_at"),
        ("acme,7,,50,2024-01-01,2024-01-01", "ends_at"),
        (f"acme,7,{'é' * 128},50,,", "name"),
        ("acme,7,a\x07b,50,,", "name"),
        ("acme,7,50", None),
    ],
)
def test_a_bad_line_is_refused_alone(
    path: Path, catalog: FakeCatalog, line: str, field: str | None
) -> None:
    report = run(path, catalog, "acme,1,,1,,", line, "acme,2,,2,,")
    error = refusal(report)
    assert (error.line, error.field) == (3, field)
    assert report.imported == 2
    assert Activity("acme", 2, 2) in catalog


def test_an_activity_on_two_lines_is_refused_on_both(path: Path, catalog: FakeCatalog) -> None:
    report = run(path, catalog, "acme,7,,50,,", "globex,7,,1,,", "acme,07,,60,,")
    assert [(error.line, str(error)) for error in report.errors] == [
        (2, "activity_id is the same as on line 4; only one line may have it"),
        (4, "activity_id is the same as on line 2; only one line may have it"),
    ]
    assert report.imported == 1
    assert Activity("globex", 7, 1) in catalog
