"""What a dry run foretells of a chunk, as an attribute of the chunk's outcome.

A chunk has at most 500 rows, so at most 500 activities: some 15 KB.
"""

from __future__ import annotations

from collections.abc import Mapping

from pointflow.adapters.submission_keys import Attribute, number
from pointflow.domain.forecast import Forecast, Granted


def forecast_attribute(forecast: Forecast) -> Attribute:
    """Write a forecast."""
    return {
        "M": {
            "rows": number(forecast.rows),
            "carried": _counts(forecast.carried),
            "known": _counts(forecast.known),
            "matched": _counts(forecast.matched),
            "activities": {
                "M": {
                    str(activity_id): {"L": [number(granted.rows), number(granted.points)]}
                    for activity_id, granted in forecast.activities.items()
                }
            },
        }
    }


def read_forecast(attribute: Attribute) -> Forecast:
    """Read what `forecast_attribute` wrote."""
    written = attribute["M"]
    return Forecast(
        rows=int(written["rows"]["N"]),
        carried=_read_counts(written["carried"]),
        known=_read_counts(written["known"]),
        matched=_read_counts(written["matched"]),
        activities={
            int(activity_id): Granted(*(int(each["N"]) for each in granted["L"]))
            for activity_id, granted in written["activities"]["M"].items()
        },
    )


def _counts(counts: Mapping[str, int]) -> Attribute:
    return {"M": {name: number(count) for name, count in counts.items()}}


def _read_counts(attribute: Attribute) -> dict[str, int]:
    return {name: int(count["N"]) for name, count in attribute["M"].items()}
