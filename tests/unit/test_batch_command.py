"""`pointflow batch`: what it shows, and what it lets a person decide."""

from pathlib import Path

import pytest

from pointflow.domain.codes import FailureCode, FileCode, RowCode
from pointflow.domain.messages import ParsePart, ReportRequest
from pointflow.domain.submission import Failure, Refusal, Status
from pointflow.services.report_submission import report_submission
from tests.fakes.batch_desk import Desk
from tests.fakes.batch_stage import NAME, NOW, ref_of, reject, reporting

OTHER = "activities_acme_20251231000000.txt"
REF = ref_of()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def report(desk: Desk) -> None:
    report_submission(ReportRequest(REF, 1), ports=reporting(desk.stage))


def test_list_shows_the_newest_first_with_their_counts(desk: Desk) -> None:
    desk.stage.completed(REF, content="c1", at=NOW)
    desk.stage.planned(ref_of("v2", name=OTHER), content="c2", at=NOW + 60)

    ran = desk.run("batch", "list", "--json")

    assert [(item["file"], item["status"], item["credited"]) for item in ran.document] == [
        (OTHER, "PARSING", 0),
        (NAME, "COMPLETED_WITH_REJECTS", 2),
    ]
    assert [line.split()[0] for line in desk.run("batch", "list").out.splitlines()] == [
        "FILE",
        OTHER,
        NAME,
    ]


def test_list_can_be_narrowed_to_a_status_and_a_number(desk: Desk) -> None:
    desk.stage.completed(REF)
    desk.stage.held(ref_of("v2", name=OTHER), twin=ref_of("v3", name=f"{OTHER}.2"))

    held = desk.run("batch", "list", "--status", "held", "--json")
    newest = desk.run("batch", "list", "--limit", 1, "--json")

    assert [item["status"] for item in held.document] == ["HELD"]
    assert len(newest.document) == 1


def test_list_of_nothing_is_an_empty_array_and_a_hint_for_people(desk: Desk) -> None:
    assert desk.run("batch", "list", "--json").document == []
    assert "has no submission of status HELD" in desk.run("batch", "list", "--status", "HELD").notes


def test_show_counts_what_is_decided_while_work_goes_on(desk: Desk) -> None:
    desk.stage.planned(REF, newlines=(10, 10))
    desk.stage.closed(REF, 0, chunks=2, rows=10, rejects=[reject(1)])
    desk.stage.credited(REF, 0, (2, 5), credited=4, points=400)
    desk.stage.credited(REF, 1, (11, 12), credited=2, points=200)

    shown = desk.run("batch", "show", NAME, "--json").document

    assert shown["status"] == "PARSING"
    assert (shown["rows"], shown["credited"], shown["rejected"], shown["points"]) == (12, 6, 1, 600)
    assert shown["result_key"] is None


def test_show_names_the_owner_and_others_of_the_name_beside_it(desk: Desk) -> None:
    desk.stage.completed(REF, at=NOW)
    report(desk)
    desk.stage.planned(ref_of("v2"), at=NOW + 60)
    refused = ref_of("v3")
    desk.stage.received(refused, at=NOW + 120)
    desk.stage.store.refuse(refused, Refusal(FileCode.FILE_NAME_REUSED, "is taken"), NOW + 120)

    shown = desk.run("batch", "show", NAME, "--json").document

    assert (shown["version"], shown["status"]) == ("v1", "COMPLETED_WITH_REJECTS")
    assert shown["counts"] == {"COLUMN_COUNT": 1}
    assert shown["result_key"] == "outbound/acme/activities_acme_20260101000000_result.json"
    assert [(other["version"], other["status"]) for other in shown["others"]] == [
        ("v3", "REFUSED"),
        ("v2", "DUPLICATE"),
    ]


def test_show_tells_people_why_and_what_to_do_next(desk: Desk) -> None:
    desk.stage.completed(REF)
    report(desk)
    desk.stage.planned(ref_of("v2"))

    ran = desk.run("batch", "show", NAME)

    assert "COLUMN_COUNT: 1 row rejected" in ran.out
    assert f"pointflow batch rejects {NAME}" in ran.out
    assert "result: outbound/acme/activities_acme_20260101000000_result.json" in ran.out
    assert "Other submissions of the name:" in ran.out


def test_show_says_why_a_batch_failed(desk: Desk) -> None:
    desk.stage.planned(REF)
    desk.stage.store.fail(REF, Failure(FailureCode.OBJECT_UNREADABLE, "the file is gone"), NOW)

    assert "OBJECT_UNREADABLE: the file is gone" in desk.run("batch", "show", NAME).out


