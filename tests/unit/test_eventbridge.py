"""Events reach the bus, all of them, or it is said which did not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from pointflow.adapters.eventbridge import CALL_BYTES, EventBridgePublisher, batches, entry_of
from pointflow.adapters.retrying import Backoff
from pointflow.domain.errors import EventsNotPublishedError
from pointflow.ports.events import Event
from tests.fakes.events import FakeEvents

EVENTS = [Event("SomethingHappened", {"number": number}) for number in range(23)]
NO_ANSWER = ReadTimeoutError(endpoint_url="https://events.example")


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "PutEvents")


class FakeBus:
    """An EventBridge client: accepts all but what the script says, call by call.

    A step is an error of the whole call, error codes by position, or how many entries to answer.
    """

    def __init__(self, *script: Exception | Mapping[int, str] | int) -> None:
        self.script = list(script)
        self.calls: list[list[int]] = []
        self.accepted: list[int] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        numbers = [json.loads(entry["Detail"])["number"] for entry in Entries]
        self.calls.append(numbers)
        step = self.script.pop(0) if self.script else {}
        if isinstance(step, Exception):
            raise step
        codes, answered = ({}, step) if isinstance(step, int) else (step, len(Entries))
        told: list[dict[str, str]] = []
        for at, number in enumerate(numbers[:answered]):
            if at in codes:
                told.append({"ErrorCode": codes[at], "ErrorMessage": "x"})
            else:
                told.append({"EventId": str(number)})
                self.accepted.append(number)
        return {"FailedEntryCount": len(codes), "Entries": told}


def publisher(bus: FakeBus, patience: float = 60.0) -> EventBridgePublisher:
    def backoff() -> Backoff:
        return Backoff(patience, sleep=lambda _: None, monotonic=lambda: 0.0)

    return EventBridgePublisher(cast("Any", bus), backoff)


def test_ten_events_go_in_a_call_in_order() -> None:
    bus = FakeBus()
    publisher(bus).publish(EVENTS)

    assert [len(call) for call in bus.calls] == [10, 10, 3]
    assert bus.accepted == list(range(23))


def test_nothing_to_tell_is_no_call() -> None:
    bus = FakeBus()
    publisher(bus).publish([])

    assert bus.calls == []


def test_an_event_names_its_source_and_its_type() -> None:
    assert entry_of(Event("SomethingHappened", {"text": "é"})) == {
        "Source": "pointflow",
        "DetailType": "SomethingHappened",
        "Detail": '{"text":"\\u00e9"}',
    }


def test_a_call_is_never_larger_than_the_bus_takes() -> None:
    large = [entry_of(Event("Large", {"text": "x" * 100_000})) for _ in range(5)]

    assert [list(batch) for batch in batches(large)] == [[0, 1], [2, 3], [4]]
    assert all(
        sum(len(str(value)) for entry in batch.values() for value in entry.values()) <= CALL_BYTES
        for batch in batches(large)
    )


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure"])
def test_only_what_was_not_accepted_is_sent_again(code: str) -> None:
    bus = FakeBus({1: code, 3: code}, {0: code})
    publisher(bus).publish(EVENTS[:4])

    assert bus.calls == [[0, 1, 2, 3], [1, 3], [1]]
    assert sorted(bus.accepted) == [0, 1, 2, 3]


@pytest.mark.parametrize("error", [client_error("ThrottlingException"), NO_ANSWER])
def test_a_call_that_failed_whole_is_made_again(error: Exception) -> None:
    bus = FakeBus(error)
    publisher(bus).publish(EVENTS[:2])

    assert bus.accepted == [0, 1]


def test_what_the_answer_does_not_mention_was_not_accepted() -> None:
    bus = FakeBus(1)
    publisher(bus).publish(EVENTS[:3])

    assert bus.calls == [[0, 1, 2], [1, 2]]


def test_what_the_bus_will_never_take_is_named_and_not_tried_again() -> None:
    bus = FakeBus({2: "MalformedDetail"})
    with pytest.raises(EventsNotPublishedError, match="1 events not accepted: Malf") as raised:
        publisher(bus).publish(EVENTS)

    assert raised.value.positions == (2,)
    assert len(bus.calls) == 3
    assert sorted(bus.accepted) == [each for each in range(23) if each != 2]


def test_a_call_that_is_not_allowed_names_its_events_and_the_others_are_told() -> None:
    bus = FakeBus(client_error("AccessDeniedException"))
    with pytest.raises(EventsNotPublishedError) as raised:
        publisher(bus).publish(EVENTS)

    assert raised.value.positions == tuple(range(10))
    assert raised.value.codes == ("AccessDeniedException",)
    assert bus.accepted == list(range(10, 23))


def test_when_the_time_is_over_what_is_left_is_named() -> None:
    bus = FakeBus({0: "MalformedDetail", 1: "ThrottlingException"})
    with pytest.raises(EventsNotPublishedError) as raised:
        publisher(bus, patience=0.0).publish(EVENTS[:3])

    assert raised.value.positions == (0, 1)
    assert raised.value.codes == ("MalformedDetail", "ThrottlingException")


def test_the_fake_says_what_it_refused_as_the_bus_does() -> None:
    fake = FakeEvents(refused={1})
    with pytest.raises(EventsNotPublishedError) as raised:
        fake.publish(EVENTS[:3])

    assert raised.value.positions == (1,)
    assert [detail["number"] for _, detail in fake.published] == [0, 2]
