"""`pointflow push send`: what is sent, and what becomes of the answer."""

import io
import json
from base64 import b64encode
from email.message import Message
from http.client import BadStatusLine
from pathlib import Path
from typing import Any
from urllib.request import HTTPHandler, HTTPSHandler, Request
from urllib.response import addinfourl

import pytest

from pointflow_cli import http_post
from pointflow_cli.commands import push
from pointflow_cli.errors import CommandError
from pointflow_cli.http_post import Reply, post
from pointflow_cli.stack import Stack
from tests.unit.push_desk import World
from tests.unit.push_desk import world as make_world

URL = "http://127.0.0.1:4566/_aws/execute-api/abc123/live"
STORED = Reply(200, b'{"status": "stored"}')
KEY = f"acme.{'k' * 43}"
INVALID = {
    "code": "PUSH_INVALID",
    "detail": "the push has 1 fault",
    "errors": [{"path": "/user_id", "message": "must be a whole number"}],
}


class Api:
    """Remembers what was posted, and answers `reply`."""

    def __init__(self) -> None:
        self.reply = STORED
        self.posted: list[tuple[str, bytes, dict[str, str]]] = []

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        self.posted.append((url, body, headers))
        return self.reply

    @property
    def headers(self) -> dict[str, str]:
        return self.posted[-1][2]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(http_post, "post", made.post)
    stack = Stack("local", "us-east-1", {"ApiUrl": f"{URL}/"})
    monkeypatch.setattr(push, "open_stack", lambda _: stack)
    for name in ("API_KEY", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"POINTFLOW_{name}", raising=False)
    return made


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "push.json"
    path.write_bytes(b'{ "points": 1e2,  "x": [] }\n')
    return path


def test_the_body_is_sent_byte_for_byte(world: World, api: Api, file: Path) -> None:
    ran = world.run("push", "send", file, "--api-key", KEY)

    assert (ran.code, ran.out) == (0, "200 stored\n")
    (posted,) = api.posted
    assert posted == (
        f"{URL}/v1/points-expirations",
        file.read_bytes(),
        {"Content-Type": "application/json", "x-api-key": KEY},
    )


def test_a_user_id_can_be_put_in(world: World, api: Api, file: Path) -> None:
    world.run("push", "send", file, "--api-key", KEY, "--user-id", 348399)

    assert json.loads(api.posted[0][1]) == {"points": 100.0, "x": [], "user_id": 348399}


def test_the_body_may_come_from_stdin(world: World, api: Api) -> None:
    world.run("push", "send", "-", "--api-key", KEY, stdin=b"\xff{")

    assert api.posted[0][1] == b"\xff{"


def test_user_name_and_password_go_as_basic(world: World, api: Api, file: Path) -> None:
    world.run("push", "send", file, "--username", "acme", "--password", "p:ä")

    assert api.headers["Authorization"] == f"Basic {b64encode('acme:p:ä'.encode()).decode()}"
    assert "x-api-key" not in api.headers


