"""What names a member is found in whatever clients sent, and taken out; nothing else changes."""

from __future__ import annotations

import base64
import json

import pytest

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.codes import RowCode
from pointflow.domain.erasure import ERASED, Names, tombstone
from pointflow.domain.errors_csv import HEADER, error_csv_line
from pointflow.domain.push import KeyKind, MemberKey
from pointflow.domain.reject_lines import decode_rejects, encode_reject
from pointflow.services.sweep_objects import Swept, sweep_objects
from tests.fakes.erasure import FakeVersions
from tests.fakes.faults import Faults, WorkerKilled

ANN = Names("acme", 1001, "ann@example.com", "Ann", "T-1")
FILE = "activities_acme_20260101000000.txt"
REJECTS = f"rejects/acme/{FILE}/v1/000000/intake.jsonl"
ROWS = "outbound/acme/activities_acme_20260101000000_rejected.txt"
ERRORS = "outbound/acme/activities_acme_20260101000000_errors.csv"
RESULT = "outbound/acme/activities_acme_20260101000000_result.json"
HERS = RejectedRow(2, b"Ann@Example.com||||7|x", RowCode.POINTS_INVALID, "POINTS", "POINTS is 'x'")
OTHERS = RejectedRow(3, b"joann@example.com||||7|y", RowCode.POINTS_INVALID, "POINTS", "is 'y'")


@pytest.mark.parametrize(
    "row",
    [
        b"ann@example.com||||7|5",
        b"  ANN@example.COM |||7|5\r",
        b'"ann@example.com"|2|||7|5',
        b"two rows ann@example.com|x ann@example.com|y",
        b"|1001|||7|5",
        b"|001001|||7|",
        b'|"1001"|||7|',
        b"||T-1||7|5",
        b"|||Ann|7|5",
        b"\xff|1001",
        b"ann@example.com",
    ],
)
def test_a_row_that_names_the_member_is_found_sound_or_not(row: bytes) -> None:
    assert ANN.in_row(row)


@pytest.mark.parametrize(
    "row",
    [
        b"joann@example.com||||7|5",
        b"ann@example.com.au||||7|5",
        b"ann@example.community||||7|5",
        b"|10010|||7|1001",
        b"|7|T-11||1001|5",
        b"|||ann|7|5",
        b"|||Anna|7|5",
        b"1001|2|||7|5",
        b"",
    ],
)
def test_a_row_of_somebody_else_is_not(row: bytes) -> None:
    assert not ANN.in_row(row)


def test_the_end_of_a_sentence_does_not_hide_an_email() -> None:
    assert ANN.in_text("EMAIL is 'ann@example.com'; mend ann@example.com.")


@pytest.mark.parametrize(
    "body",
    [
        b'{"user_id": 1001}',
        b'{"user_id": "01001", "x": [',
        b'{"email_address": "ANN@example.com"}',
        b'{"third_party_id":"T-1"}',
    ],
)
def test_a_refused_push_that_names_the_member_is_found(body: bytes) -> None:
    assert ANN.in_push(body)


@pytest.mark.parametrize(
    "body",
    [b'{"user_id": 10010}', b'{"third_party_id": "T-11"}', b'{"points": 1001}', b"\xff"],
)
def test_a_refused_push_about_somebody_else_is_not(body: bytes) -> None:
    assert not ANN.in_push(body)


def test_a_member_without_email_is_named_by_no_text() -> None:
    assert not Names("acme", 1).in_text("anybody@example.com")


def test_a_tombstone_tells_nothing_without_its_key() -> None:
    key = MemberKey("acme", KeyKind.EMAIL, "ann@example.com")

    hashes = {tombstone(secret, key) for secret in (b"k" * 32, b"l" * 32)}

    assert len(hashes) == 2
    assert all(len(each) == 64 and "ann" not in each for each in hashes)


def quarantined(body: bytes) -> bytes:
    return json.dumps({"body_base64": base64.b64encode(body).decode()}).encode()


