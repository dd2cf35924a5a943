"""`pointflow push`: send pushes to the API as the loyalty platform does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pointflow_cli import http_post
from pointflow_cli.commands.simulate import simulate
from pointflow_cli.output import console, fail, notes, print_json
from pointflow_cli.push_api import (
    ROUTE,
    ApiKeyOption,
    ApiUrlOption,
    PasswordOption,
    UsernameOption,
    credential_headers,
)
from pointflow_cli.stack import JsonOption, StackOption, open_stack

app = typer.Typer(no_args_is_help=True, help="Send points-expiration pushes.")

app.command()(simulate)


@app.command()
def send(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The JSON body; `-` reads it from stdin.")
    ],
    *,
    user_id: Annotated[
        int | None,
        typer.Option(
            metavar="ID", min=1, help="CT user id to put into the body, in place of any in it."
        ),
    ] = None,
    api_key: ApiKeyOption = None,
    username: UsernameOption = None,
    password: PasswordOption = None,
    api_url: ApiUrlOption = None,
    as_json: JsonOption = False,
    stack: StackOption = None,
) -> None:
    """Send a body to the API, byte for byte as it is in the file, and print the answer.

    With both kinds of credential, both are sent. Exit code 0: taken in. 1: refused. 2: not sent,
    or the API could not take it in just now: send it again.

    Examples
    --------
        POINTFLOW_API_KEY=acme.… pointflow push send push.json

        pointflow push send push.json --user-id 1001 --username acme --password …
    """
    headers = {
        "Content-Type": "application/json",
        **credential_headers(api_key, username, password),
    }
    body = _body(file, user_id)
    url = api_url.rstrip("/") if api_url else open_stack(stack).api_url
    reply = http_post.post(url + ROUTE, body, headers)
    answer = _document(reply)
    if as_json:
        print_json({"http_status": reply.status, "answer": answer})
    else:
        _show(reply, answer)
    if reply.status != 200:
        raise typer.Exit(1 if 400 <= reply.status < 500 else 2)


def _body(file: Path, user_id: int | None) -> bytes:
    body = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    if user_id is None:
        return body
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        fail(f"{file} holds no JSON object to put a user id into", "send it without --user-id")
    return json.dumps({**document, "user_id": user_id}).encode()


def _document(reply: http_post.Reply) -> Any:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def _show(reply: http_post.Reply, answer: Any) -> None:
    told = answer if isinstance(answer, dict) else {}
    if reply.status == 200:
        console.print(f"{reply.status} {told.get('status', '')}".rstrip(), soft_wrap=True)
        return
    console.print(f"{reply.status} {told.get('code', '')}".rstrip(), soft_wrap=True)
    if told.get("detail"):
        notes.print(str(told["detail"]), soft_wrap=True)
    faults = told.get("errors")
    for fault in faults if isinstance(faults, list) else ():
        if isinstance(fault, dict):  # whoever else may have answered
            parts = (fault.get("path"), fault.get("message"))
            notes.print(": ".join(str(part) for part in parts if part), soft_wrap=True)
