from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.codes import FileCode
from pointflow.domain.file_name import (
    BatchFileName,
    is_temporary_name,
    parse_file_name,
    refuse_other_client,
    result_stem,
)
from pointflow.domain.submission import Refusal

NAME = "activities_acme_20240229235959.txt"


def refusal_of(name: str) -> Refusal:
    parsed = parse_file_name(name)
    assert isinstance(parsed, Refusal), parsed
    assert parsed.code is FileCode.FILE_NAME_INVALID
    return parsed


def test_a_valid_name_gives_the_client_and_the_moment() -> None:
    moment = int(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC).timestamp())
    assert parse_file_name(NAME) == BatchFileName("acme", moment)


@pytest.mark.parametrize("client", ["a", "A-b-9", "-", "x" * 32])
def test_client_ids_are_letters_digits_and_dashes(client: str) -> None:
    parsed = parse_file_name(f"activities_{client}_20240101000000.txt")
    assert isinstance(parsed, BatchFileName)
    assert parsed.client_id == client


@pytest.mark.parametrize(
    "name",
    [
        "",
        "activities.txt",
        "activities__20240101000000.txt",
        "activities_ac_me_20240101000000.txt",
        "activities_acmé_20240101000000.txt",
        f"activities_{'x' * 33}_20240101000000.txt",
        "activities_acme_2024010100000.txt",
        "activities_acme_202401010000000.txt",
        "activities_acme_20240101000000.csv",
        "activities_acme_20240101000000.txt.gz",
        "activities_acme_20240101000000.txt\n",
        "activities_acme_20240101000000",
        " activities_acme_20240101000000.txt",
        "sub/activities_acme_20240101000000.txt",
        "activities_acme_\uff12\uff10\uff12\uff140101000000.txt",
        "activities_acme_\u0662\u0660\u0662\u06640101000000.txt",
    ],
)
def test_file_name_invalid(name: str) -> None:
    assert "activities_<client_id>_<yyyymmddhhmiss>.txt" in refusal_of(name).message


@pytest.mark.parametrize(
    "digits",
    [
        "20230229000000",
        "20241301000000",
        "20240100000000",
        "20240101240000",
        "20240101006000",
        "20240101000060",
        "00000101000000",
    ],
)
def test_file_name_invalid_when_the_moment_does_not_exist(digits: str) -> None:
    assert f"{digits}, which is no UTC date" in refusal_of(f"activities_acme_{digits}.txt").message


def test_file_name_invalid_tells_the_partner_form_apart() -> None:
    assert "partner form" in refusal_of("partner_7_activities_acme_20240101000000.txt").message


def test_file_name_invalid_hints_at_capitals() -> None:
    assert "lower case" in refusal_of("Activities_acme_20240101000000.TXT").message


def test_file_name_invalid_shows_a_hostile_name_safely() -> None:
    message = refusal_of("\x1b[31m\u202e" + "x" * 5_000 + "\udcff").message
    assert message.isprintable()
    assert len(message) < 400


TEMPORARY = [
    f"{NAME}.filepart",
    f"{NAME}.FILEPART",
    f"{NAME}.tmp",
    f"{NAME}.part",
    f"{NAME}.partial",
    f"{NAME}.crdownload",
    f"{NAME}.swp",
    f".{NAME}",
    f".{NAME}.swp",
    f"{NAME}~",
    f"~{NAME}",
    f"~${NAME}",
    f"#{NAME}#",
]


@pytest.mark.parametrize("name", TEMPORARY)
def test_names_of_unfinished_uploads_are_known_and_refused(name: str) -> None:
    assert is_temporary_name(name)
    assert "unfinished upload" in refusal_of(name).message


@pytest.mark.parametrize("name", [NAME, "tmp", "parts.txt", "a.tmp.txt", "report.gz", "", "a#b"])
def test_other_names_are_not_temporary(name: str) -> None:
    assert not is_temporary_name(name)


def test_client_mismatch() -> None:
    name = BatchFileName("acme", 0)
    assert refuse_other_client(name, "acme") is None
    refusal = refuse_other_client(name, "Acme")
    assert refusal is not None
    assert refusal.code is FileCode.CLIENT_MISMATCH
    assert "'acme'" in refusal.message
    assert "'Acme'" in refusal.message


def test_the_stem_of_results_is_the_name_without_txt() -> None:
    assert result_stem(NAME) == "activities_acme_20240229235959"


def test_a_refused_name_never_shares_results_with_a_valid_one() -> None:
    assert result_stem("activities_acme_20240101000000") != "activities_acme_20240101000000"
    assert result_stem("a.TXT") != result_stem("a.txt")


@given(st.text(max_size=1_100), st.text(max_size=1_100))
def test_stems_fit_an_object_key_and_are_told_apart(one: str, other: str) -> None:
    for name in (one, one + ".txt"):
        assert len(result_stem(name).encode("utf-8", "surrogatepass")) <= 512
    assert (result_stem(one) == result_stem(other)) == (one == other)
    assert result_stem("é" * 600 + one) != result_stem("é" * 600 + other) or one == other
