"""Importing members: any order of lines, any crash and any repeat end in the same accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointflow.domain.errors import ConflictError, ContentionError, ImportRowError
from pointflow.domain.member import Member, MemberStatus
from pointflow.services import import_clashes, import_members, import_source
from pointflow.services.import_members import SharedThirdParty
from tests.fakes.member_directory import FakeMembers
from tests.unit.importing import CATALOG, HEADER, counts, run, told

SAMPLE = Path(__file__).parents[2] / "samples" / "members.csv"


@pytest.fixture
def members() -> FakeMembers:
    return FakeMembers()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


def test_the_sample_file_is_imported_whole(members: FakeMembers) -> None:
    report = import_members.import_members(SAMPLE, members=members, catalog=CATALOG, at=100)
    assert report.refused == 0
    assert report.imported == len(members)


def test_a_member_is_imported_as_rows_will_name_it(path: Path, members: FakeMembers) -> None:
    report = run(
        path,
        members,
        "acme,0042, Ann@Example.COM , Ann ,T-1,inactive,500",
        'globex,7,,"a, b",NULL,,',
    )
    assert counts(report) == (2, 0, 0, 1)
    assert members.member("acme", 42) == Member(
        "acme", 42, "ann@example.com", "Ann", "T-1", MemberStatus.INACTIVE, 500, 500
    )
    assert Member("globex", 7, username="a, b") in members


def test_importing_again_writes_nothing(path: Path, members: FakeMembers) -> None:
    lines = ("acme,1,a@example.com,ann,T-1,active,500", "acme,2,,,T-1,inactive,0")
    run(path, members, *lines)
    members.add_points("acme", 1, 30)
    writes = members.writes
    assert counts(run(path, members, *lines)) == (0, 2, 0, 0)
    assert members.writes == writes
    assert members.balance_of("acme", 1) == 530


def test_a_changed_line_changes_the_profile_and_never_the_points(
    path: Path, members: FakeMembers
) -> None:
    run(path, members, "acme,1,a@example.com,ann,T-1,active,500")
    assert counts(run(path, members, "acme,1,,bob,,inactive,900")) == (1, 0, 0, 0)
    assert members.member("acme", 1) == Member(
        "acme", 1, None, "bob", None, MemberStatus.INACTIVE, 500, 500
    )


def test_a_byte_order_mark_line_ends_and_blank_lines_do_not_matter(
    path: Path, members: FakeMembers
) -> None:
    report = run(
        path, members, "acme,1,,,,,\r\n\r\n,,,,,,\r", "acme,x,,,,,", header="\ufeff" + HEADER
    )
    assert report.imported == 1
    assert told(report) == [(5, "user_id")]


def test_columns_may_stand_in_any_order(path: Path, members: FakeMembers) -> None:
    header = "third_party_id,EMAIL,user_id, username,client_id"
    run(path, members, "T-1,a@example.com,1,ann,acme", header=header)
    assert Member("acme", 1, "a@example.com", "ann", "T-1") in members


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (",1,,,,,", "client_id"),
        ("ac_me,1,,,,,", "client_id"),
        ("nobody,1,,,,,", "client_id"),
        ("acme,,,,,,", "user_id"),
        ("acme,0,,,,,", "user_id"),
        ("acme,-1,,,,,", "user_id"),
        ("acme,1.0,,,,,", "user_id"),
        ("acme,²,,,,,", "user_id"),
        (f"acme,{'1' * 19},,,,,", "user_id"),
        (f"acme,1,{'e' * 255},,,,", "email"),
        ("acme,1,\u0130" + "e" * 252 + ",,,,", "email"),  # three bytes once it is lower-cased
        (f"acme,1,,{'é' * 128},,,", "username"),
        (f"acme,1,,,{'t' * 255},,", "third_party_id"),
        ("acme,1,,a\tb,,,", "username"),
        ('acme,1,,"a\nb",,,', "username"),
        ("acme,1,,,a\x7fb,,", "third_party_id"),
        ("acme,1,,,a\ufffeb,,", "third_party_id"),
        ("acme,1,,,,sleeping,", "status"),
        ("acme,1,,,,,-5", "opening_balance"),
        ("acme,1,,,,,1e3", "opening_balance"),
        ("acme,1,,,,,1000000000000000", "opening_balance"),
        ("acme,1,,,", None),
        ("acme,1,,,,,,", None),
        ('acme,1,,"a"b,,,', None),
        (b"acme,1,,\xff,,,", None),
        (f"acme,1,,{'x' * 200_000},,,", None),
    ],
)
def test_a_bad_line_is_refused_alone(
    path: Path, members: FakeMembers, line: str | bytes, field: str | None
) -> None:
    report = run(path, members, "acme,8,,,,,", line, "acme,9,,,,,")
    assert told(report) == [(3, field)]
    assert counts(report) == (2, 0, 1, 0)
    assert Member("acme", 8) in members
    assert Member("acme", 9) in members


def test_identifiers_of_254_bytes_are_fine(path: Path, members: FakeMembers) -> None:
    run(path, members, f"acme,1,{'é' * 127},{'u' * 254},{'t' * 254},,")
    assert Member("acme", 1, "é" * 127, "u" * 254, "t" * 254) in members


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("", "the header row is missing"),
        ("client_id,user_id,e_mail,username,third_party_id", "did you mean email?"),
        ("client_id,user_id,email,username,third_party_id,zzz", "known are client_id"),
        ("client_id,user_id,email,username", "column third_party_id is missing"),
        ("user_id,email,username,third_party_id", "column client_id is missing"),
        ("client_id,user_id,email,email,username,third_party_id", "email stands twice"),
        ('client_id,"user_id', "no readable CSV"),
    ],
)
def test_a_header_that_cannot_be_used_stops_the_import(
    path: Path, members: FakeMembers, header: str, said: str
) -> None:
    with pytest.raises(ImportRowError, match=said) as refused:
        run(path, members, "acme,1,,,", header=header)
    assert refused.value.line == 1
    assert len(members) == 0


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_that_is_not_utf_8_is_named_so(
    path: Path, members: FakeMembers, encoding: str
) -> None:
    path.write_text(f"{HEADER}\nacme,1,,,,,\n", encoding=encoding)
    with pytest.raises(ImportRowError, match="not UTF-8"):
        import_members.import_members(path, members=members, catalog=CATALOG, at=100)


def test_lines_without_a_client_belong_to_the_one_that_was_named(
    path: Path, members: FakeMembers
) -> None:
    path.write_text("user_id,email,username,third_party_id\n1,,ann,\n", encoding="utf-8")
    import_members.import_members(
        path, members=members, catalog=CATALOG, at=100, default_client=lambda: "acme"
    )
    assert Member("acme", 1, username="ann") in members


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("acme,1,a@example.com,,,,", "acme,2,A@example.com,,,,", "email"),
        ("acme,1,,ann,,,", "acme,2,,ann,,,", "username"),
        ("acme,1,,,,,", "acme,01,,,,,", "user_id"),
    ],
)
def test_two_lines_that_claim_the_same_are_both_refused_and_name_each_other(
    path: Path, members: FakeMembers, first: str, second: str, field: str
) -> None:
    report = run(path, members, first, "acme,9,,,,,", second)
    assert [(error.line, str(error)) for error in report.errors] == [
        (2, f"{field} is the same as on line 4; only one line may have it"),
        (4, f"{field} is the same as on line 2; only one line may have it"),
    ]
    assert len(members) == 1


def test_what_only_looks_the_same_is_no_clash(path: Path, members: FakeMembers) -> None:
    report = run(
        path,
        members,
        "acme,1,x@example.com,ann,T-1,,",
        "acme,2,ann,Ann,T-1,,",
        "globex,1,x@example.com,ann,T-1,,",
    )
    assert counts(report) == (3, 0, 0, 0)


def test_a_file_full_of_clashes_is_refused_whole(
    path: Path, members: FakeMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_clashes, "MOST_CLASHES", 3)
    lines = [f"acme,{user_id},,,,," for user_id in range(1, 6)]
    with pytest.raises(ImportRowError, match="is the file whole"):
        run(path, members, *lines, *lines)
    assert len(members) == 0


def test_errors_beyond_the_first_are_counted(
    path: Path, members: FakeMembers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_source, "MAX_ERRORS", 2)
    report = run(path, members, *["acme,x,,,,,"] * 5)
    assert told(report) == [(2, "user_id"), (3, "user_id")]
    assert report.refused == 5


def test_an_identifier_of_a_member_beside_the_file_is_refused_without_its_value(
    path: Path,
) -> None:
    members = FakeMembers([Member("acme", 9, email="a@example.com")])
    report = run(path, members, "acme,1,a@example.com,,,,500", "acme,2,b@example.com,,,,")
    (error,) = report.errors
    assert (error.line, error.field, str(error)) == (
        2,
        "email",
        "the email of member 1 is held by member 9",
    )
    assert counts(report) == (1, 0, 1, 0)
    assert members.member("acme", 1) is None


def test_a_conflict_of_another_kind_is_told_with_its_line(path: Path, members: FakeMembers) -> None:
    def refuse(_member: Member) -> None:
        raise ConflictError("shared by too many members")

    members.before_save = refuse
    report = run(path, members, "acme,1,,,T-1,,")
    assert told(report) == [(2, None)]


def test_an_import_that_is_throttled_for_too_long_stops(path: Path, members: FakeMembers) -> None:
    def throttle(member: Member) -> None:
        if member.user_id == 2:
            raise ContentionError("gave up")

    members.before_save = throttle
    with pytest.raises(ContentionError):
        run(path, members, "acme,1,,,,,", "acme,2,,,,,")


def test_third_party_ids_with_very_many_members_are_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_members, "MANY_SHARERS", 3)
    members = FakeMembers([Member("acme", 7, third_party_id="T-1")])
    lines = [f"acme,{user_id},,,T-{user_id % 2},," for user_id in (20, 21, 23, 25, 27)]
    report = run(path, members, *lines)
    assert report.shared == [SharedThirdParty("acme", 7, 5)]
    assert run(path, members, *lines).shared == []


def test_progress_is_told_to_the_end(path: Path, members: FakeMembers) -> None:
    path.write_text(f"{HEADER}\nacme,1,,,,,\nacme,x,,,,,\nacme,2,,,,,\n", encoding="utf-8")
    seen: list[tuple[int, int]] = []
    import_members.import_members(
        path,
        members=members,
        catalog=CATALOG,
        at=100,
        progress=lambda done, lines: seen.append((done, lines)),
    )
    assert seen[-1] == (3, 3)
