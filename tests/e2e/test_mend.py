"""Rejected rows go back mended, and are credited once, on the day they happened."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import DeployedStack

SENT = "activities_acme_20260821000000.txt"
MENDED = "activities_acme_20260822000000.txt"
AGAIN = "activities_acme_20260823000000.txt"
ROWS = (
    b"hana@example.com||||126456789|7\n"  # as it should be
    b"hana@exmaple.com||||126456789|20\n"  # a slip of the pen: found while crediting
    b"hana@example.com||||126456789|3oo\n"  # found at sight
    b"hana@example.com||||126456789|4000|1767225600|x\n"  # will stay wrong
)


def test_exactly_the_mended_rows_are_credited_with_the_date_they_had(
    stack: DeployedStack, tmp_path: Path
) -> None:
    before = stack.balance(1009)
    (tmp_path / SENT).write_bytes(ROWS)
    sent = stack.pointflow("submit", str(tmp_path / SENT), "--wait", "--json")
    assert (sent.code, sent.json["credited"], sent.json["rejected"]) == (1, 1, 3)

    out = tmp_path / MENDED
    written = stack.pointflow("batch", "rejects", SENT, "--mend", str(out))
    assert written.code == 0, written.err
    out.write_bytes(out.read_bytes().replace(b"exmaple", b"example").replace(b"3oo", b"300"))
    mended = stack.pointflow("submit", str(out), "--wait", "--json")

    assert (mended.code, mended.json["credited"], mended.json["rejected"]) == (1, 2, 1)
    assert stack.balance(1009) == before + 7 + 20 + 300
    credits = stack.pointflow("member", "show", "1009", "--history", "--json").json["history"]
    dates = {entry["line"]: entry["activity_date"] for entry in credits if entry["batch"] == MENDED}
    assert set(dates) == {1, 2}
    assert {text[:19] for text in dates.values()} == {sent.json["received_at"][:19]}


def test_the_rejected_file_itself_can_be_mended_and_sent_under_a_new_name(
    stack: DeployedStack, tmp_path: Path
) -> None:
    name = SENT.replace("0821", "0824")
    before = stack.balance(1009)
    (tmp_path / name).write_bytes(ROWS + b"\n")  # one line more: else it is held, sent before
    sent = stack.pointflow("submit", str(tmp_path / name), "--wait", "--json")
    assert sent.code == 1, sent.err
    rejected = stack.object(f"outbound/acme/{name.removesuffix('.txt')}_rejected.txt")

    (tmp_path / AGAIN).write_bytes(rejected.replace(b"exmaple", b"example"))
    mended = stack.pointflow("submit", str(tmp_path / AGAIN), "--wait", "--json")

    assert (mended.code, mended.json["credited"], mended.json["rejected"]) == (1, 1, 2)
    assert stack.balance(1009) == before + 7 + 20
