"""`pointflow push simulate` against an API in memory that does as the test says."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Self

import pytest

from pointflow_cli.api_host import checked_host
from pointflow_cli.commands import simulate
from pointflow_cli.errors import CommandError
from pointflow_cli.http_post import Reply
from pointflow_cli.http_session import HttpSession, NoAnswerError
from tests.unit.push_desk import Ran
from tests.unit.push_desk import world as make_world

URL = "http://127.0.0.1:4566/live"
KEY = f"acme.{'k' * 43}"
SMALL = ("--rate", 2_000, "--speed", 1_000_000, "--members", 5)

type Spoil = Callable[[str, int], Reply | None]


class Api:
    """Shows the newest push of each member; `spoil` may answer in its place."""

    def __init__(self, url: str, headers: dict[str, str], spoil: Spoil) -> None:
        self.url = url
        self.host = checked_host(url)
        self.headers = headers
        self.views: dict[int, dict[str, Any]] = {}
        self.pushes = 0
        self._spoil = spoil
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> Reply:
        with self._lock:
            self.pushes += method == "POST"
            spoilt = self._spoil(method, self.pushes)
            if spoilt is not None:
                return spoilt
            if body is not None:
                assert (path, headers) == (
                    "/v1/points-expirations",
                    {"Content-Type": "application/json"},
                )
                return self._push(json.loads(body))
            return self._read(path)

    def _push(self, sent: dict[str, Any]) -> Reply:
        shown = self.views.get(sent["user_id"])
        if shown is not None and instant(shown) >= instant(sent):
            return Reply(200, b'{"status": "stale"}')
        self.views[sent["user_id"]] = sent
        return Reply(200, b'{"status": "stored"}')

    def _read(self, path: str) -> Reply:
        if path.startswith("/v1/points-expirations"):
            return Reply(200, b'{"items": [], "next_cursor": null}')
        view = self.views.get(int(path.split("/")[3]))
        return Reply(200, json.dumps(view).encode()) if view else Reply(404, b"{}")


def instant(push: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(push["message_date"])


class Desk:
    """Runs the command; `api` is what it talked to last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = make_world(monkeypatch)
        self._monkeypatch = monkeypatch
        self.api: Api | None = None

    def run(self, *arguments: object, spoil: Spoil = lambda _, __: None) -> Ran:
        def session(url: str, headers: dict[str, str]) -> Api:
            self.api = Api(url, headers, spoil)
            return self.api

        self._monkeypatch.setattr(simulate, "HttpSession", session)
        return self._world.run("push", "simulate", *arguments)

    def here(self, *arguments: object, spoil: Spoil = lambda _, __: None) -> Ran:
        return self.run("--url", URL, "--api-key", KEY, *SMALL, *arguments, spoil=spoil)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(simulate, "running", lambda: None)
    for name in ("API_KEY", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"POINTFLOW_{name}", raising=False)
    return Desk(monkeypatch)


def test_all_is_well_when_every_view_is_its_members_newest_push(desk: Desk) -> None:
    ran = desk.here("--duplicates", 0.3, "--reorder", 0.3, "--json")

    assert (ran.code, ran.error) == (0, "")
    told = ran.document
    assert (told["members"], told["pushes"], told["views_right"]) == (5, 25, 5)
    assert (told["retries"], told["given_up"], told["lost"], told["views_wrong"]) == (0, 0, [], [])
    assert told["requests"] == sum(told["answers"].values()) >= 25
    assert set(told["latency_ms"]) == {"p50", "p90", "p99", "max"}


def test_the_report_is_for_people_without_json(desk: Desk) -> None:
    ran = desk.here()

    assert ran.code == 0
    assert "25 pushes of 5 members" in ran.out
    assert "final views: 5 of 5 are their member's newest push; pushes lost: 0" in ran.out


def test_made_up_members_are_emptied_in_the_end_unless_they_are_to_be_kept(desk: Desk) -> None:
    desk.here("--json")
    assert desk.api is not None
    views = desk.api.views.values()
    assert [view["redemption_period_points_expiration"] for view in views] == [[]] * 5

    desk.here("--json", "--keep", "--first-user-id", 500)
    assert min(desk.api.views) == 500
    views = desk.api.views.values()
    assert all(len(view["redemption_period_points_expiration"]) == 6 for view in views)


def test_what_fails_is_tried_again_and_what_fails_for_ever_is_lost(desk: Desk) -> None:
    def at_first(method: str, pushes: int) -> Reply | None:
        return Reply(503, b'{"code": "UNAVAILABLE"}') if method == "POST" and pushes < 9 else None

    healed = desk.here("--json", spoil=at_first)
    assert healed.code == 0
    assert (healed.document["retries"], healed.document["answers"]["503 UNAVAILABLE"]) == (8, 8)

    def always(method: str, _: int) -> Reply | None:
        return Reply(422, b'{"code": "PUSH_INVALID"}') if method == "POST" else None

    lost = desk.here("--json", "--pushes", 2, spoil=always)
    assert lost.code == 1
    assert (lost.document["given_up"], len(lost.document["lost"])) == (2, 2)
    assert lost.document["requests"] == 2 * 41
    assert lost.document["views_wrong"][0]["found"] == "404"
    assert "could not be emptied" in lost.notes


def test_a_push_that_is_answered_but_not_stored_is_found_out(desk: Desk) -> None:
    def forgets(method: str, pushes: int) -> Reply | None:
        return Reply(200, b'{"status": "stored"}') if method == "POST" and pushes > 5 else None

    ran = desk.here("--json", spoil=forgets)

    assert ran.code == 1
    assert (ran.document["lost"], len(ran.document["views_wrong"])) == ([], 5)


