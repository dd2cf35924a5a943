import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointflow.domain.batch_row import COLUMNS, Row, RowFault
from pointflow.domain.codes import FileCode, RowCode, WarningCode
from tests.unit.parsing import GOOD, RECEIVED_AT, code_of, fault_of, parse, row_of

HEADER = "EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID|POINTS|ACTIVITY_DATE"


# --- what a valid row says


def test_a_row_with_every_column_is_read_as_documented() -> None:
    assert row_of("Ann@Example.com|54064211|crm-7|Ann|126456789|400|1551456336") == Row(
        email="ann@example.com",
        ct_user_id=54064211,
        third_party_id="crm-7",
        username="Ann",
        activity_id=126456789,
        points=400,
        activity_date=1551456336,
        nulls=0,
    )


@pytest.mark.parametrize("columns", [5, 6, 7])
def test_the_last_two_columns_may_be_left_out_or_empty(columns: int) -> None:
    row = row_of("|8|||9||"[: 6 + columns - 5])
    assert (row.ct_user_id, row.activity_id, row.points, row.activity_date) == (8, 9, None, None)


def test_zero_points_are_explicit_and_none_are_the_activitys_default() -> None:
    assert row_of("|8|||9|0").points == 0
    assert row_of("|8|||9|").points is None


def test_spaces_around_a_field_are_trimmed_and_nothing_else_is() -> None:
    row = row_of("  a@b  | 8 |  t p  |\u00a0u\u00a0| 9 | 5 | 6 ")
    assert (row.email, row.ct_user_id, row.activity_id, row.points) == ("a@b", 8, 9, 5)
    assert (row.third_party_id, row.username, row.activity_date) == ("t p", "\u00a0u\u00a0", 6)


def test_only_the_email_is_lower_cased() -> None:
    row = row_of("ÄNN@X.COM|| ID |Name|9")
    assert (row.email, row.third_party_id, row.username) == ("änn@x.com", "ID", "Name")


@pytest.mark.parametrize("null", ["null", "NULL", "Null", "  nUlL "])
def test_null_in_any_case_is_absent_and_counted(null: str) -> None:
    row = row_of(f"{null}|8|{null}|{null}|9|{null}|{null}")
    assert row == Row(None, 8, None, None, 9, None, None, nulls=5)


def test_null_within_a_value_is_a_value() -> None:
    row = row_of("null@x.com|||nullable|9")
    assert (row.email, row.username, row.nulls) == ("null@x.com", "nullable", 0)


def test_leading_zeros_mean_the_same_integer() -> None:
    row = row_of("|00054064211|||000126456789|0400|01551456336")
    assert row == row_of("|54064211|||126456789|400|1551456336")


def test_a_lone_quote_is_literal() -> None:
    row = row_of('"|||5" screen|9')
    assert (row.email, row.username) == ('"', '5" screen')


@pytest.mark.parametrize("blank", [b"", b" ", b"     ", b"\r", b"   \r"])
def test_a_line_of_nothing_but_spaces_is_blank(blank: bytes) -> None:
    assert parse(blank) is None


@pytest.mark.parametrize("line", [b"\t", b"\xc2\xa0", b"\r\r", b"\r ", b"|", "\u3000".encode()])
def test_a_line_of_anything_else_is_not_blank(line: bytes) -> None:
    assert isinstance(parse(line), RowFault)


def test_the_cr_of_a_crlf_is_no_part_of_the_last_field() -> None:
    assert row_of("|8|||9|5\r").points == 5
    assert row_of("|8|||9\r").activity_id == 9


# --- one example for each code


def test_line_too_long() -> None:
    assert code_of(b"x" * 4_097) is RowCode.LINE_TOO_LONG
    assert code_of(b"x" * 4_096 + b"\r") is RowCode.COLUMN_COUNT
    assert code_of(b" " * 4_097) is RowCode.LINE_TOO_LONG


@pytest.mark.parametrize(
    "raw", [b"\xe9@x||||9", b"\xc0\xaf||||9", b"\xed\xa0\x80||||9", b"a|\xf0\x9f\x98", b"\xff\xfe"]
)
def test_encoding_invalid(raw: bytes) -> None:
    assert code_of(raw) is RowCode.ENCODING_INVALID