def test_show_takes_a_path_to_the_file(desk: Desk) -> None:
    desk.stage.completed(REF)

    assert desk.run("batch", "show", f"outbox/{NAME}", "--json").document["file"] == NAME


@pytest.mark.parametrize("command", ["show", "rejects", "release", "discard"])
def test_an_unknown_batch_is_one_line_with_the_next_step(desk: Desk, command: str) -> None:
    ran = desk.run("batch", command, "nothing.txt", "--json")

    assert (ran.code, ran.out) == (2, "")
    assert ran.error == (
        "pointflow: client acme has no batch nothing.txt; see: pointflow batch list"
    )


def test_rejects_lists_those_of_intake_and_crediting_in_line_order(desk: Desk) -> None:
    desk.stage.planned(REF)
    desk.stage.closed(REF, 0, chunks=1, rows=3, rejects=[reject(1), reject(3)])
    desk.stage.credited(REF, 0, (2, 2), credited=0, rejects=[reject(2, RowCode.MEMBER_NOT_FOUND)])
    desk.stage.settled(REF)

    ran = desk.run("batch", "rejects", NAME, "--json")

    assert [(row["line"], row["code"]) for row in ran.document] == [
        (1, "COLUMN_COUNT"),
        (2, "MEMBER_NOT_FOUND"),
        (3, "COLUMN_COUNT"),
    ]
    assert set(ran.document[0]) == {"line", "code", "field", "message"}
    assert desk.run("batch", "rejects", NAME).out.splitlines()[1] == (
        "line 2: MEMBER_NOT_FOUND: line 2 is not as it should be"
    )


def test_rejects_of_a_clean_batch_are_an_empty_array(desk: Desk) -> None:
    desk.stage.planned(REF)
    desk.stage.closed(REF, 0, chunks=1, rows=1)
    desk.stage.credited(REF, 0, (1, 1), credited=1)
    desk.stage.settled(REF)

    assert desk.run("batch", "rejects", NAME, "--json").document == []
    assert "has no rejected rows" in desk.run("batch", "rejects", NAME).notes


def test_rejects_can_be_written_as_csv(desk: Desk, tmp_path: Path) -> None:
    desk.stage.completed(REF)

    ran = desk.run("batch", "rejects", NAME, "--csv", tmp_path / "out.csv")

    assert (tmp_path / "out.csv").read_bytes() == (
        b"line,code,field,message\r\n2,COLUMN_COUNT,,line 2 is not as it should be\r\n"
    )
    assert "1 rejected row in" in ran.notes
    assert ran.out == ""


def test_rejects_as_csv_and_json_at_once_are_refused(desk: Desk, tmp_path: Path) -> None:
    ran = desk.run("batch", "rejects", NAME, "--json", "--csv", tmp_path / "out.csv")

    assert (ran.code, ran.error) == (
        2,
        "pointflow: --csv and --json exclude each other; choose one",
    )


def test_release_lets_a_held_file_go_on(desk: Desk) -> None:
    desk.stage.held(REF, twin=ref_of("v0", name=OTHER))

    ran = desk.run("batch", "release", NAME, "--json")

    assert (ran.code, ran.document["status"]) == (0, "PARSING")
    assert desk.stage.parts.sent == [ParsePart(REF, 0, 1)]


def test_release_may_be_repeated_while_the_file_is_parsed(desk: Desk) -> None:
    desk.stage.held(REF, twin=ref_of("v0", name=OTHER))
    desk.run("batch", "release", NAME)

    assert desk.run("batch", "release", NAME).code == 0
    assert len(desk.stage.parts.sent) == 2


def test_discard_drops_a_held_file_and_asks_for_its_result(desk: Desk) -> None:
    desk.stage.held(REF, twin=ref_of("v0", name=OTHER))

    ran = desk.run("batch", "discard", NAME)

    assert (ran.code, ran.out) == (0, f"discarded {NAME}\n")
    assert desk.stage.on_record(REF).status is Status.DISCARDED
    assert desk.stage.reports.requested == [ReportRequest(REF, 2)]


@pytest.mark.parametrize("command", ["release", "discard"])
def test_a_file_that_is_not_held_is_left_as_it_is(desk: Desk, command: str) -> None:
    desk.stage.completed(REF)

    ran = desk.run("batch", command, NAME)

    assert ran.code == 2
    assert ran.error == (
        f"pointflow: {NAME} is COMPLETED_WITH_REJECTS, not HELD; see: pointflow batch show {NAME}"
    )
    assert desk.stage.parts.sent == []