def bucket() -> FakeVersions:
    """Two versions of everything, of which each names Ann, and what is about others."""
    made = FakeVersions()
    for _ in range(2):
        made.put(REJECTS, encode_reject(HERS) + encode_reject(OTHERS))
        made.put(ROWS, b"Ann@Example.com||||7|x\r\njoann@example.com||||7|y\n")
        made.put(ERRORS, HEADER + error_csv_line(HERS) + error_csv_line(OTHERS))
    made.put(RESULT, b'{"rejected": 2}')
    made.put("quarantine/acme/2026-01-01/1-a.json", quarantined(b'{"user_id": 1001}'))
    made.put("quarantine/acme/2026-01-01/2-b.json", quarantined(b'{"user_id": 1002}'))
    made.put(f"rejects/globex/{FILE}/v1/000000/intake.jsonl", encode_reject(HERS))
    return made


def of_acme(found: FakeVersions) -> bytes:
    return b"".join(
        body
        for key, versions in found.kept.items()
        if "/globex/" not in key
        for _, body in versions
    )


def test_every_version_is_rid_of_the_member_and_of_nobody_else() -> None:
    found = bucket()

    assert sweep_objects(ANN, found) == Swept(rows=1, versions=6, quarantined=1)

    hers, others = decode_rejects([found.newest(REJECTS)])
    assert hers == RejectedRow(2, None, RowCode.POINTS_INVALID, None, ERASED)
    assert others == OTHERS
    assert found.newest(ROWS) == b"joann@example.com||||7|y\n"
    assert found.newest(ERRORS) == (
        HEADER + f"2,POINTS_INVALID,,{ERASED}\r\n".encode() + error_csv_line(OTHERS)
    )
    assert all(len(found.kept[key]) == 1 for key in (REJECTS, ROWS, ERRORS, RESULT))
    assert [key for key in found.kept if key.startswith("quarantine/")] == [
        "quarantine/acme/2026-01-01/2-b.json"
    ]
    assert b"Ann@Example" not in of_acme(found)
    assert len(found.kept[f"rejects/globex/{FILE}/v1/000000/intake.jsonl"]) == 1


def test_the_report_of_a_dry_run_says_nothing_of_the_members_rows_any_more() -> None:
    key = "outbound/acme/activities_acme_20260101000000_dryrun_20260101000000.v1.json"
    first = [
        {"line": row.line, "field": "POINTS", "message": row.message} for row in (HERS, OTHERS)
    ]
    found = bucket()
    found.put(key, json.dumps({"first_rejects": first}).encode())
    found.put(f"{key}.2_dryrun_.json", b"no report at all")

    sweep_objects(ANN, found)

    assert json.loads(found.newest(key))["first_rejects"] == [
        {"line": 2, "field": None, "message": ERASED},
        first[1],
    ]
    assert len(found.kept[key]) == 1
    assert found.newest(f"{key}.2_dryrun_.json") == b"no report at all"


def test_a_half_written_report_that_nobody_goes_on_with_is_deleted() -> None:
    key = f"rejects/acme/{FILE}/v1/report-1.json"
    found = FakeVersions()
    for body in (b"half", b"nearly whole"):
        found.put(key, body)

    sweep_objects(ANN, found)

    assert found.bodies() == [b"nearly whole"]


def test_sweeping_again_changes_nothing() -> None:
    found = bucket()
    sweep_objects(ANN, found)
    before = dict(found.kept)

    assert sweep_objects(ANN, found) == Swept()

    assert found.kept == before


def test_an_object_that_held_nothing_else_is_left_empty_so_that_no_older_one_comes_up() -> None:
    found = FakeVersions()
    found.put(ROWS, b"joann@example.com||||7|y\n")
    found.put(ROWS, b"|1001|||7|x\n")

    sweep_objects(ANN, found)

    assert found.newest(ROWS) == b""


def test_a_sweep_that_dies_anywhere_is_finished_by_the_next() -> None:
    whole = Faults()
    sweep_objects(ANN, whole.wrap(bucket()))
    writes = [at for at, call in enumerate(whole.calls) if call in {"writer", "put", "delete"}]
    assert len(writes) > 8
    for position in writes:
        for when in ("before", "after"):
            found = bucket()
            with pytest.raises(WorkerKilled):
                sweep_objects(ANN, Faults(position, when).wrap(found))

            sweep_objects(ANN, found)

            assert b"Ann@Example" not in of_acme(found)
            assert b"is 'x'" not in of_acme(found)
            assert found.newest(ROWS) == b"joann@example.com||||7|y\n"


def test_progress_is_told() -> None:
    told: list[int] = []

    sweep_objects(ANN, bucket(), told.append)

    assert told == [2, 4, 9]
