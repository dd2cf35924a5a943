"""`pointflow down`: stop the local AWS."""

from __future__ import annotations

from pointflow_cli.output import console
from pointflow_local.stack import bring_down


def down() -> None:
    """Stop the local AWS, its functions and its temporary files.

    What was started with `up --keep` is kept for the next `up --keep`.

    Examples
    --------
        pointflow down
    """
    stopped = bring_down()
    console.print("The local stack is down." if stopped else "No local stack was up.")
