"""The routes about batches and uploads, as API Gateway calls them."""

import io
import json
from typing import Any, NoReturn, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api import app
from pointflow.bootstrap.reading import BatchDesk, Reading
from pointflow.observability import logger, metrics
from pointflow.services.grant_upload import MAX_UPLOAD_BYTES, VALID_SECONDS
from tests.fakes.batch_api import FakeBatchList, FakeUploadGrants
from tests.fakes.batch_stage import NAME, NOW, BatchStage, ref_of, reject
from tests.unit.test_http_api_app import CONTEXT

LIST = "/v1/batches"
ONE = "/v1/batches/{file_name}"
REJECTS = "/v1/batches/{file_name}/rejects"
UPLOADS = "/v1/uploads"
DAY = 86_400


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the function logs."""
    monkeypatch.setattr(metrics.provider, "namespace", "pointflow")
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


class World:
    """A stage, and the way through the function."""

    def __init__(self) -> None:
        self.stage = BatchStage()
        self.grants = FakeUploadGrants()
        self.listing = FakeBatchList(self.stage.store)

    def ask(
        self,
        route: str,
        file_name: str | None = None,
        *,
        method: str = "GET",
        client_id: str = "acme",
        body: str | None = None,
        **query: str,
    ) -> tuple[int, Any]:
        nothing = cast("Any", _unused)
        desk = BatchDesk(self.stage.store, self.listing, self.stage.objects, self.grants)
        reading = Reading(nothing, nothing, nothing, nothing, lambda: NOW * 1000, lambda: desk)
        event = {
            "httpMethod": method,
            "resource": route,
            "pathParameters": None if file_name is None else {"file_name": file_name},
            "multiValueQueryStringParameters": {name: [text] for name, text in query.items()},
            "requestContext": {"authorizer": {"client_id": client_id, "scopes": "read upload"}},
            "body": body,
        }
        answer = app.lambda_handler(event, CONTEXT, reading)
        return answer["statusCode"], json.loads(answer["body"])

    def pages(self, route: str, file_name: str | None = None, **query: str) -> list[list[Any]]:
        """All pages of a list, one after the other."""
        found, cursor = [], ""
        while True:
            status, page = self.ask(route, file_name, **query, cursor=cursor)
            assert status == 200, page
            found.append(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def upload(self, **body: Any) -> tuple[int, Any]:
        return self.ask(UPLOADS, method="POST", body=json.dumps(body))


def _unused() -> NoReturn:
    raise AssertionError("the routes about batches have nothing to do with members")


@pytest.fixture
def world() -> World:
    return World()


def paths(problem: Any) -> list[str]:
    return [error["path"] for error in problem["errors"]]


# --- The list -----------------------------------------------------------------------------------


def test_uploads_are_listed_newest_first_page_by_page(world: World) -> None:
    for at in range(5):
        world.stage.received(ref_of(f"v{at}"), at=NOW + at)
    world.stage.received(ref_of("other", client_id="globex"))

    pages = world.pages(LIST, limit="2")

    assert [[item["version"] for item in page] for page in pages] == [
        ["v4", "v3"],
        ["v2", "v1"],
        ["v0"],
    ]


def test_a_list_of_a_status_that_few_have_comes_in_short_pages_and_misses_none(
    world: World,
) -> None:
    world.listing = FakeBatchList(world.stage.store, most=2)
    for at in range(7):
        world.stage.received(ref_of(f"v{at}"), at=NOW + at)
    world.stage.store.start_planning(ref_of("v0"), NOW)

    pages = world.pages(LIST, status="PLANNING")

    assert [item["version"] for page in pages for item in page] == ["v0"]
    assert len(pages) > 1


def test_a_list_can_be_narrowed_to_a_day(world: World) -> None:
    for at in (NOW - 1, NOW, NOW + DAY - 1, NOW + DAY):
        world.stage.received(ref_of(f"at{at - NOW}"), at=at)

    ((first, second),) = world.pages(LIST, day="2026-01-01")

    assert (first["version"], second["version"]) == (f"at{DAY - 1}", "at0")


def test_every_wrong_parameter_of_the_list_is_named(world: World) -> None:
    status, problem = world.ask(LIST, status="DONE", day="1.1.26", limit="201", cursor="x")

    assert (status, paths(problem)) == (422, ["status", "day", "limit"])
    assert world.ask(LIST, cursor="x")[1]["code"] == "PARAMETER_INVALID"


def test_a_cursor_of_another_client_is_no_cursor(world: World) -> None:
    for version in ("v1", "v2"):
        world.stage.received(ref_of(version))
    cursor = world.ask(LIST, limit="1")[1]["next_cursor"]

    status, problem = world.ask(LIST, client_id="globex", cursor=cursor)

    assert (status, paths(problem)) == (422, ["cursor"])


# --- One ----------------------------------------------------------------------------------------


def test_a_batch_is_shown_with_its_result_and_what_else_has_its_name(world: World) -> None:
    world.stage.completed(ref_of())
    world.stage.store.reported(ref_of(), 1)
    world.stage.planned(ref_of("v2"), content="c1", at=NOW + 1)

    status, document = world.ask(ONE, NAME)

    assert (status, document["status"], document["version"]) == (
        200,
        "COMPLETED_WITH_REJECTS",
        "v1",
    )
    assert (document["rows"], document["credited"], document["rejected"]) == (3, 2, 1)
    assert document["result_key"] == f"outbound/acme/{NAME.removesuffix('.txt')}_result.json"
    (other,) = document["others"]
    assert (other["status"], other["duplicate_of"]) == ("DUPLICATE", "v1")


def test_a_batch_that_is_not_the_clients_own_is_not_found(world: World) -> None:
    world.stage.completed(ref_of())

    for client_id, name in (
        ("globex", NAME),
        ("acme", "x.txt"),
        ("acme", ""),
        ("acme", "x" * 5000),
    ):
        for route in (ONE, REJECTS):
            status, problem = world.ask(route, name, client_id=client_id)
            assert (status, problem["code"]) == (404, "NOT_FOUND")


# --- Rejects ------------------------------------------------------------------------------------


def test_rejects_of_intake_and_crediting_come_in_line_order_page_by_page(world: World) -> None:
    stage, ref = world.stage, ref_of()
    stage.planned(ref, newlines=(10, 10, 10))
    stage.closed(ref, 0, chunks=2, rows=10, rejects=[reject(2), reject(6)])
    stage.credited(ref, 0, (1, 4), credited=1, rejects=[reject(1), reject(4)])
    stage.credited(ref, 0, (5, 10), credited=4, rejects=[reject(7)])
    stage.closed(ref, 1, chunks=1, rows=10)
    stage.credited(ref, 1, (11, 20), credited=10)
    stage.closed(ref, 2, chunks=1, rows=10, rejects=[reject(21)])
    stage.credited(ref, 2, (22, 30), credited=8, rejects=[reject(30)])
    stage.settled(ref)

    for limit in ("1", "2", "3", "100"):
        lines = [[row["line"] for row in page] for page in world.pages(REJECTS, NAME, limit=limit)]
        assert [line for page in lines for line in page] == [1, 2, 4, 6, 7, 21, 30]
        assert all(len(page) == int(limit) for page in lines[:-1])


def test_a_page_of_rejects_looks_into_so_many_cells_and_goes_on_from_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointflow.services.read_batches.MOST_CELLS_A_PAGE", 1)
    stage, ref = world.stage, ref_of()
    stage.planned(ref, newlines=(1, 1, 1))
    for cell in (0, 2):
        stage.closed(ref, cell, chunks=0, rows=1, rejects=[reject(cell + 1)])
    stage.closed(ref, 1, chunks=0, rows=0)
    stage.settled(ref)

    pages = world.pages(REJECTS, NAME)

    assert [[row["line"] for row in page] for page in pages] == [[1], [], [3]]


def test_rejects_of_a_batch_under_way_are_a_conflict(world: World) -> None:
    world.stage.planned(ref_of())

    status, problem = world.ask(REJECTS, NAME)

    assert (status, problem["code"]) == (409, "CONFLICT")
    assert "PARSING" in problem["detail"]


def test_a_batch_without_rejects_has_an_empty_list(world: World) -> None:
    world.stage.held(ref_of(name=NAME.replace("000000", "000001")), ref_of())

    held = world.ask(REJECTS, NAME.replace("000000", "000001"))

    assert held == (200, {"items": [], "next_cursor": None})


def test_a_cursor_of_another_upload_is_no_cursor(world: World) -> None:
    world.stage.completed(ref_of())
    other = ref_of(name=NAME.replace("000000", "000001"), version="v7")
    world.stage.planned(other, content="c2")
    world.stage.closed(other, 0, chunks=0, rows=2, rejects=[reject(1), reject(2)])
    world.stage.settled(other)
    cursor = world.ask(REJECTS, other.file_name, limit="1")[1]["next_cursor"]

    assert world.ask(REJECTS, other.file_name, cursor=cursor)[0] == 200
    status, problem = world.ask(REJECTS, NAME, cursor=cursor)
    assert (status, paths(problem)) == (422, ["cursor"])


@given(st.sampled_from([LIST, ONE, REJECTS]), st.text(), st.text(), st.text())
def test_nothing_that_a_caller_sends_is_our_failure(
    route: str, name: str, cursor: str, day: str
) -> None:
    world = World()
    world.stage.completed(ref_of())

    assert world.ask(route, name, cursor=cursor, day=day)[0] in {200, 404, 422}
    assert world.ask(route, NAME, cursor=cursor, day=day)[0] in {200, 404, 422}


# --- Uploads ------------------------------------------------------------------------------------


def test_an_upload_is_signed_for_its_name_and_size_in_the_clients_own_folder(
    world: World,
) -> None:
    status, document = world.upload(file_name=NAME, size=MAX_UPLOAD_BYTES)

    assert status == 200
    assert world.grants.granted == [(f"inbound/acme/{NAME}", MAX_UPLOAD_BYTES, VALID_SECONDS)]
    assert document == {
        "file_name": NAME,
        "size": MAX_UPLOAD_BYTES,
        "method": "PUT",
        "url": f"https://bucket.example/inbound/acme/{NAME}",
        "headers": {"Content-Length": str(MAX_UPLOAD_BYTES)},
        "expires_at": "2026-01-01T00:15:00.000Z",
    }


def test_a_file_of_another_client_is_forbidden(world: World) -> None:
    status, problem = world.upload(file_name=NAME.replace("acme", "globex"), size=1)

    assert (status, problem["code"], world.grants.granted) == (403, "CLIENT_MISMATCH", [])


@pytest.mark.parametrize("size", [0, -1, MAX_UPLOAD_BYTES + 1, 1.5, "1", True, None])
def test_a_size_that_no_file_may_have_is_refused(world: World, size: object) -> None:
    status, problem = world.upload(file_name=NAME, size=size)

    assert (status, problem["code"], paths(problem)) == (422, "UPLOAD_INVALID", ["/size"])


@pytest.mark.parametrize(
    "name", ["", "../globex/x.txt", f"{NAME}.filepart", f"../{NAME}", f"a/{NAME}", None, 7]
)
def test_a_name_that_no_batch_file_may_have_is_refused(world: World, name: object) -> None:
    status, problem = world.upload(file_name=name, size=1)

    assert (status, paths(problem), world.grants.granted) == (422, ["/file_name"], [])


def test_every_fault_of_an_upload_is_told_and_what_is_not_known_is_one(world: World) -> None:
    status, problem = world.upload(**{"name/": NAME})

    assert (status, paths(problem)) == (422, ["/file_name", "/size", "/name~1"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "BODY_NOT_JSON"),
        ("{", "BODY_NOT_JSON"),
        ('{"size": 1, "size": 2}', "BODY_NOT_JSON"),
        ("[]", "UPLOAD_INVALID"),
        ('"' + "x" * 5000 + '"', "BODY_TOO_LARGE"),
    ],
)
def test_a_body_that_is_none_is_refused(world: World, body: str | None, code: str) -> None:
    assert world.ask(UPLOADS, method="POST", body=body)[1]["code"] == code
