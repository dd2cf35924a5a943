"""`pointflow activities`: what members are credited for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pointflow.services.import_activities import import_activities
from pointflow_cli.output import print_json
from pointflow_cli.programme import (
    check_importable,
    client_for,
    end_import,
    open_programme,
    report_document,
    run_import,
    show_report,
)
from pointflow_cli.stack import ClientOption, JsonOption, StackOption

app = typer.Typer(no_args_is_help=True, help="Import the activities that members are credited for.")


@app.callback()
def _group() -> None:
    """Keep `import` a command of its own while it is the only one."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="CSV", help="The file to import.")],
    as_json: JsonOption = False,
    stack: StackOption = None,
    client: ClientOption = None,
) -> None:
    """Import activities from a CSV file in UTF-8; importing it again changes nothing.

    The header row names the columns, in any order: client_id, activity_id, name, default_points,
    starts_at, ends_at. Times are ISO-8601, UTC without an offset; empty is no limit; an activity
    counts from starts_at until just before ends_at. Without a client_id, `--client` counts.

    A change counts within a minute: until then rows may still be credited with the points of
    before. No row is rejected for a window that was changed before the row was decided.

    Exit code 0: all imported. 1: some lines refused. 2: the file cannot be used.

    Example:

        pointflow activities import activities.csv
    """
    check_importable(file)
    programme = open_programme(stack)
    report = run_import(
        file,
        lambda told: import_activities(
            file,
            catalog=programme.catalog,
            default_client=client_for(programme, client),
            progress=told,
        ),
    )
    if as_json:
        print_json(report_document(file, report))
    else:
        show_report(file, report)
    end_import(report)
