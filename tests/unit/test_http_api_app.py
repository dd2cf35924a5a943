"""http_api as API Gateway calls it."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api import app
from pointflow.bootstrap.reading import Reading
from pointflow.config import Config
from pointflow.domain.authorization import ROUTES
from pointflow.domain.errors import ContentionError, MessageInvalidError
from pointflow.domain.ledger import Decision, Entry
from pointflow.domain.member import Member
from pointflow.domain.problem import CONTENT_TYPE, Problem, ProblemCode
from pointflow.observability import logger, metrics
from pointflow.services.accept_push import accept_push
from pointflow.services.project_expirations import project_expirations
from tests.fakes.history import FakeHistory
from tests.fakes.member_directory import FakeMembers
from tests.fakes.push_store import FakeExpirations
from tests.unit.pushes import DAY, NOW, body, push

EVENTS = Path(__file__).parents[2] / "events" / "http_api"
CONTEXT: Any = SimpleNamespace(
    function_name="http-api",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:http-api",
    aws_request_id="f1",
)
INVALID = Problem(ProblemCode.PARAMETER_INVALID, "").status
MEMBER = "/v1/members/{user_id}/points-expiration"
HISTORY = f"{MEMBER}/history"
CREDITS = "/v1/members/{user_id}/credits"
UPCOMING = "/v1/points-expirations"


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs."""
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def no_batches() -> NoReturn:
    raise AssertionError("these routes have nothing to do with batches")


class World:
    """What the handlers read from, and the way through the function."""

    def __init__(self) -> None:
        self.store = FakeExpirations()
        self.entries: list[Entry] = []
        self.reading = Reading(
            views=self.store,
            members=FakeMembers([Member("acme", 7, email="ann@example.com")]),
            index=self.store,
            history=FakeHistory(self.entries),
            now=lambda: NOW,
            batches=no_batches,
        )

    def receive(self, raw: bytes, received_at: int = NOW) -> None:
        accept_push(push(raw), received_at=received_at, store=self.store)
        for change in self.store.changes:
            project_expirations(change, at=received_at, index=self.store)
        self.store.changes.clear()

    def get(self, route: str, user_id: str | None = None, **query: str) -> tuple[int, Any]:
        answer = self.ask(
            {
                "httpMethod": "GET",
                "resource": route,
                "pathParameters": None if user_id is None else {"user_id": user_id},
                "queryStringParameters": query or None,
                "multiValueQueryStringParameters": {
                    name.rstrip("_"): [value] for name, value in query.items()
                },
                "requestContext": {"authorizer": {"client_id": "acme", "scopes": "read"}},
            }
        )
        return answer["statusCode"], json.loads(answer["body"])

    def ask(self, event: dict[str, Any]) -> dict[str, Any]:
        return app.lambda_handler(event, CONTEXT, self.reading)


@pytest.fixture
def world() -> World:
    return World()


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return event


def paths(problem: Any) -> list[str]:
    return [error["path"] for error in problem["errors"]]


# --- What the stack is for ---------------------------------------------------------------------


