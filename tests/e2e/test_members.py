"""Members through the deployed stack: imported, credited, read in the API, exported."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import DeployedStack, eventually
from tests.e2e.http import api_key, send

HEADER = "client_id,user_id,email,username,third_party_id,status,opening_balance\n"
LINES = (
    'acme,881001,history@example.com,"comma, ""quote""",=1+1,active,500\n'
    "acme,881002,,,=1+1,inactive,0\n"
)
FILE = "activities_acme_20260911080000.txt"
ROWS = (
    b"history@example.com||||126456789|3|1700000000\n"
    b"history@example.com||||126456789|5|1600000000\n"
    b"history@example.com||||126456789|7|1650000000\n"
)


def test_a_members_history_and_an_export_that_imports_without_a_change(
    stack: DeployedStack, tmp_path: Path
) -> None:
    members = tmp_path / "members.csv"
    members.write_text(HEADER + LINES)
    imported = stack.pointflow("members", "import", str(members), "--json")
    assert (imported.code, imported.json["opened"]) == (0, 1), imported.err
    rows = tmp_path / FILE
    rows.write_bytes(ROWS)
    submitted = stack.pointflow("submit", str(rows), "--wait", "--json")
    assert (submitted.code, submitted.json["points"]) == (0, 15), submitted.err

    _check_history(stack)
    _check_export(stack, tmp_path / "export.csv")


def _check_history(stack: DeployedStack) -> None:
    added = stack.pointflow("credentials", "add", "--scopes", "read", "--json")
    assert added.code == 0, added.err
    url = f"{stack.outputs['ApiUrl']}/v1/members/881001/credits"
    key = api_key(added.json["api_key"])

    first = eventually(
        lambda: answer if len((answer := send("GET", f"{url}?limit=2", key)).json["items"]) == 2
        else None,
        "the credits in the index",
    ).json  # fmt: skip
    second = send("GET", f"{url}?limit=2&cursor={first['next_cursor']}", key).json

    items = first["items"] + second["items"]
    assert [(item["kind"], item["line"], item["points"]) for item in items] == [
        ("opening_balance", None, 500),
        ("credit", 1, 3),
        ("credit", 3, 7),
        ("credit", 2, 5),
    ]
    assert {item["batch"] for item in items[1:]} == {FILE}
    assert second["next_cursor"] is None
    other = f"{stack.outputs['ApiUrl']}/v1/members/881002/credits"
    assert send("GET", other, key).json == {"items": [], "next_cursor": None}
    stolen = send("GET", f"{other}?cursor={first['next_cursor']}", key)
    assert stolen.told == (422, "PARAMETER_INVALID")
    nobody = f"{stack.outputs['ApiUrl']}/v1/members/881003/credits"
    assert send("GET", nobody, key).told == (404, "NOT_FOUND")

    shown = stack.pointflow("member", "show", "881001", "--history", "--json")
    assert (shown.code, shown.json["history"]) == (0, items), shown.err


def _check_export(stack: DeployedStack, path: Path) -> None:
    exported = stack.pointflow("members", "export", str(path), "--json")
    assert exported.code == 0, exported.err
    lines = path.read_text().splitlines(keepends=True)
    assert (lines[0], exported.json["members"]) == (HEADER, len(lines) - 1)
    assert {line for line in lines if line.startswith("acme,88100")} == set(
        LINES.splitlines(keepends=True)
    )

    again = stack.pointflow("members", "import", str(path), "--json")
    assert (again.code, again.json["unchanged"]) == (0, len(lines) - 1), again.err
