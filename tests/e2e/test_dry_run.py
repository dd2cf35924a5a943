"""A dry run through the deployed stack says exactly what the file then becomes."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import DeployedStack

SAMPLE = Path(__file__).parents[2] / "samples" / "batches" / "activities_acme_20260901120000.txt"


def test_a_dry_run_of_rows_of_every_kind_tells_what_then_happens(
    stack: DeployedStack, tmp_path: Path
) -> None:
    path = tmp_path / "activities_acme_20260908080000.txt"
    path.write_bytes(SAMPLE.read_bytes() + b"hana@example.com||||126456789|8080\n")
    before = stack.balance(1009)

    dry = stack.pointflow("submit", str(path), "--dry-run", "--wait", "--json")

    assert dry.code == 1, dry.err
    report = dry.json
    assert (report["dry_run"], report["would_be"]) == (True, "COMPLETED_WITH_REJECTS")
    assert stack.balance(1009) == before
    listed = stack.pointflow("batch", "list", "--dry-run", "--json").json
    assert [each["file"] for each in listed] == [path.name]
    assert stack.pointflow("batch", "show", path.name).code == 2
    key = f"outbound/acme/activities_acme_20260908080000_dryrun_{_digits(report['received_at'])}"
    assert stack.result(f"{key}.{report['submission']}.json") == report

    sent = stack.pointflow("submit", str(path), "--wait", "--json").json

    for field in ("rows", "blank", "credited", "rejected", "points", "counts", "warnings"):
        assert report[field] == sent[field], field
    assert report["would_be"] == sent["status"]
    assert sum(each["points"] for each in report["activities"]) == sent["points"]
    rejects = stack.pointflow("batch", "rejects", path.name, "--json").json
    # A row without a date took place when its file was received, which a message may tell.
    for foretold, rejected in zip(report["first_rejects"], rejects, strict=True):
        assert [foretold[name] for name in ("line", "code", "field")] == [
            rejected[name] for name in ("line", "code", "field")
        ]

    again = stack.pointflow("submit", str(path), "--dry-run", "--wait", "--json")
    assert (again.code, again.json["would_be"], again.json["points"]) == (2, "DUPLICATE", 0)


def _digits(moment: str) -> str:
    return "".join(filter(str.isdigit, moment))
