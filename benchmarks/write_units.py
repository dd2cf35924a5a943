"""Counts the DynamoDB write units of a push from the very requests that are made for it.

A write costs a unit for each kilobyte of the item, begun ones included; a conditional write that is
refused costs as much. Reading a table's stream costs none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pointflow.adapters.dynamodb_expirations import DynamoDBExpirations
from pointflow.domain.expiration_view import ExpirationView, ViewChange, view_of
from pointflow.domain.push import Push
from pointflow.domain.push_body import read_push
from pointflow.services.accept_push import accept_push
from pointflow.services.project_expirations import project_expirations

SAMPLE = Path(__file__).parents[1] / "samples" / "pushes" / "member_1001.json"
RECEIVED_AT = 1_653_517_543_600
UNIT = 1024


@dataclass
class Meter:
    """A DynamoDB client that takes everything and counts units by kind of item."""

    units: dict[str, int] = field(default_factory=dict)

    def put_item(self, **request: Any) -> dict[str, Any]:
        """An item as a whole."""
        item = request["Item"]
        self._count("current view" if item["sk"]["S"] == "CURRENT" else "history", item)
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        """An index entry: its update sets every attribute that it has."""
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        told = {name: values[f":{key[1:]}"] for key, name in names.items() if name != "pk"}
        self._count("month index", {**request["Key"], **told})
        return {}

    def _count(self, kind: str, item: Mapping[str, Any]) -> None:
        units = -(-sum(len(name) + _size(value) for name, value in item.items()) // UNIT)
        self.units[kind] = self.units.get(kind, 0) + units


def _size(attribute: Mapping[str, Any]) -> int:
    """Bytes of a value, as AWS counts them."""
    ((kind, value),) = attribute.items()
    if kind == "M":
        return 3 + sum(len(name) + 1 + _size(each) for name, each in value.items())
    if kind == "N":
        return len(value) // 2 + 2
    return len(value.encode() if kind == "S" else value)


def measured() -> Iterator[tuple[str, dict[str, int]]]:
    """What a push costs, by what it changes: units by kind of item."""
    sample = json.loads(SAMPLE.read_text())
    months, (inactivity,) = (
        sample["redemption_period_points_expiration"],
        sample["inactivity_points_expiration"],
    )
    gone_by = [dict(each) for each in months]
    gone_by[3]["points_expiring"] = 0  # May is over: its points have expired
    gone_by[7]["points_expiring"] = 500  # and new ones came
    active = {**inactivity, "expiration_date": "2023-06-02T08:45:41.000Z"}
    every = [dict(each) for each in months]
    for each in every:
        each["expiration_date"] = "2024" + each["expiration_date"][4:]
    yield "first push of a member", _units(None, sample)
    yield "the same months again", _units(sample, {**sample, "more": 1})
    yield (
        "one month gone, one new, inactivity moved",
        _units(
            sample,
            {
                **sample,
                "redemption_period_points_expiration": gone_by,
                "inactivity_points_expiration": [active],
            },
        ),
    )
    yield (
        "every month moved",
        _units(sample, {**sample, "redemption_period_points_expiration": every}),
    )


def _units(before: Any, body: Any) -> dict[str, int]:
    meter = Meter()
    store = DynamoDBExpirations(cast("Any", meter), "expirations")
    push = _push(body)
    accept_push(push, received_at=RECEIVED_AT, store=store)
    change = ViewChange(_view(before) if before else None, _view(body))
    project_expirations(change, at=RECEIVED_AT, index=store)
    return meter.units


def _push(body: Any) -> Push:
    raw = json.dumps(body, indent=2).encode()  # as the sample is printed
    push = read_push(raw, client_id="acme", received_at=RECEIVED_AT)
    if not isinstance(push, Push):
        raise TypeError(push.detail)
    return push


def _view(body: Any) -> ExpirationView:
    return view_of(_push(body), RECEIVED_AT)