def test_in_an_outage_nothing_gets_through_and_afterwards_all_is_made_good(desk: Desk) -> None:
    ran = desk.here("--json", "--rate", 100, "--speed", 36_000, "--outage", 0.3)

    assert ran.code == 0
    assert ran.document["answers"]["cut off by the outage"] == ran.document["retries"] > 0


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(401, b'{"code": "CREDENTIAL_INVALID"}'), "401 CREDENTIAL_INVALID; use a credential"),
        (Reply(403, b'{"code": "SCOPE_MISSING"}'), "403 SCOPE_MISSING; use a credential"),
        (Reply(404, b"<html>"), "404 to a GET; check the URL"),
        (Reply(302, b""), "302 to a GET; check the URL"),
    ],
)
def test_where_nothing_can_be_tried_nothing_is_pushed(desk: Desk, reply: Reply, said: str) -> None:
    ran = desk.here(spoil=lambda _, __: reply)

    assert ran.code == 2
    assert said in ran.error
    assert desk.api is not None
    assert desk.api.pushes == 0


def test_credentials_never_go_out_in_plain_text(desk: Desk) -> None:
    ran = desk.run("--url", "http://api.example/live", "--api-key", KEY, "--yes")

    assert ran.code == 2
    assert "plain text" in ran.error


def test_somebody_elses_machine_is_pushed_to_only_when_that_is_confirmed(desk: Desk) -> None:
    elsewhere = ("--url", "https://api.example/live", "--api-key", KEY, *SMALL, "--json")

    asked = desk.run(*elsewhere)
    assert (asked.code, asked.error) == (2, "pointflow: this has to be confirmed; add --yes")
    assert desk.run(*elsewhere, "--yes").code == 0


def test_the_sample_clients_credential_is_for_the_local_stack_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = SimpleNamespace(endpoint_url="http://127.0.0.1:4566", credentials={"api_key": KEY})
    monkeypatch.setattr(simulate, "running", lambda: local)

    assert desk.run("--url", URL, *SMALL).code == 0
    assert desk.api is not None
    assert desk.api.headers == {"x-api-key": KEY}
    for other in ("http://127.0.0.1:45660/live", "https://api.example/live"):
        assert "no credential to send" in desk.run("--url", other, *SMALL).error


# --- Connections --------------------------------------------------------------------------------


class Connection:
    """Stands in for `http.client.HTTPConnection`: fails as often as told, then answers."""

    made: list[Connection]

    def __init__(self, host: str, port: int | None = None, timeout: float | None = None) -> None:
        self.where = (host, port)
        self.sock: object | None = None
        self.tunnel: tuple[str, int] | None = None
        self.sent: list[tuple[str, str]] = []
        self.failures: list[Exception] = []
        self.made.append(self)

    def set_tunnel(self, host: str, port: int) -> None:
        self.tunnel = (host, port)

    def request(self, method: str, target: str, body: Any, headers: dict[str, str]) -> None:
        self.sent.append((method, target))
        self.sock = object()
        if self.failures:
            raise self.failures.pop(0)

    def getresponse(self) -> Any:
        return Answered()

    def close(self) -> None:
        self.sock = None


class Answered:
    """An answer of a server."""

    status = 302

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, _: int) -> bytes:
        return b"said"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    Connection.made = []
    for name in ("HTTPConnection", "HTTPSConnection"):
        monkeypatch.setattr(http.client, name, Connection)
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return Connection.made


def test_a_connection_is_kept_and_no_redirect_followed(connections: list[Connection]) -> None:
    with HttpSession("https://api.example/live/", {"x-api-key": KEY}) as session:
        answers = [session.request("GET", "/v1/x"), session.request("POST", "/v1/y", b"{}")]

    assert answers == [Reply(302, b"said")] * 2
    (only,) = connections
    assert only.where == ("api.example", None)
    assert only.sent == [("GET", "/live/v1/x"), ("POST", "/live/v1/y")]


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(
    connections: list[Connection],
) -> None:
    session = HttpSession("https://api.example/live", {})
    session.request("GET", "/a")
    connections[0].failures = [http.client.RemoteDisconnected("gone")]

    assert session.request("GET", "/b").status == 302
    assert connections[0].sent == [("GET", "/live/a"), ("GET", "/live/b"), ("GET", "/live/b")]

    connections[0].failures = [ConnectionResetError(104, "reset"), TimeoutError()]
    with pytest.raises(NoAnswerError):
        session.request("GET", "/c")


def test_each_thread_has_a_connection_of_its_own(connections: list[Connection]) -> None:
    session = HttpSession("http://localhost:1/live", {})
    threads = [threading.Thread(target=session.request, args=("GET", "/a")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.where for each in connections] == [("localhost", 1)] * 3


def test_a_proxy_is_used_for_other_machines(
    connections: list[Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")

    HttpSession("https://api.example/live", {}).request("GET", "/a")
    HttpSession("https://127.0.0.1/live", {}).request("GET", "/a")

    assert [each.where for each in connections] == [("proxy.example", 3128), ("127.0.0.1", None)]
    assert [each.tunnel for each in connections] == [("api.example", 443), None]


@pytest.mark.parametrize("url", ["http://api.example/live", "ftp://x", "http://192.168.0.7/live"])
def test_a_session_is_with_this_machine_or_over_https(url: str) -> None:
    with pytest.raises(CommandError):
        HttpSession(url, {})
