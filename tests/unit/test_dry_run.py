"""A dry run says what happens then, and nothing happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointflow.domain.client import DuplicateContent, Matching
from pointflow.domain.dry_run import dry_run_fields, would_be
from pointflow.domain.forecast import Forecast, Granted
from pointflow.domain.submission import Status, Submission, SubmissionRef, dry_runs_of
from tests.unit.flow_world import FlowWorld

NAME = "activities_acme_20251009085320.txt"
OTHER = "activities_acme_20251009085321.txt"
BAD_NAME = "activities_acme_20251399085320.txt"
THEIRS = "activities_globex_20251009085320.txt"

GOOD = b"ann@example.com||||7"
ROWS = [
    GOOD,
    b"|1|||7|120",
    b"|||bob|7|0",
    b"||shared||7|5|900000000",
    b"nobody@example.com||||7",
    b"nobody@example.com|||bob|7",
    b"cat@example.com||||7",
    b"ann@example.com|||bob|7",
    b"ann@example.com||||8",
    b"ann@example.com||||8||900000000",
    b"ann@example.com||||99",
    b"null||||7",
    b"ann@example.com||||",
    b"broken",
    b"\xff||||7",
    b"|||ann|7|-5",
    b"",
    b"   ",
]
bodies = st.lists(st.sampled_from(ROWS), max_size=24).map(b"\n".join)
files = st.tuples(st.sampled_from([NAME, OTHER, BAD_NAME, THEIRS]), bodies.filter(len))


def decided(world: FlowWorld, submission: Submission) -> dict[str, Any]:
    """All that a client is told of a file, apart from which upload it was."""
    return {
        "status": would_be(submission),
        "tally": submission.tally,
        "refusal": submission.refusal,
        "content": submission.content,
        "twin": submission.twin,
        "rejects": [
            (row.line, row.code, row.field, row.message, row.raw)
            for row in world.rejects(submission)
        ],
    }


@settings(max_examples=150)
@given(
    earlier=st.lists(files, max_size=2),
    file=files,
    again=st.booleans(),
    matching=st.sampled_from(Matching),
    duplicate_content=st.sampled_from(DuplicateContent),
)
def test_a_dry_run_decides_what_the_file_then_becomes_and_changes_nothing(
    earlier: list[tuple[str, bytes]],
    file: tuple[str, bytes],
    again: bool,
    matching: Matching,
    duplicate_content: DuplicateContent,
) -> None:
    world = FlowWorld(matching, duplicate_content)
    for name, body in earlier:
        world.send(name, body)
    name, body = (file[0], earlier[0][1]) if again and earlier else file
    before = world.everything()

    dry = world.send(name, body, dry_run=True)

    assert world.everything() == before
    foretold = decided(world, dry)
    earnest = world.send(name, body)
    if earnest.status is Status.HELD:
        # What it tells of the rows is what a release then credits.
        assert foretold["status"] is Status.HELD
        released = decided(world, world.release(earnest))
        assert foretold == {**released, "status": Status.HELD}
    else:
        assert foretold == decided(world, earnest)


def test_the_report_tells_matches_points_activities_rejects_and_conflicts() -> None:
    world = FlowWorld()
    body = b"\n".join([GOOD, b"|1|||7|120", b"ann@example.com|||bob|7", b"x@y||||7", b"broken"])

    report = json.loads(world.report_of(world.send(NAME, body, dry_run=True)))

    assert (report["dry_run"], report["would_be"]) == (True, "COMPLETED_WITH_REJECTS")
    assert (report["rows"], report["credited"], report["rejected"]) == (5, 3, 2)
    assert (report["points"], report["identity_conflicts"]) == (220, 1)
    assert report["activities"] == [{"activity_id": 7, "rows": 3, "points": 220}]
    assert report["counts"] == {"COLUMN_COUNT": 1, "MEMBER_NOT_FOUND": 1}
    assert [(each["line"], each["code"]) for each in report["first_rejects"]] == [
        (4, "MEMBER_NOT_FOUND"),
        (5, "COLUMN_COUNT"),
    ]
    matching = report["matching"]
    assert (matching["rows"], matching["matched"], matching["rate"]) == (4, 3, 0.75)
    assert matching["by_identifier"] == {
        "CT_USER_ID": {"carried": 1, "known": 1, "rate": 1.0, "matched": 1},
        "EMAIL": {"carried": 3, "known": 2, "rate": 0.6667, "matched": 2},
        "USERNAME": {"carried": 1, "known": 1, "rate": 1.0, "matched": 0},
        "THIRD_PARTY_ID": {"carried": 0, "known": 0, "rate": None, "matched": 0},
    }


def test_reports_name_no_file_of_anybody_else_and_never_take_each_others_place() -> None:
    world = FlowWorld()
    for _ in range(2):
        world.send(NAME, GOOD, dry_run=True)
    world.send(NAME, GOOD)

    stem = "outbound/acme/activities_acme_20251009085320"
    assert sorted(key for key in world.objects.written if key.startswith("outbound/")) == [
        f"{stem}_dryrun_20251009085320.v1.json",
        f"{stem}_dryrun_20251009085320.v2.json",
        f"{stem}_result.json",
    ]


def test_a_file_that_would_be_held_tells_for_whom_and_what_a_release_would_credit() -> None:
    world = FlowWorld()
    world.send(NAME, GOOD)

    report = json.loads(world.report_of(world.send(OTHER, GOOD, dry_run=True)))

    assert (report["would_be"], report["held_for"]) == ("HELD", f"acme/{NAME}")
    assert (report["credited"], report["points"]) == (1, 50)


def test_a_file_that_would_be_refused_or_is_sent_already_tells_so() -> None:
    world = FlowWorld()
    sent = world.send(NAME, GOOD)

    other = json.loads(world.report_of(world.send(NAME, b"|1|||7", dry_run=True)))
    same = json.loads(world.report_of(world.send(NAME, GOOD, dry_run=True)))

    assert (other["would_be"], other["refusal"]["code"]) == ("REFUSED", "FILE_NAME_REUSED")
    assert "lines 1-1 are credited" in other["refusal"]["message"]
    assert (same["would_be"], same["duplicate_of"]) == ("DUPLICATE", sent.ref.version)
    assert (same["credited"], same["points"], same["activities"]) == (0, 0, [])


def test_at_most_a_hundred_rejected_lines_are_told_one_by_one() -> None:
    world = FlowWorld()

    report = json.loads(world.report_of(world.send(NAME, b"broken\n" * 150, dry_run=True)))

    assert [each["line"] for each in report["first_rejects"]] == list(range(1, 101))
    assert report["rejected"] == 150


def test_dry_runs_are_listed_apart() -> None:
    world = FlowWorld()
    dry = world.send(NAME, GOOD, dry_run=True)
    earnest = world.send(NAME, GOOD)

    assert list(world.store.listing("acme")) == [earnest]
    assert list(world.store.listing(dry_runs_of("acme"))) == [dry]
    assert list(world.store.of_batch("acme", NAME)) == [earnest]


def test_a_dry_run_has_names_that_no_clients_folder_can_have() -> None:
    dry = SubmissionRef("acme", NAME, "v1", dry_run=True)
    other = SubmissionRef("dryrun", f"acme/{NAME}", "v1")

    assert (dry.batch, other.batch) == (f"/dryrun/acme/{NAME}", f"dryrun/acme/{NAME}")
    assert dry.key == f"dryrun/acme/{NAME}"
    assert dry.in_earnest == SubmissionRef("acme", NAME, "v1")


granted = st.builds(Granted, st.integers(0, 9), st.integers(0, 99))
forecasts = st.builds(
    Forecast,
    st.integers(0, 9),
    st.dictionaries(st.sampled_from(["EMAIL", "USERNAME"]), st.integers(1, 9)),
    st.dictionaries(st.sampled_from(["EMAIL", "USERNAME"]), st.integers(1, 9)),
    st.dictionaries(st.sampled_from(["EMAIL", "USERNAME"]), st.integers(1, 9)),
    st.dictionaries(st.integers(1, 3), granted),
)


@given(forecasts, forecasts)
def test_forecasts_add_up(one: Forecast, other: Forecast) -> None:
    both = one + other
    assert both == other + one
    assert both.rows == one.rows + other.rows
    for activity_id in {*one.activities, *other.activities}:
        parts = [each.activities.get(activity_id, Granted()) for each in (one, other)]
        assert both.activities[activity_id] == parts[0] + parts[1]


@pytest.mark.parametrize(
    ("found", "rate"), [(0, 0.0), (1, 0.0001), (99_999, 0.9999), (100_000, 1.0)]
)
def test_a_rate_never_says_all_or_nothing_where_that_is_not_so(found: int, rate: float) -> None:
    world = FlowWorld()
    dry = world.send(NAME, GOOD, dry_run=True)
    forecast = Forecast(rows=100_000, matched={"EMAIL": found} if found else {})

    assert dry_run_fields(dry, forecast, [])["matching"]["rate"] == rate
