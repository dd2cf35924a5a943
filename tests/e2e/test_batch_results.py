"""The sample files go through the deployed stack: exact points, and a reason for each bad row."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pointflow.domain.codes import RowCode
from tests.e2e.conftest import DeployedStack

SAMPLES = Path(__file__).parents[2] / "samples" / "batches"

ACME_GAINS = {
    1001: 500,  # 100 by default, 400 by override
    1002: 650,
    1003: 50,
    54064211: 100,
    1005: 155,  # the lowest of a shared third party id; CT user id first; email before username
    1006: 0,
    1007: 0,  # inactive
    1008: 1,  # an explicit zero, then 1
    1009: 225,  # 25 by override, 200 within the activity's window
    1010: 0,
    1011: 100,
}
ACME_REJECTS = {
    17: "COLUMN_COUNT",
    18: "LINE_TOO_LONG",
    19: "ENCODING_INVALID",
    20: "CONTROL_CHARACTER",
    21: "COLUMN_COUNT",
    22: "FIELD_ENCLOSED",
    23: "FIELD_TOO_LONG",
    24: "CT_USER_ID_INVALID",
    25: "IDENTIFIER_MISSING",
    26: "ACTIVITY_ID_MISSING",
    27: "ACTIVITY_ID_INVALID",
    28: "POINTS_INVALID",
    29: "POINTS_INVALID",
    30: "ACTIVITY_DATE_INVALID",
    31: "ACTIVITY_DATE_INVALID",
    32: "MEMBER_NOT_FOUND",
    33: "MEMBER_INACTIVE",
    34: "ACTIVITY_UNKNOWN",
    35: "ACTIVITY_INACTIVE",
    36: "CT_USER_ID_INVALID",
}
GLOBEX_GAINS = {1001: 0, 2002: 2040, 2003: 0, 2004: 0}
GLOBEX_REJECTS = {
    1: "HEADER_ROW",
    3: "MEMBER_AMBIGUOUS",
    5: "MEMBER_NOT_FOUND",
    7: "MEMBER_INACTIVE",
    8: "MEMBER_NOT_FOUND",
}


def test_every_row_code_is_provoked_by_the_samples() -> None:
    assert {*ACME_REJECTS.values(), *GLOBEX_REJECTS.values()} == {code.value for code in RowCode}


@pytest.mark.parametrize(
    ("client", "gains", "rejects", "blank", "warnings"),
    [
        ("acme", ACME_GAINS, ACME_REJECTS, 1, {"IDENTITY_CONFLICT": 1, "NULL_LITERAL": 2}),
        ("globex", GLOBEX_GAINS, GLOBEX_REJECTS, 0, {}),
    ],
)
def test_a_sample_file_is_credited_exactly_and_answered_row_by_row(
    stack: DeployedStack,
    client: str,
    gains: Mapping[int, int],
    rejects: Mapping[int, str],
    blank: int,
    warnings: Mapping[str, int],
) -> None:
    path = SAMPLES / f"activities_{client}_20260901120000.txt"
    before = {user: stack.balance(user, client) for user in gains}

    submitted = stack.pointflow("submit", str(path), "--wait", "--json", "--client", client)

    assert submitted.code == 1, submitted.err
    assert {user: stack.balance(user, client) - points for user, points in before.items()} == gains
    result = submitted.json
    sent = path.read_bytes().split(b"\n")
    rows = sum(1 for line in sent if line)
    assert (result["status"], result["rows"], result["blank"]) == (
        "COMPLETED_WITH_REJECTS",
        rows,
        blank,
    )
    assert (result["credited"], result["rejected"]) == (rows - len(rejects), len(rejects))
    assert result["points"] == sum(gains.values())
    assert result["warnings"] == warnings
    _check_result_files(stack, client, rejects, sent, result)


def _check_result_files(
    stack: DeployedStack,
    client: str,
    rejects: Mapping[int, str],
    sent: list[bytes],
    result: Mapping[str, Any],
) -> None:
    stem = f"outbound/{client}/activities_{client}_20260901120000"
    written = stack.result(f"{stem}_result.json")
    assert written["files"] == {"errors": f"{stem}_errors.csv", "rejected": f"{stem}_rejected.txt"}
    for field in ("status", "rows", "credited", "rejected", "points", "counts", "warnings"):
        assert written[field] == result[field], field

    errors = list(csv.DictReader(io.StringIO(stack.object(f"{stem}_errors.csv").decode())))
    assert {int(error["line"]): error["code"] for error in errors} == rejects
    assert not [error for error in errors if error["message"].startswith(("=", "+", "-", "@"))]

    # As sent to the byte, over-long lines apart.
    returned = [sent[line - 1] for line, code in rejects.items() if code != "LINE_TOO_LONG"]
    assert stack.object(f"{stem}_rejected.txt") == b"".join(row + b"\n" for row in returned)

    shown = stack.pointflow(
        "batch", "rejects", f"activities_{client}_20260901120000.txt", "--client", client, "--json"
    )
    assert shown.code == 0, shown.err
    assert {reject["line"]: reject["code"] for reject in shown.json} == rejects


def test_the_mended_rejects_are_credited_and_nothing_else(
    stack: DeployedStack, tmp_path: Path
) -> None:
    bad = tmp_path / "activities_acme_20260905080000.txt"
    bad.write_bytes(b"hana@example.com||||126456789|7\nhana@example.com||||126456789|seven\n")
    before = stack.balance(1009)
    first = stack.pointflow("submit", str(bad), "--wait", "--json")
    assert (first.code, first.json["credited"]) == (1, 1)

    rejected = stack.object("outbound/acme/activities_acme_20260905080000_rejected.txt")
    mended = tmp_path / "activities_acme_20260905080001.txt"
    mended.write_bytes(rejected.replace(b"seven", b"70"))
    second = stack.pointflow("submit", str(mended), "--wait", "--json")

    assert (second.code, second.json["credited"]) == (0, 1)
    assert stack.balance(1009) - before == 77


def test_a_file_of_many_cells_keeps_its_line_numbers_and_its_rows(
    stack: DeployedStack, tmp_path: Path
) -> None:
    good = b"|54064211|||126456789|1|1551456336"
    rows = [good if line % 1000 else b"broken" for line in range(1, 8001)]
    path = tmp_path / "activities_acme_20260906080000.txt"
    path.write_bytes(b"\n".join(rows))
    before = stack.balance(54064211)

    submitted = stack.pointflow("submit", str(path), "--wait", "--json")

    assert submitted.code == 1, submitted.err
    assert (submitted.json["rows"], submitted.json["credited"]) == (8000, 7992)
    assert stack.balance(54064211) - before == 7992
    shown = stack.pointflow("batch", "rejects", path.name, "--json")
    assert [reject["line"] for reject in shown.json] == list(range(1000, 8001, 1000))