def test_encoding_invalid_names_the_byte_and_its_place() -> None:
    assert "byte 0xE9 at position 3" in fault_of(b"ab\xe9||||9").message


@pytest.mark.parametrize("character", [*map(chr, range(10)), "\x0b", "\x1c", "\x1f", "\x7f"])
def test_control_character(character: str) -> None:
    assert code_of(f"a{character}b||||9") is RowCode.CONTROL_CHARACTER


@pytest.mark.parametrize("character", ["\ufffe", "\uffff"])
def test_control_character_noncharacters_that_queues_do_not_carry(character: str) -> None:
    assert code_of(f"a{character}||||9") is RowCode.CONTROL_CHARACTER


def test_control_character_a_lone_cr() -> None:
    fault = fault_of("a@b||||9\rc@d||||9")
    assert fault.code is RowCode.CONTROL_CHARACTER
    assert "U+000D, a CR without LF" in fault.message


@pytest.mark.parametrize("character", ["\u0080", "\u0085", "\u009f", "\u2028", "\ufffd", "😀"])
def test_other_unusual_characters_are_content(character: str) -> None:
    assert row_of(f"|||{character}|9").username == character


@pytest.mark.parametrize("columns", [1, 2, 4, 8, 9, 40])
def test_column_count(columns: int) -> None:
    fault = fault_of("|".join("7" * columns))
    assert fault.code is RowCode.COLUMN_COUNT
    assert f"{columns} columns" in fault.message


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("a@x|||u|126456789 b@x|||v|126456789", "two records on one line"),
        ("a@x|||u|126456789|400 b@x|||v|126456789|550", "two records on one line"),
        ("|8|||9||1551456336 |8|||9||1551456336", "two records on one line"),
        ("a@x||||9 |5|6|", "remove the | at the end"),
        ("a@x,,,,9", "another separator"),
        ("a@x||||9|1|2|3|4", "EMAIL|CT_USER_ID"),
    ],
)
def test_column_count_hints_at_what_went_wrong(line: str, hint: str) -> None:
    fault = fault_of(line)
    assert fault.code is RowCode.COLUMN_COUNT
    assert hint in fault.message


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.lower(),
        "EMAIL|CT_USER_ID|THIRD_PARTY_ID|USERNAME|ACTIVITY_ID",
        "Email | CT_User_ID|Third_Party_ID|Username|Activity_ID|Points\r",
        "Email|CT User ID|Third Party ID|Username|Activity ID",
    ],
)
def test_header_row(header: str) -> None:
    assert code_of(header, is_first=True) is RowCode.HEADER_ROW


def test_header_row_only_where_the_file_starts() -> None:
    assert code_of(HEADER) is RowCode.CT_USER_ID_INVALID


def test_header_row_with_another_name_is_a_row() -> None:
    other = HEADER.replace("USERNAME", "LOGIN")
    assert code_of(other, is_first=True) is RowCode.CT_USER_ID_INVALID
    dotless = HEADER.lower().replace("activity", "activ\u0131ty")
    assert code_of(dotless, is_first=True) is RowCode.CT_USER_ID_INVALID


@pytest.mark.parametrize("column", range(7))
def test_field_enclosed(column: int) -> None:
    fields = ["a@x", "8", "t", "u", "9", "5", "6"]
    fields[column] = f' "{fields[column]}" '
    fault = fault_of("|".join(fields))
    assert (fault.code, fault.field) == (RowCode.FIELD_ENCLOSED, COLUMNS[column])


def test_field_enclosed_even_when_nothing_is_inside() -> None:
    assert code_of('""|8|||9') is RowCode.FIELD_ENCLOSED


@pytest.mark.parametrize(("column", "name"), [(0, "EMAIL"), (2, "THIRD_PARTY_ID"), (3, "USERNAME")])
def test_field_too_long(column: int, name: str) -> None:
    fields = ["", "8", "", "", "9"]
    fields[column] = "x" * 254
    row_of("|".join(fields))
    fields[column] += "x"
    fault = fault_of("|".join(fields))
    assert (fault.code, fault.field) == (RowCode.FIELD_TOO_LONG, name)
    assert len(fault.message) < 200


