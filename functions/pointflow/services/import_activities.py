"""Import activities from a CSV file: what they are worth, and when they count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import batched
from pathlib import Path

from pointflow.domain.activity import Activity
from pointflow.domain.batch_row import MAX_POINTS
from pointflow.domain.errors import ImportRowError
from pointflow.ports.catalog import CatalogAdmin
from pointflow.services.import_clashes import Claim
from pointflow.services.import_csv import Layout, Line
from pointflow.services.import_source import ImportReport, ImportSource, Progress, Record, silent

LAYOUT = Layout(
    required=("client_id", "activity_id", "default_points"),
    optional=("name", "starts_at", "ends_at"),
)
_BATCH = 100


def import_activities(
    path: Path,
    *,
    catalog: CatalogAdmin,
    default_client: Callable[[], str] | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Import activities: each line creates one, or replaces it whole.

    Parameters
    ----------
    path : Path
        A regular file; it is read twice or three times.
    catalog : CatalogAdmin
    default_client : callable or None
        Names the client of lines whose `client_id` is absent or empty; asked only for such.
    progress : callable

    Raises
    ------
    ImportRowError
        The header row, or the file as a whole, cannot be used.
    """
    source = ImportSource(
        path,
        layout=LAYOUT,
        parse=parse_activity,
        claims=_claims,
        client_exists=lambda client_id: catalog.client(client_id) is not None,
        default_client=default_client,
    )
    report = ImportReport()
    for batch in batched(source.records(), _BATCH, strict=False):
        _save(batch, catalog, report)
        progress(report.lines, source.total)
    return report


def parse_activity(line: Line, client_id: str) -> Activity:
    """Turn a line into an activity. Raises `ImportRowError`."""
    activity = Activity(
        client_id=client_id,
        activity_id=line.record_id("activity_id"),
        default_points=line.points("default_points", MAX_POINTS),
        name=line.text("name") or "",
        starts_at=line.moment("starts_at"),
        ends_at=line.moment("ends_at"),
    )
    starts_at, ends_at = activity.starts_at, activity.ends_at
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise line.fault("ends_at", "ends_at is not after starts_at: it would never count")
    return activity


def _claims(activity: Activity) -> tuple[Claim, ...]:
    return (Claim("activity_id", (activity.client_id, activity.activity_id)),)


def _save(
    batch: Iterable[Record[Activity] | ImportRowError], catalog: CatalogAdmin, report: ImportReport
) -> None:
    wanted: dict[str, dict[int, Activity]] = {}
    for record in batch:
        if isinstance(record, ImportRowError):
            report.refuse(record)
        else:
            activity = record.value
            wanted.setdefault(activity.client_id, {})[activity.activity_id] = activity
    for client_id, activities in wanted.items():
        known = catalog.activities(client_id, activities.keys())
        for activity_id, activity in activities.items():
            if known.get(activity_id) == activity:
                report.unchanged += 1
            else:
                catalog.put_activity(activity)
                report.imported += 1
