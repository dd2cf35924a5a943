"""`pointflow up`: start the local AWS with the stack in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from pointflow_cli.output import console, fail, note, notes, print_json
from pointflow_cli.stack import JsonOption
from pointflow_local.samples import SAMPLE_CLIENT, load_samples, with_sample_credentials
from pointflow_local.sftp_access import sftp_access
from pointflow_local.stack import bring_up
from pointflow_local.state import LocalStack


def up(
    empty: Annotated[
        bool, typer.Option("--empty", help="Without the sample clients, members and activities.")
    ] = False,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Take up the state that was kept, and keep it at `down`."),
    ] = False,
    auth: Annotated[
        bool, typer.Option("--auth", help="Enforce the template's IAM policies.")
    ] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A template parameter; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start the local AWS on 127.0.0.1 and deploy template.yaml to it.

    Returns while the stack goes on running. When it is up already, only what is missing is made:
    SFTP users of clients that were added since, and a credential for the sample client.

    Examples
    --------
        pointflow up
        pointflow up --keep --empty
        pointflow up --json | jq -r .credentials.api_key
    """
    parameters = dict(_named(each) for each in parameter or [])
    with notes.status("") as status:
        up = bring_up(
            keep=keep,
            auth=auth,
            parameters=parameters,
            prepare=None if empty else load_samples,
            say=lambda what: status.update(f"{what} ..."),
        )
    stack = replace(up.stack, credentials=None) if empty else with_sample_credentials(up.stack)
    if (stack.keep, stack.auth) != (keep, auth):
        note("it was started with other options; to change them: pointflow down, then up again")
    if as_json:
        print_json(describe(stack))
        return
    state = "is up" if up.started else "was up already"
    console.print(f"The local stack {state} at {stack.endpoint_url}.")
    if (api_url := stack.outputs.get("ApiUrl")) is not None:
        console.print(f"API: {api_url}", soft_wrap=True)
    if stack.credentials is not None:
        console.print(f"Credentials of {SAMPLE_CLIENT} for it: pointflow up --json", soft_wrap=True)
    if (sftp := sftp_access(stack, SAMPLE_CLIENT)) is not None:
        console.print(f"SFTP as {SAMPLE_CLIENT}: {sftp.command}", soft_wrap=True)
    first = "submit FILE --wait" if "UploadQueueUrl" in stack.outputs else "push send FILE"
    console.print(f"Next: pointflow --stack local {first}    Stop it: pointflow down")


def describe(stack: LocalStack) -> dict[str, Any]:
    """The answer of `up --json`, for the sample client."""
    sftp = sftp_access(stack, SAMPLE_CLIENT)
    return {
        "endpoint_url": stack.endpoint_url,
        "api_url": stack.outputs.get("ApiUrl"),
        "stack": "local",
        "bucket": stack.outputs.get("BucketName"),
        "client_id": SAMPLE_CLIENT,
        "credentials": None if stack.credentials is None else dict(stack.credentials),
        "sftp": None if sftp is None else sftp.document(),
    }


def _named(parameter: str) -> tuple[str, str]:
    name, equals, value = parameter.partition("=")
    if not name or not equals:
        fail(f"{parameter} is no template parameter", "write NAME=VALUE, such as LogLevel=DEBUG")
    return name, value
