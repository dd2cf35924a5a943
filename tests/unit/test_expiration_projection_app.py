"""The function on the table's stream: in order, up to the first record that fails."""

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from functools import partial
from typing import Any, cast
from zlib import compress

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from expiration_projection import app
from pointflow.adapters.expiration_items import history_item, view_item, view_of_item
from pointflow.bootstrap import projections
from pointflow.domain.errors import ContentionError
from pointflow.domain.expiration_event import version_text
from pointflow.domain.expiration_view import ExpirationView, ViewChange, index_entries
from pointflow.observability import logger, metrics
from pointflow.ports.events import Event, EventPublisher
from pointflow.services.announce_changes import announce_changes
from pointflow.services.project_expirations import project_expirations
from tests.fakes.events import FakeEvents
from tests.fakes.push_store import FakeExpirations
from tests.unit.pushes import NOW, body, entry_item, push, view
from tests.unit.test_activity_credit_app import Context

FIRST = view({"2022-05-31": 1, "2022-06-30": 2}, NOW)
SECOND = view({"2022-06-30": 5}, NOW + 1)


@pytest.fixture(autouse=True)
def _namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")


def stream_record(number: int, keys: Any, **images: Any) -> dict[str, Any]:
    """A record as a stream of new and old images tells it."""
    name = {2: "MODIFY", 1: "INSERT" if "NewImage" in images else "REMOVE"}.get(len(images))
    return {
        "eventID": f"e{number}",
        "eventName": name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_653_480_000,
            "Keys": keys,
            "SequenceNumber": str(number),
            "SizeBytes": 1_000,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **images,
        },
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/Expirations/stream/1",
    }


def changed(number: int, old: ExpirationView | None, new: ExpirationView | None) -> dict[str, Any]:
    some = new or old
    assert some is not None
    item = view_item(some)
    images = {
        name: view_item(shown)
        for name, shown in (("OldImage", old), ("NewImage", new))
        if shown is not None
    }
    return stream_record(number, {"pk": item["pk"], "sk": item["sk"]}, **images)


def invoke(
    records: Sequence[dict[str, Any]],
    project: projections.Project,
    events: EventPublisher | None = None,
) -> list[str]:
    announce = partial(announce_changes, at=NOW, events=events or FakeEvents())
    answer = app.lambda_handler(
        {"Records": list(records)}, cast("LambdaContext", Context()), project, announce
    )
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def onto(index: FakeExpirations) -> projections.Project:
    return partial(project_expirations, at=NOW, index=index)


def points(index: FakeExpirations) -> dict[str, int]:
    return {day.isoformat(): each.expiration.points for (_, day), each in index.index.items()}


def test_changes_of_views_reach_the_month_index() -> None:
    index = FakeExpirations()

    assert invoke([changed(1, None, FIRST), changed(2, FIRST, SECOND)], onto(index)) == []
    assert points(index) == {"2022-05-31": 0, "2022-06-30": 5}


def test_a_view_that_goes_is_followed() -> None:
    index = FakeExpirations()
    invoke([changed(1, None, SECOND), changed(2, SECOND, None)], onto(index))

    assert points(index) == {"2022-06-30": 0}


def test_records_about_other_items_are_passed_over() -> None:
    archived = history_item(push(body({})), NOW, 400)
    (entry, *_) = index_entries(ViewChange(None, FIRST), NOW)
    listed = entry_item(entry)
    records = [
        stream_record(number, {"pk": item["pk"], "sk": item["sk"]}, NewImage=item)
        for number, item in enumerate((archived, listed))
    ]
    index = FakeExpirations()

    assert invoke(records, onto(index)) == []
    assert points(index) == {}


def test_the_first_record_that_fails_is_reported_and_what_follows_waits() -> None:
    index = FakeExpirations()
    poison = stream_record(2, {"pk": {"S": "acme#U#7"}, "sk": {"S": "CURRENT"}}, NewImage={})

    records = [changed(1, None, FIRST), poison, changed(3, FIRST, SECOND)]
    assert invoke(records, onto(index)) == ["2"]
    assert points(index) == {"2022-05-31": 1, "2022-06-30": 2}