def test_field_too_long_counts_bytes_of_the_trimmed_and_lower_cased_email() -> None:
    assert row_of(" " * 300 + "é" * 127 + " ||||9").email == "é" * 127
    assert code_of("é" * 127 + "x||||9") is RowCode.FIELD_TOO_LONG
    # One capital of two bytes becomes three when it is lower-cased.
    assert code_of("İ" * 100 + "||||9") is RowCode.FIELD_TOO_LONG
    assert row_of("İ" * 84 + "||||9").email == "i̇" * 84


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "000",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "4_00",
        "1 2",
        "x",
        "\u0661\u0662",
        "\uff11\uff12",
        "²",
        "1" * 19,
        "0x1",
    ],
)
def test_ct_user_id_invalid(value: str) -> None:
    fault = fault_of(f"a@x|{value}|||9")
    assert (fault.code, fault.field) == (RowCode.CT_USER_ID_INVALID, "CT_USER_ID")


def test_eighteen_digits_are_enough_for_an_id_zeros_counted() -> None:
    assert row_of(f"|{'9' * 18}|||9").ct_user_id == 999_999_999_999_999_999
    assert row_of(f"|8|||{'0' * 17}9").activity_id == 9
    assert code_of(f"|{'0' * 18}8|||9") is RowCode.CT_USER_ID_INVALID


@pytest.mark.parametrize("row", ["||||9", " | |  | |9", "null|NULL|null||9"])
def test_identifier_missing(row: str) -> None:
    assert code_of(row) is RowCode.IDENTIFIER_MISSING


@pytest.mark.parametrize("value", ["", " ", "null"])
def test_activity_id_missing(value: str) -> None:
    fault = fault_of(f"a@x||||{value}")
    assert (fault.code, fault.field) == (RowCode.ACTIVITY_ID_MISSING, "ACTIVITY_ID")


@pytest.mark.parametrize("value", ["0", "-1", "x", "1" * 19, "1.5", "\u0663", "9\u00a0", "\ufeff9"])
def test_activity_id_invalid(value: str) -> None:
    fault = fault_of(f"a@x||||{value}")
    assert (fault.code, fault.field) == (RowCode.ACTIVITY_ID_INVALID, "ACTIVITY_ID")


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "+5",
        "4_00",
        "4.0",
        "1e3",
        "1,000",
        "1 000",
        "1000000001",
        "9" * 400,
        "x",
        "٤",
        "5\u00a0",
    ],
)
def test_points_invalid(value: str) -> None:
    fault = fault_of(f"a@x||||9|{value}")
    assert (fault.code, fault.field) == (RowCode.POINTS_INVALID, "POINTS")


def test_points_reach_from_zero_to_a_thousand_million() -> None:
    assert row_of("|8|||9|1000000000").points == 1_000_000_000
    assert row_of(f"|8|||9|{'0' * 4_000}7").points == 7


@pytest.mark.parametrize(
    "value",
    ["-1", "+5", "1_0", "1551456336.0", "2019-03-01", "x", "\u0661", str(RECEIVED_AT + 301)],
)
def test_activity_date_invalid(value: str) -> None:
    fault = fault_of(f"a@x||||9||{value}")
    assert (fault.code, fault.field) == (RowCode.ACTIVITY_DATE_INVALID, "ACTIVITY_DATE")


def test_an_activity_may_lie_five_minutes_after_the_receipt_and_at_the_epoch() -> None:
    assert row_of(f"|8|||9||{RECEIVED_AT + 300}").activity_date == RECEIVED_AT + 300
    assert row_of("|8|||9||0").activity_date == 0


def test_an_activity_date_of_thirteen_digits_gets_a_hint() -> None:
    message = fault_of("|8|||9||1551456336000").message
    assert "look like milliseconds; send UNIX seconds: 1551456336" in message