def test_credentials_may_come_from_the_environment_and_both_are_sent(
    world: World, api: Api, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POINTFLOW_API_KEY", KEY)
    monkeypatch.setenv("POINTFLOW_USERNAME", "acme")
    monkeypatch.setenv("POINTFLOW_PASSWORD", "word")

    world.run("push", "send", file)

    assert set(api.headers) == {"Content-Type", "x-api-key", "Authorization"}


def test_another_api_needs_no_stack(world: World, api: Api, file: Path) -> None:
    world.run("push", "send", file, "--api-key", KEY, "--api-url", "https://api.example/v/")

    assert api.posted[0][0] == "https://api.example/v/v1/points-expirations"


@pytest.mark.parametrize(
    ("status", "code"), [(200, 0), (400, 1), (401, 1), (422, 1), (429, 1), (302, 2), (503, 2)]
)
def test_the_exit_code_says_what_became_of_it(
    world: World, api: Api, file: Path, status: int, code: int
) -> None:
    api.reply = Reply(status, b"{}")

    assert world.run("push", "send", file, "--api-key", KEY).code == code


def test_a_refusal_is_told_with_its_faults(world: World, api: Api, file: Path) -> None:
    api.reply = Reply(422, json.dumps(INVALID).encode())

    ran = world.run("push", "send", file, "--api-key", KEY)

    assert ran.out == "422 PUSH_INVALID\n"
    assert "the push has 1 fault" in ran.notes
    assert "/user_id: must be a whole number" in ran.notes


def test_json_is_the_status_and_the_answer_as_it_came(world: World, api: Api, file: Path) -> None:
    api.reply = Reply(422, json.dumps(INVALID).encode())
    assert world.run("push", "send", file, "--api-key", KEY, "--json").document == {
        "http_status": 422,
        "answer": INVALID,
    }

    api.reply = Reply(502, b"<html>")
    ran = world.run("push", "send", file, "--api-key", KEY, "--json")
    assert ran.document == {"http_status": 502, "answer": None}


@pytest.mark.parametrize("answer", [b"[]", b'"x"', b'{"errors": "x"}', b'{"errors": [1]}', b""])
def test_an_answer_of_another_shape_does_no_harm(
    world: World, api: Api, file: Path, answer: bytes
) -> None:
    api.reply = Reply(418, answer)

    ran = world.run("push", "send", file, "--api-key", KEY)

    assert (ran.code, ran.out) == (1, "418\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no credential to send"),
        (("--username", "acme"), "user name and password belong together"),
        (("--password", "x"), "user name and password belong together"),
        (("--api-key", "acme.\n"), "the API key has characters that none has"),
    ],
)
def test_without_a_usable_credential_nothing_is_sent(
    world: World, api: Api, file: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = world.run("push", "send", file, *arguments)

    assert (ran.code, api.posted) == (2, [])
    assert ran.error.startswith(f"pointflow: {said}; ")


def test_a_user_id_needs_an_object_to_go_into(world: World, api: Api, tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    for content in (b"[1]", b"\xff", b"{"):
        path.write_bytes(content)
        ran = world.run("push", "send", path, "--api-key", KEY, "--user-id", 7)
        assert "holds no JSON object" in ran.error
    assert api.posted == []


def test_a_missing_file_is_one_line(world: World, api: Api, tmp_path: Path) -> None:
    assert "No such file" in world.run("push", "send", tmp_path / "no", "--api-key", KEY).error


# --- HTTP ---------------------------------------------------------------------------------------


class Answering(HTTPSHandler, HTTPHandler):
    """Answers in place of a server."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        super().__init__()
        self.status = status
        self.error = error
        self.requests: list[Request] = []

    def _answer(self, request: Request) -> Any:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        headers = Message()
        headers["Location"] = "https://elsewhere.example/"
        answer = addinfourl(io.BytesIO(b"said"), headers, request.full_url, self.status)
        answer.msg = "Reason"  # type: ignore[attr-defined]
        return answer

    def http_open(self, req: Request) -> Any:
        return self._answer(req)

    def https_open(self, req: Request) -> Any:
        return self._answer(req)


@pytest.mark.parametrize("status", [200, 302, 401, 503])
def test_every_status_is_an_answer_and_no_redirect_is_followed(status: int) -> None:
    server = Answering(status)

    assert post("https://api.example/x", b"{}", {"x-api-key": KEY}, [server]) == Reply(
        status, b"said"
    )
    (request,) = server.requests
    assert (request.get_method(), request.data) == ("POST", b"{}")


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(111, "Connection refused"), TimeoutError(), BadStatusLine("x")]
)
def test_no_answer_is_one_line(error: Exception) -> None:
    with pytest.raises(CommandError, match=r"no answer from api\.example"):
        post("https://api.example/x", b"{}", {}, [Answering(error=error)])


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "api.example", "", "https://", "http://[::1", "https://h:x/"]
)
def test_what_is_no_url_is_said_so(url: str) -> None:
    with pytest.raises(CommandError, match="is no http or https URL"):
        post(url, b"{}", {}, [Answering()])


def test_a_credential_never_goes_out_in_plain_text() -> None:
    with pytest.raises(CommandError, match="in plain text"):
        post("http://api.example/x", b"{}", {}, [Answering()])
    assert post("http://localhost:1/x", b"{}", {}, [Answering()]).status == 200
    assert post("http://[::1]:1/x", b"{}", {}, [Answering()]).status == 200


def test_a_proxy_has_no_business_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    server = Answering()
    post(f"{URL}/x", b"{}", {}, [server])
    assert server.requests[0].host == "127.0.0.1:4566"