@pytest.mark.parametrize(
    "images",
    [
        {},
        {"NewImage": None},
        {"NewImage": {**view_item(FIRST), "redemption": {"S": "x"}}},
        {"NewImage": {**view_item(FIRST), "pk": {"S": "nobody"}}},
        {"NewImage": {**view_item(FIRST), "instant": {"N": "x"}}},
        {"OldImage": {"pk": {"S": "acme#U#7"}}, "NewImage": view_item(FIRST)},
    ],
)
def test_a_record_that_is_no_view_is_poison(images: dict[str, Any]) -> None:
    record = stream_record(7, {"pk": {"S": "acme#U#7"}, "sk": {"S": "CURRENT"}}, **images)

    assert invoke([record], onto(FakeExpirations())) == ["7"]


def test_a_busy_table_is_tried_again_from_the_same_record() -> None:
    def busy(_change: ViewChange) -> int:
        raise ContentionError("busy")

    assert invoke([changed(1, None, FIRST)], busy) == ["1"]


def test_metrics_and_logs_tell_how_many_and_never_who(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)

    def fail(_change: ViewChange) -> int:
        raise KeyError("ann@example.com")

    invoke([changed(1, None, FIRST)], onto(FakeExpirations()))
    invoke([changed(1, None, FIRST)], fail)

    done, failed = (
        json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line
    )
    assert (done["ViewsProjected"], done["ProjectionsFailed"]) == ([1.0], [0.0])
    assert (failed["ViewsProjected"], failed["ProjectionsFailed"]) == ([0.0], [1.0])
    assert done["ChangesAnnounced"] == [1.0]
    assert '"entries":2' in stream.getvalue()
    assert "ann@example.com" not in stream.getvalue()
    assert "acme#U#7" not in stream.getvalue()


def test_changes_are_announced_in_their_order() -> None:
    events = FakeEvents()
    invoke([changed(1, None, FIRST), changed(2, FIRST, SECOND)], onto(FakeExpirations()), events)

    assert [detail["version"] for _, detail in events.published] == [
        version_text(FIRST.version),
        version_text(SECOND.version),
    ]


def test_the_stream_is_taken_up_again_at_the_first_change_that_was_not_announced() -> None:
    records = [
        changed(1, None, FIRST),
        changed(2, FIRST, FIRST),
        changed(3, FIRST, SECOND),
        changed(4, SECOND, None),
    ]
    index, events = FakeExpirations(), FakeEvents(refused={1, 2})

    assert invoke(records, onto(index), events) == ["3"]
    assert points(index) == {"2022-05-31": 0, "2022-06-30": 0}


def test_what_was_projected_before_a_poisoned_record_is_announced() -> None:
    events = FakeEvents()
    poison = stream_record(2, {"pk": {"S": "acme#U#7"}, "sk": {"S": "CURRENT"}}, NewImage={})

    assert invoke([changed(1, None, FIRST), poison], onto(FakeExpirations()), events) == ["2"]
    assert len(events.published) == 1


def test_a_change_that_is_not_announced_comes_before_a_record_that_is_not_projected() -> None:
    poison = stream_record(2, {"pk": {"S": "acme#U#7"}, "sk": {"S": "CURRENT"}}, NewImage={})
    records = [changed(1, None, FIRST), poison]

    assert invoke(records, onto(FakeExpirations()), FakeEvents(refused={0})) == ["1"]


def test_after_a_crash_between_index_and_announcement_the_change_is_announced() -> None:
    class Killed(FakeEvents):
        def publish(self, events: Sequence[Event]) -> None:
            raise RuntimeError(f"killed before {len(events)} events")

    index, events = FakeExpirations(), FakeEvents()
    record = changed(1, None, FIRST)

    assert invoke([record], onto(index), Killed()) == ["1"]
    assert points(index) == {"2022-05-31": 1, "2022-06-30": 2}
    assert invoke([record], onto(index), events) == []
    assert len(events.published) == 1


def test_bodies_are_read_as_a_stream_tells_them_and_as_they_were_stored_at_first() -> None:
    told = {**view_item(FIRST), "body": {"B": b64encode(compress(FIRST.body.encode())).decode()}}
    at_first = {**view_item(FIRST), "body": {"S": FIRST.body}}

    for item in (view_item(FIRST), told, at_first):
        assert view_of_item(item) == FIRST


def test_a_body_that_cannot_be_unpacked_is_poison() -> None:
    image = {**view_item(FIRST), "body": {"B": "AAAA"}}
    record = stream_record(7, {"pk": image["pk"], "sk": image["sk"]}, NewImage=image)

    assert invoke([record], onto(FakeExpirations())) == ["7"]
