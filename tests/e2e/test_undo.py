"""An undo through the deployed stack: the points go back once, and everybody can see it."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import DeployedStack, eventually


def test_an_undone_batch_gives_every_point_back_and_says_so(
    stack: DeployedStack, tmp_path: Path
) -> None:
    # Some cells, one rejected row, several chunks.
    rows = [b"hana@example.com||||126456789|3", b"|54064211|||126456789|2|1551456336", b"broken"]
    path = tmp_path / "activities_acme_20260907080000.txt"
    path.write_bytes(b"\n".join([*(rows[:2] * 2_000), rows[2]]) + b"\n")
    before = stack.balance(1009), stack.balance(54064211)
    sent = stack.pointflow("submit", str(path), "--wait", "--json")
    assert (sent.code, sent.json["credited"], sent.json["points"]) == (1, 4_000, 10_000)

    undo = ("batch", "undo", path.name, "--reason", "sent by mistake", "--yes", "--json")
    started = stack.pointflow(*undo)

    assert (started.code, started.json["status"]) == (0, "UNDOING")
    key = "outbound/acme/activities_acme_20260907080000"

    def undone() -> bool | None:
        return stack.result(f"{key}_result.json")["status"] == "UNDONE" or None

    eventually(undone, "the result of the undo")
    result = stack.result(f"{key}_result.json")
    assert result["undone"] == {"rows": 4_000, "points": 10_000}
    assert (result["revision"], result["credited"], result["rejected"]) == (2, 4_000, 1)
    assert stack.object(f"{key}_rejected.txt") == b"broken\n"
    assert (stack.balance(1009), stack.balance(54064211)) == before

    again = stack.pointflow(*undo)
    assert again.code == 2
    assert f"{path.name} was undone already; see: pointflow batch show" in again.err
    audit = stack.pointflow("audit", "--action", "batch.undo", "--json")
    assert [(each["subject"], each["reason"]) for each in audit.json] == [
        (path.name, "sent by mistake")
    ]

    # The content is free under a new name; the old name is not.
    corrected = tmp_path / "activities_acme_20260907080001.txt"
    corrected.write_bytes(path.read_bytes())
    resent = stack.pointflow("submit", str(corrected), "--wait", "--json")
    assert (resent.json["status"], resent.json["credited"]) == ("COMPLETED_WITH_REJECTS", 4_000)
    repeated = stack.pointflow("submit", str(path), "--wait", "--json")
    assert (repeated.code, repeated.json["status"]) == (2, "DUPLICATE")
