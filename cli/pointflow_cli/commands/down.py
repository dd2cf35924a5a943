"""`pointflow down`: stop the local AWS."""

from __future__ import annotations

from pointflow_cli.output import console, print_json
from pointflow_cli.stack import JsonOption
from pointflow_local.stack import bring_down


def down(as_json: JsonOption = False) -> None:
    """Stop the local AWS, its functions and its temporary files.

    What was started with `up --keep` is kept for the next `up --keep`.

    Examples
    --------
        pointflow down
    """
    stopped = bring_down()
    if as_json:
        print_json({"stopped": stopped})
    else:
        console.print("The local stack is down." if stopped else "No local stack was up.")
