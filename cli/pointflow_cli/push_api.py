"""How the commands around pushes reach the API: its route, and the credentials they present."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

import typer

from pointflow_cli.output import fail

ROUTE = "/v1/points-expirations"

ApiKeyOption = Annotated[
    str | None,
    typer.Option(metavar="KEY", envvar="POINTFLOW_API_KEY", help="Sent as x-api-key."),
]
UsernameOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", envvar="POINTFLOW_USERNAME", help="Sent as Basic, with:"),
]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        envvar="POINTFLOW_PASSWORD",
        help="Its password. Others on this machine can see options: prefer the variable.",
    ),
]
ApiUrlOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where the API answers; by default that of the stack."),
]


def credential_headers(
    api_key: str | None, username: str | None, password: str | None
) -> dict[str, str]:
    """The headers that present a credential, or both kinds. A `CommandError` without any."""
    if (username is None) != (password is None):
        fail("user name and password belong together", "give both, or neither")
    if api_key is None and username is None:
        fail(
            "no credential to send",
            "set POINTFLOW_API_KEY, or POINTFLOW_USERNAME and POINTFLOW_PASSWORD",
        )
    headers = {}
    if api_key is not None:
        if not (api_key.isascii() and api_key.isprintable()):
            fail("the API key has characters that none has", "copy it again")
        headers["x-api-key"] = api_key
    if username is not None:
        headers["Authorization"] = f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
    return headers