@pytest.fixture
def deployed_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the function one of a stack with these jobs."""

    def choose(jobs: str) -> None:
        monkeypatch.setattr(app, "config", lambda: Config.from_env({"JOBS": jobs}))

    return choose


@pytest.mark.parametrize(
    ("jobs", "route", "status"),
    [
        ("batch", UPCOMING, 404),
        ("batch", CREDITS, 200),
        ("expirations", UPCOMING, 200),
        ("expirations", CREDITS, 404),
        ("both", UPCOMING, 200),
        ("both", CREDITS, 200),
    ],
)
def test_a_route_of_a_job_that_is_not_deployed_is_not_found(
    world: World, deployed_for: Callable[[str], None], jobs: str, route: str, status: int
) -> None:
    deployed_for(jobs)

    assert world.get(route, "7")[0] == status


def test_every_route_is_of_one_job() -> None:
    assert not set(app.BATCH_ROUTES) & set(app.EXPIRATION_ROUTES)
    assert set(app.DEPLOYED["both"]) == set(app.ROUTES)


# --- A member -----------------------------------------------------------------------------------


def test_a_members_view_has_the_shape_of_the_push(world: World) -> None:
    sent = body({"2022-06-30": 100}, "2022-05-25T10:00:00Z")
    world.receive(sent)

    status, document = world.get(MEMBER, "7")

    assert (status, document) == (200, json.loads(sent))


def test_a_view_under_the_members_email_counts_too(world: World) -> None:
    world.receive(body({"2022-06-30": 100}, user_id=None, email_address="ANN@example.com"))

    assert world.get(MEMBER, "007")[1]["email_address"] == "ANN@example.com"


def test_a_member_without_a_push_is_not_found(world: World) -> None:
    status, problem = world.get(MEMBER, "8")

    assert (status, problem["code"]) == (404, "NOT_FOUND")


def test_one_client_never_reads_of_anothers_members(world: World) -> None:
    world.receive(body({"2022-06-30": 100}))
    event = load("current")
    event["pathParameters"] = {"user_id": "7"}
    assert world.ask(event)["statusCode"] == 200

    event["requestContext"]["authorizer"]["client_id"] = "globex"
    assert world.ask(event)["statusCode"] == 404


@pytest.mark.parametrize(
    "user_id", ["", "0", "000", "-1", "1.5", "x", "\u0667", " 7", "1" * 19, "${x}"]
)
@pytest.mark.parametrize("route", [MEMBER, HISTORY])
def test_what_is_no_user_id_is_invalid(world: World, route: str, user_id: str) -> None:
    status, problem = world.get(route, user_id)

    assert (status, problem["code"]) == (INVALID, "PARAMETER_INVALID")
    assert paths(problem) == ["user_id"]


def test_history_is_paged_newest_first(world: World) -> None:
    for day in range(5):
        world.receive(body({"2022-06-30": day}, f"2022-05-2{day}T00:00:00Z"), NOW + day * DAY)

    pages, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        status, page = world.get(HISTORY, "7", **query)
        assert status == 200
        pages.append([item["message_date"][8:10] for item in page["items"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert pages == [["24", "23"], ["22", "21"], ["20"]]


def test_history_of_a_member_without_a_push_is_empty(world: World) -> None:
    assert world.get(HISTORY, "8") == (200, {"items": [], "next_cursor": None})


# --- Everybody ----------------------------------------------------------------------------------


def test_upcoming_is_soonest_first_and_by_default_half_a_year_from_today(world: World) -> None:
    world.receive(body({"2022-05-24": 1, "2022-06-30": 100, "2022-05-25": 5, "2022-12-01": 7}))

    _, page = world.get(UPCOMING)

    found = [(item["expiration_date"], item["points_expiring"]) for item in page["items"]]
    assert found == [("2022-05-25", 5), ("2022-06-30", 100)]
    assert (page["items"][0]["user_id"], page["next_cursor"]) == (7, None)


def test_upcoming_can_be_narrowed_and_paged(world: World) -> None:
    world.receive(body({f"2022-06-{day}": int(day) for day in ("10", "11", "12", "13")}))
    query = {"from": "2022-06-10", "to": "2022-06-13", "min_points": "11", "limit": "2"}

    _, first = world.get(UPCOMING, **query)
    _, second = world.get(UPCOMING, **query, cursor=first["next_cursor"])

    assert [item["points_expiring"] for item in first["items"]] == [11, 12]
    assert [item["points_expiring"] for item in second["items"]] == [13]


def test_every_fault_is_told_with_its_path(world: World) -> None:
    answer = world.ask(load("poison_parameters"))

    assert answer["statusCode"] == INVALID
    assert answer["headers"]["Content-Type"] == CONTENT_TYPE
    assert paths(json.loads(answer["body"])) == ["from", "to", "min_points", "limit", "cursor"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "2022-02-30"),
        ("from", "20220510"),
        ("from", "2022-W20-1"),
        ("to", "2022-05-24"),
        ("to", "9999-12-31"),
        ("min_points", "0"),
        ("min_points", "1_0"),
        ("min_points", "\u0663"),
        ("min_points", "9" * 5000),
        ("limit", "0"),
        ("limit", "1001"),
        ("cursor", "../../etc"),
        ("cursor", "\ud800"),
        ("cursor", "x" * 10_000),
    ],
)
def test_what_is_no_parameter_is_invalid(world: World, name: str, value: str) -> None:
    status, problem = world.get(UPCOMING, **{name: value})

    assert (status, paths(problem)) == (INVALID, [name])


def test_a_cursor_of_another_client_is_invalid(world: World) -> None:
    world.receive(body({"2022-05-31": 1, "2022-06-30": 2}))
    _, page = world.get(UPCOMING, limit="1")
    event = {
        "httpMethod": "GET",
        "resource": UPCOMING,
        "queryStringParameters": {"cursor": page["next_cursor"]},
        "requestContext": {"authorizer": {"client_id": "globex", "scopes": "read"}},
    }

    answer = world.ask(event)

    assert answer["statusCode"] == INVALID
    assert paths(json.loads(answer["body"])) == ["cursor"]


@pytest.mark.parametrize("cursor", ["1", "x-y", "-", "1-" + "é", "9" * 40 + "-ab"])
def test_a_cursor_of_another_list_is_invalid(world: World, cursor: str) -> None:
    status, problem = world.get(HISTORY, "7", cursor=cursor)

    assert (status, paths(problem)) == (INVALID, ["cursor"])


def test_an_empty_parameter_counts_as_absent(world: World) -> None:
    assert world.get(UPCOMING, **{"from": "", "limit": "", "cursor": ""})[0] == 200


def test_the_last_days_of_the_calendar_are_days_too(world: World) -> None:
    assert world.get(UPCOMING, **{"from": "9999-12-31"}) == (
        200,
        {"items": [], "next_cursor": None},
    )


@given(
    st.sampled_from([MEMBER, HISTORY, UPCOMING]),
    st.text(),
    st.dictionaries(st.sampled_from(["from", "to", "min_points", "limit", "cursor"]), st.text()),
)
def test_nothing_that_a_caller_sends_is_our_failure(
    route: str, user_id: str, query: dict[str, str]
) -> None:
    status, answered = World().get(route, user_id, **query)

    assert status in {200, 404, INVALID}
    assert status == 200 or answered["code"] in set(ProblemCode)


# --- The function -------------------------------------------------------------------------------


def test_single_query_parameters_do_where_there_are_no_others(world: World) -> None:
    event = load("upcoming")
    event["multiValueQueryStringParameters"] = None
    event["queryStringParameters"]["limit"] = "0"

    assert paths(json.loads(world.ask(event)["body"])) == ["limit"]


def test_an_answer_is_kept_by_no_proxy(world: World) -> None:
    answer = world.ask(load("upcoming"))

    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert answer["isBase64Encoded"] is False


def test_every_route_that_is_handled_asks_for_a_scope() -> None:
    assert set(app.ROUTES) <= set(ROUTES)


def test_an_unknown_route_is_not_found(world: World) -> None:
    answer = world.ask(load("poison_unknown_route"))

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "NOT_FOUND")


def test_a_request_that_passed_no_authorizer_is_refused(world: World) -> None:
    with pytest.raises(MessageInvalidError):
        world.ask(load("poison_no_authorizer"))


@pytest.mark.parametrize("error", [ContentionError("throttled"), RuntimeError("secret of ann")])
def test_our_own_failure_is_a_problem_that_asks_to_try_again(
    world: World,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(world.store, "current", fail)

    answer = world.ask(load("current"))

    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "30")
    assert json.loads(answer["body"])["code"] == "UNAVAILABLE"
    assert "not answered" in log.getvalue()
    assert "secret of ann" not in log.getvalue() + answer["body"]
    assert '"RequestsFailed":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_logs_name_the_route_and_not_the_member(world: World, log: io.StringIO) -> None:
    world.ask(load("current"))

    (line,) = (json.loads(line) for line in log.getvalue().splitlines())
    assert (line["message"], line["route"], line["status"]) == ("answered", MEMBER, 404)
    assert "348399" not in log.getvalue()


# --- Credits ------------------------------------------------------------------------------------


def credit(line: int, activity_at: int, user_id: int = 7) -> Entry:
    return Entry(
        f"acme/activities_acme_20260101000000.txt/{line}",
        "c1",
        Decision.CREDITED,
        recorded_at=2,
        user_id=user_id,
        activity_id=70,
        activity_at=activity_at,
        points=line,
    )


def test_credits_are_paged_newest_activity_first(world: World) -> None:
    world.entries += [credit(1, 50), credit(2, 70), credit(3, 60), credit(4, 90, user_id=8)]

    status, first = world.get(CREDITS, "7", limit="2")
    assert status == 200
    _, second = world.get(CREDITS, "7", limit="2", cursor=first["next_cursor"])

    assert [item["line"] for item in first["items"] + second["items"]] == [2, 3, 1]
    assert second["next_cursor"] is None


def test_a_member_without_credits_has_an_empty_list_and_nobody_is_not_found(world: World) -> None:
    assert world.get(CREDITS, "7") == (200, {"items": [], "next_cursor": None})
    status, problem = world.get(CREDITS, "8")
    assert (status, problem["code"]) == (404, "NOT_FOUND")


def test_a_cursor_goes_with_its_member(world: World) -> None:
    world.entries += [credit(1, 50), credit(2, 60), credit(3, 1, user_id=8)]
    _, page = world.get(CREDITS, "7", limit="1")

    status, problem = world.get(CREDITS, "8", cursor=page["next_cursor"])

    assert (status, paths(problem)) == (INVALID, ["cursor"])


def test_every_parameter_of_the_credits_that_is_wrong_is_told(world: World) -> None:
    status, problem = world.get(CREDITS, "x", limit="1001")
    assert (status, paths(problem)) == (INVALID, ["user_id", "limit"])
