"""The `pointflow` command: options that every command shares, and the way errors are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from pointflow_cli import __version__
from pointflow_cli.commands import (
    activities,
    batch,
    clients,
    credentials,
    dlq,
    expirations,
    ledger,
    members,
    push,
    quarantine,
)
from pointflow_cli.commands.audit import audit
from pointflow_cli.commands.down import down
from pointflow_cli.commands.submit import submit
from pointflow_cli.commands.up import up
from pointflow_cli.commands.validate import validate
from pointflow_cli.errors import CommandError, explain, one_line
from pointflow_cli.output import notes
from pointflow_cli.stack import Selection, select

INTERRUPTED = 130

app = typer.Typer(
    name="pointflow",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"pointflow {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Stack to talk to: `local`, or a CloudFormation stack name. "
            "Also after the command, or POINTFLOW_STACK.",
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Client programme; by default the only one. "
            "Also after the command, or POINTFLOW_CLIENT.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - the callback acts on it
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """Turn batch files into points on members' accounts, and see what became of every row."""
    select(
        Selection(
            stack=os.environ.get("POINTFLOW_STACK") if stack is None else stack,
            client=os.environ.get("POINTFLOW_CLIENT") if client is None else client,
            stack_from_env=stack is None,
            client_from_env=client is None,
        )
    )


app.command()(up)
app.command()(down)
app.command()(validate)
app.command()(submit)
app.command()(audit)
app.add_typer(batch.app, name="batch")
app.add_typer(clients.app, name="clients")
app.add_typer(members.members_app, name="members")
app.add_typer(members.member_app, name="member")
app.add_typer(activities.app, name="activities")
app.add_typer(ledger.app, name="ledger")
app.add_typer(credentials.app, name="credentials")
app.add_typer(push.app, name="push")
app.add_typer(expirations.app, name="expirations")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(dlq.app, name="dlq")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str or None
        None: those of the process.

    Returns
    -------
    int
        The exit code.
    """
    try:
        code = app(arguments, prog_name="pointflow", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except BaseException as error:
        explained = explain(error)
        if explained is None:
            raise
        if line := one_line(explained):
            notes.print(line, soft_wrap=True)
        return explained.code
    if code == INTERRUPTED:  # typer turns Ctrl-C into an exit code without a word
        notes.print(one_line(CommandError("interrupted", "what was already accepted stands")))
    return code if isinstance(code, int) else 0


def run() -> None:
    """Entry point of the installed command."""
    sys.exit(main())
