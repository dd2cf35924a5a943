"""What is told of a changed view, and that it is told."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pointflow.domain.errors import EventsNotPublishedError
from pointflow.domain.expiration_event import updated_detail, version_text
from pointflow.domain.expiration_view import ViewChange
from pointflow.domain.push import KeyKind, MemberKey, Version
from pointflow.services.announce_changes import announce_changes
from tests.fakes.events import FakeEvents
from tests.unit.pushes import DAY, NOW, view

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
FIRST = view({"2022-05-31": 10, "2022-06-30": 20})
MOVED = view({"2022-06-30": 5}, NOW + 1)


def documented(heading: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Schema and example under a heading of docs/events.md."""
    section = DOCUMENTED.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    schema, example = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    return json.loads(schema), json.loads(example)


SCHEMA, EXAMPLE = documented("PointsExpirationUpdated")


def told(*changes: ViewChange) -> list[Any]:
    events = FakeEvents()
    announce_changes(changes, at=NOW, events=events)
    return [detail for _, detail in events.published]


def test_the_documented_example_is_what_is_told() -> None:
    day = {"redemption_points": 20, "inactivity_points": 0}
    (detail,) = told(ViewChange(FIRST, MOVED))

    assert detail == {
        "client_id": "acme",
        "user_id": 7,
        "filed_under": "user_id",
        "version": version_text(MOVED.version),
        "old": {
            "next_expiration": {
                **day,
                "expiration_date": "2022-05-31",
                "points_expiring": 10,
                "redemption_points": 10,
            },
            "points_expiring": 30,
        },
        "new": {
            "next_expiration": {
                **day,
                "expiration_date": "2022-06-30",
                "points_expiring": 5,
                "redemption_points": 5,
            },
            "points_expiring": 5,
        },
    }
    assert detail | {"version": EXAMPLE["detail"]["version"]} == EXAMPLE["detail"]
    Draft202012Validator(SCHEMA).validate(EXAMPLE["detail"])


def test_a_first_view_has_no_old_one_and_one_that_goes_no_new_one() -> None:
    first, gone = told(ViewChange(None, FIRST), ViewChange(FIRST, None))

    assert (first["old"], gone["new"]) == (None, None)
    assert first["new"] == gone["old"]


def test_a_view_of_the_same_days_and_points_is_no_change() -> None:
    assert told(ViewChange(FIRST, view({"2022-05-31": 10, "2022-06-30": 20}, NOW + 5))) == []
    assert told(ViewChange(None, view({}))) == []


def test_what_is_over_when_the_new_view_comes_is_not_next() -> None:
    (detail,) = told(ViewChange(FIRST, view({"2022-06-30": 21}, NOW + 10 * DAY)))

    assert detail["old"]["next_expiration"]["expiration_date"] == "2022-06-30"
    assert detail["old"]["points_expiring"] == 20


def test_a_cleared_view_has_nothing_next() -> None:
    (detail,) = told(ViewChange(FIRST, view({}, NOW + 1)))

    assert detail["new"] == {"next_expiration": None, "points_expiring": 0}


@pytest.mark.parametrize(
    ("kind", "filed_under"),
    [(KeyKind.EMAIL, "email_address"), (KeyKind.THIRD_PARTY_ID, "third_party_id")],
)
def test_who_is_known_by_an_email_or_third_party_id_is_not_named(
    kind: KeyKind, filed_under: str
) -> None:
    member = MemberKey("acme", kind, "ann@example.com")
    (detail,) = told(ViewChange(None, view({"2022-05-31": 1}, member=member)))

    assert (detail["user_id"], detail["filed_under"]) == (None, filed_under)
    assert "ann@example.com" not in json.dumps(detail)


def test_what_could_not_be_told_is_named_by_the_position_of_its_change() -> None:
    changes = [ViewChange(FIRST, FIRST), ViewChange(None, FIRST), ViewChange(FIRST, MOVED)]
    with pytest.raises(EventsNotPublishedError) as raised:
        announce_changes(changes, at=NOW, events=FakeEvents(refused={1}))

    assert raised.value.positions == (2,)


def test_when_nothing_changed_the_bus_is_not_asked() -> None:
    events = FakeEvents(refused={0})

    assert announce_changes([ViewChange(FIRST, FIRST)], at=NOW, events=events) == 0


days = st.dictionaries(
    st.dates(date(2022, 5, 24), date(2022, 9, 1)).map(date.isoformat), st.integers(1, 9), max_size=4
)


@given(st.none() | days, st.none() | days)
def test_whatever_changes_the_detail_has_the_documented_form_and_is_the_same_again(
    old: dict[str, int] | None, new: dict[str, int] | None
) -> None:
    change = ViewChange(
        view(dict(sorted(old.items()))) if old is not None else None,
        view(dict(sorted(new.items())), NOW + 1) if new is not None else None,
    )
    detail = updated_detail(change, NOW)

    assert (detail is None) == ((old or {}) == (new or {}))
    if detail is not None:
        Draft202012Validator(SCHEMA).validate(detail)
        assert updated_detail(change, NOW if new is None else NOW + DAY) == detail


versions = st.builds(
    Version,
    st.integers(0, 10**14),
    st.integers(0, 10**14),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)


@given(versions, versions)
def test_texts_of_versions_are_in_the_order_of_the_versions(a: Version, b: Version) -> None:
    if a.digest[:32] != b.digest[:32]:
        assert (version_text(a) < version_text(b)) == (a < b)