# --- one code for a row with several faults


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"\xff\x00|" + b"x" * 5_000, RowCode.LINE_TOO_LONG),
        (b"\x00\xff|", RowCode.ENCODING_INVALID),
        (b"\x00|", RowCode.CONTROL_CHARACTER),
        (b'"a"|', RowCode.COLUMN_COUNT),
        (b'"' + b"a" * 300 + b'"|x||"u"|x', RowCode.FIELD_ENCLOSED),
        (b"a" * 300 + b"|x||'|x", RowCode.FIELD_TOO_LONG),
        (b'a|x|"t"|"u"|', RowCode.CT_USER_ID_INVALID),
        (b'||"t"|' + b"u" * 300 + b"|x", RowCode.FIELD_ENCLOSED),
        (b'||||"9"', RowCode.IDENTIFIER_MISSING),
        (b"||||", RowCode.IDENTIFIER_MISSING),
        (b'a||||"x"|x', RowCode.FIELD_ENCLOSED),
        (b"a|||||x", RowCode.ACTIVITY_ID_MISSING),
        (b"a||||x|x|x", RowCode.ACTIVITY_ID_INVALID),
        (b"a||||9|x|x", RowCode.POINTS_INVALID),
        (b'a||||9|x|"6"', RowCode.POINTS_INVALID),
        (b'a||||9|5|"6"', RowCode.FIELD_ENCLOSED),
    ],
)
def test_of_several_faults_the_first_in_the_documented_order_is_told(
    row: bytes, code: RowCode
) -> None:
    assert code_of(row) is code


# --- messages


_FAULTY = st.builds(
    "|".join,
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=80), min_size=1, max_size=9
    ),
)


@given(_FAULTY)
@example("\u202emoc.x@a|x|||9")
def test_messages_are_short_and_hold_nothing_that_does_not_print(text: str) -> None:
    parsed = parse(text)
    if isinstance(parsed, RowFault):
        assert len(parsed.message) < 600
        assert parsed.message.isprintable()


_field = st.one_of(
    st.sampled_from(
        ["", " ", "null", '"x"', '"', "0", "007", "9", "x" * 255, "İ" * 90, "99999999999"]
    ),
    st.text(st.characters(exclude_characters="|\n", exclude_categories=["Cs"]), max_size=6),
    st.from_regex(re.compile(r"[0-9]{1,19}", re.ASCII), fullmatch=True),
)


@given(st.lists(_field, min_size=5, max_size=7))
def test_a_row_is_valid_only_as_the_rulings_have_it(fields: list[str]) -> None:
    parsed = parse("|".join(fields))
    if not isinstance(parsed, Row):
        return
    values = [field.strip(" ") for field in fields] + [""] * (7 - len(fields))
    present = [None if value.lower() in ("", "null") else value for value in values]
    assert any(present[:4])
    assert parsed.nulls == sum(value.lower() == "null" for value in values)
    assert parsed.email == (present[0].lower() if present[0] else None)
    assert (parsed.third_party_id, parsed.username) == (present[2], present[3])
    numbers = (parsed.ct_user_id, parsed.activity_id, parsed.points, parsed.activity_date)
    for number, text in zip(numbers, (present[1], *present[4:]), strict=True):
        assert (number is None) == (text is None)
        assert text is None or (re.fullmatch("[0-9]+", text) and int(text) == number)
    assert 0 < parsed.activity_id < 10**18


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_parsed_the_same_with_and_without_a_cr(raw: bytes, is_first: bool) -> None:
    line = raw.replace(b"\n", b"").replace(b"\r", b"")
    assert parse(line, is_first=is_first) == parse(line + b"\r", is_first=is_first)


@pytest.mark.parametrize("code", [*FileCode, *RowCode, *WarningCode])
def test_every_code_is_explained_to_clients(code: str) -> None:
    rulings = (Path(__file__).parents[2] / "docs" / "rulings.md").read_text(encoding="utf-8")
    assert f"| `{code}` |" in rulings


def test_the_good_row_of_these_tests_is_good() -> None:
    assert row_of(GOOD).username == "ann"
