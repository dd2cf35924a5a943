"""Writes docs/openapi.json, or says where it, the code and template.yaml have come apart.

python -m openapi [--check]
"""

from __future__ import annotations

import sys

from http_api import app as http_api
from openapi.document import ROOT, differences, text
from pointflow_local.template import FUNCTION, read_template, resources

TARGET = ROOT / "docs" / "openapi.json"
PUSH = ("POST", "/v1/points-expirations")


def main(arguments: list[str]) -> int:
    """Answer the exit code."""
    found = list(differences({*http_api.ROUTES, PUSH}, _deployed()))
    if not found and "--check" not in arguments:
        TARGET.write_text(text())
    elif not found and (not TARGET.exists() or TARGET.read_text() != text()):
        found = ["docs/openapi.json is not what the code says: run make openapi"]
    for each in found:
        sys.stderr.write(f"{each}\n")
    return 1 if found else 0


def _deployed() -> set[tuple[str, str]]:
    """The routes of template.yaml."""
    template = read_template(ROOT / "template.yaml")
    return {
        (event["Properties"]["Method"].upper(), event["Properties"]["Path"])
        for _, function in resources(template, FUNCTION)
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
