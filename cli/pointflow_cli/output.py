"""What a command prints: answers on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from pointflow_cli.errors import fail

__all__ = ["console", "counted", "fail", "note", "notes", "print_json"]

# Data is printed as it stands: no markup, no emoji codes, no colour guessed from digits.
console = Console(markup=False, emoji=False, highlight=False)
"""For people, on stdout. Tables and plain lines; never used under `--json`."""

notes = Console(stderr=True, markup=False, emoji=False, highlight=False)
"""For people, on stderr: progress, the target stack, hints."""


def note(message: str) -> None:
    """Say something on the side, as one line on stderr."""
    notes.print(message, soft_wrap=True, style="dim")


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 row`, `2,000 rows`. `many`: where an s does not do."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def print_json(document: Any) -> None:
    """Print the answer of a `--json` command: exactly one JSON document on stdout.

    Parameters
    ----------
    document : object or array
        Anything `json` knows. Text that is not valid Unicode is escaped, so that the output is
        always readable JSON in plain ASCII.
    """
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
