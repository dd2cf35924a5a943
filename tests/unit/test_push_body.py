"""What a body may hold, and everything that is told about one that may not."""

import json
import time
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointflow.domain.problem import Problem, ProblemCode
from pointflow.domain.push import Expiration, KeyKind, MemberKey, Push
from pointflow.domain.push_body import MAX_BODY_BYTES, MAX_FAULTS, read_push

RECEIVED_AT = 1_653_480_000_000  # 2022-05-25T12:00:00Z
MAY = {"points_expired": 0, "points_expiring": 1000, "expiration_date": "2022-05-31T00:00:00.000Z"}
IDLE = {
    "last_qualified_date": "2022-05-25T08:45:41.000Z",
    "expiration_date": "2023-05-25T08:45:41.000Z",
    "days_until_expiry": 365,
    "points_expiring": 200,
}
VALID: Mapping[str, Any] = {
    "user_id": 348399,
    "message_date": "2022-05-25T08:00:00-04:00",
    "redemption_period_points_expiration": [MAY],
    "inactivity_points_expiration": [IDLE],
}


def read(raw: bytes) -> Push | Problem:
    return read_push(raw, client_id="acme", received_at=RECEIVED_AT)


def accepted(**changes: Any) -> Push:
    push = read(json.dumps({**VALID, **changes}).encode())
    assert isinstance(push, Push), push
    return push


def faults(**changes: Any) -> dict[str, str]:
    problem = read(json.dumps({**VALID, **changes}).encode())
    assert isinstance(problem, Problem)
    assert problem.code is ProblemCode.PUSH_INVALID
    return {fault.path: fault.message for fault in problem.faults}


def redemption(**changes: Any) -> dict[str, Any]:
    return {"redemption_period_points_expiration": [{**MAY, **changes}]}


def test_a_body_is_a_push_of_its_member() -> None:
    raw = json.dumps(VALID).encode()

    assert read(raw) == Push(
        member=MemberKey("acme", KeyKind.USER_ID, "348399"),
        digest=sha256(raw).hexdigest(),
        body=raw.decode(),
        message_date="2022-05-25T08:00:00-04:00",
        instant=RECEIVED_AT,
        expirations=(
            Expiration(date(2022, 5, 31), redemption=1000),
            Expiration(date(2023, 5, 25), inactivity=200),
        ),
    )


def test_the_body_is_kept_as_sent_with_what_is_unknown_to_us() -> None:
    raw = b'\n{"new": [1e2, {"\\u00e9": null}], "user_id":\t7, "inactivity_points_expiration": []}'
    push = read(raw)

    assert isinstance(push, Push)
    assert push.body == raw.decode()


def test_a_byte_order_mark_is_dropped() -> None:
    push = read(b"\xef\xbb\xbf" + json.dumps(VALID).encode())

    assert isinstance(push, Push)
    assert push.body == json.dumps(VALID)


# --- Bytes that are not JSON ------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"  \n", b"\xef\xbb\xbf", b"{", b"{}{}", b"{'user_id': 7}", b"user_id=7", b"\x00"),
        *(b'{"user_id": 07}', b'{"a": "\n"}', b'{"user_id": +7}', b'{"a": .5}', b'{"a": 1,}'),
        *(b'{"a": "\xff"}', '{"user_id": 7}'.encode("utf-16"), '{"a": 7}'.encode("utf-32")),
        *(b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}'),
        *(b'{"a": "\\ud800"}', b'{"\\uDC00": 1}', b'{"a": ["\\ud83d\\u0041"]}'),
        *(b'{"user_id": 7, "user_id": 8}', b'{"a": {"b": 1, "c": 2, "b": 1}}'),
        b'{"a": ' + b"9" * 301 + b"}",
        b'{"a": ' + b"9" * 60_000 + b"}",
        b"[" * 33 + b"]" * 33,
        b"[" * 32_000 + b"]" * 32_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"[" * MAX_BODY_BYTES,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_is_not_json_is_told_so(raw: bytes) -> None:
    problem = read(raw)

    assert isinstance(problem, Problem)
    assert problem.code is ProblemCode.BODY_NOT_JSON
    assert len(problem.detail) < 200


def test_json_that_only_looks_odd_is_taken() -> None:
    assert accepted(emoji="\U0001f600", backslash="\\ud800", long=10**299, deep=nested(31))


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("raw", [b"[]", b"7", b'"user_id"', b"null", b"true"])
def test_the_body_must_be_an_object(raw: bytes) -> None:
    problem = read(raw)

    assert isinstance(problem, Problem)
    assert problem.code is ProblemCode.PUSH_INVALID
    assert [fault.path for fault in problem.faults] == [""]


# --- Whom it is about ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identifiers", "kind", "value"),
    [
        ({"user_id": 7}, "U", "7"),
        ({"user_id": "0007"}, "U", "7"),
        ({"user_id": 10**18 - 1}, "U", "9" * 18),
        ({"user_id": 7, "email_address": "a@b.c", "third_party_id": "t"}, "U", "7"),
        ({"user_id": None, "email_address": " Ann@Example.COM "}, "E", "ann@example.com"),
        ({"user_id": "", "email_address": "a@b.c", "third_party_id": "t"}, "E", "a@b.c"),
        ({"user_id": "null", "email_address": "NULL", "third_party_id": "Tx"}, "T", "Tx"),
        ({"user_id": " ", "third_party_id": 12322}, "T", "12322"),
        ({"user_id": None, "third_party_id": 10**253}, "T", str(10**253)),
    ],
)
def test_the_first_identifier_names_the_member(
    identifiers: dict[str, Any], kind: str, value: str
) -> None:
    assert accepted(**identifiers).member == MemberKey("acme", KeyKind(kind), value)


@pytest.mark.parametrize("value", [None, "", "null", "  "])
def test_a_body_that_names_nobody_is_refused(value: str | None) -> None:
    assert list(faults(user_id=value)) == [""]


WRONG_IDENTIFIERS: Mapping[str, list[Any]] = {
    "user_id": [
        *(0, "0", -7, "-7", 7.0, "7.0", 1e3, True, [7], {}, 10**18, "1" * 19),
        *("7_0", "+7", " 7", "\u0667", "seven"),
    ],
    "email_address": [7, True, [], {}, "a\x00b", "a\nb", "a" * 255, "é" * 128],
    "third_party_id": [True, 1.5, -5, [], {}, "t\x7f", "t" * 255, 10**254],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG_IDENTIFIERS.items() for value in values],
)
def test_an_identifier_that_cannot_be_one_is_refused(name: str, value: Any) -> None:
    assert list(faults(**{name: value})) == [f"/{name}"]


# --- The arrays ---------------------------------------------------------------------------------


def test_one_array_is_enough() -> None:
    assert accepted(inactivity_points_expiration=None).expirations == (
        Expiration(date(2022, 5, 31), redemption=1000),
    )


def test_empty_arrays_clear_the_view() -> None:
    push = accepted(redemption_period_points_expiration=[], inactivity_points_expiration=[])

    assert push.expirations == ()


def test_no_array_at_all_is_refused() -> None:
    absent = {name: None for name in VALID if name.endswith("_expiration")}

    assert list(faults(**absent)) == [""]


def test_the_other_name_of_the_redemption_array_is_known() -> None:
    alias = {"redemption_period_points_expiration": None, "redemption_period_point_expired": [MAY]}

    assert accepted(**alias) == accepted(**alias)
    assert accepted(**alias).expirations == accepted().expirations
    assert list(faults(redemption_period_point_expired=[])) == ["/redemption_period_point_expired"]


@pytest.mark.parametrize("value", [{}, "[]", 0, False])
def test_an_array_must_be_one(value: Any) -> None:
    assert list(faults(inactivity_points_expiration=value)) == ["/inactivity_points_expiration"]


def test_every_fault_is_told_with_its_path() -> None:
    assert list(
        faults(
            user_id=-1,
            message_date=5,
            redemption_period_points_expiration=[MAY, 7, {**MAY, "points_redeemed": "x"}],
            inactivity_points_expiration=[{"last_qualified_date": "May"}],
        )
    ) == [
        "/user_id",
        "/message_date",
        "/redemption_period_points_expiration/1",
        "/redemption_period_points_expiration/2/points_redeemed",
        "/inactivity_points_expiration/0/last_qualified_date",
        "/inactivity_points_expiration/0/expiration_date",
        "/inactivity_points_expiration/0/points_expiring",
    ]


def test_the_number_of_faults_told_is_bounded() -> None:
    body = {"user_id": 7, "inactivity_points_expiration": [0] * 20_000}
    problem = read(json.dumps(body).encode())

    assert isinstance(problem, Problem)
    assert len(problem.faults) == MAX_FAULTS


# --- Numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "points"), [(5, 5), ("5", 5), ("005", 5), (10**12, 10**12)])
def test_points_are_integers_or_their_digits(value: Any, points: int) -> None:
    assert accepted(**redemption(points_expiring=value)).expirations[0].points == points


@pytest.mark.parametrize(
    "value",
    [
        *(1.0, 0.5, -1, "-1", "1.0", "1e2", "1,000", "1_000", " 1", "", "\u0663"),
        *(True, False, [1], {}, 10**12 + 1, 10**40, "9" * 19),
    ],
)
@pytest.mark.parametrize("name", ["points_expiring", "points_expired", "points_redeemed"])
def test_other_points_are_refused(name: str, value: Any) -> None:
    path = f"/redemption_period_points_expiration/0/{name}"

    assert list(faults(**redemption(**{name: value}))) == [path]


def test_days_without_points_expire_nothing() -> None:
    assert (
        accepted(**redemption(points_expiring=0)).expirations
        == accepted(redemption_period_points_expiration=None).expirations
    )


def test_points_of_one_day_add_up_by_their_rule() -> None:
    idle = {**IDLE, "expiration_date": "2022-05-31T10:00:00Z"}
    push = accepted(
        redemption_period_points_expiration=[MAY, MAY], inactivity_points_expiration=[idle]
    )

    assert push.expirations == (Expiration(date(2022, 5, 31), redemption=2000, inactivity=200),)


def test_days_until_expiry_may_be_absent_but_not_wrong() -> None:
    idle = {name: value for name, value in IDLE.items() if name != "days_until_expiry"}

    assert accepted(inactivity_points_expiration=[idle]).expirations == accepted().expirations
    assert list(faults(inactivity_points_expiration=[{**idle, "days_until_expiry": -1}])) == [
        "/inactivity_points_expiration/0/days_until_expiry"
    ]


# --- Times --------------------------------------------------------------------------------------


def test_redemption_days_are_as_written_and_inactivity_days_in_utc() -> None:
    late = {"points_expiring": 5, "expiration_date": "2022-05-31T23:00:00-04:00"}
    push = accepted(redemption_period_points_expiration=[late], inactivity_points_expiration=[late])

    assert push.expirations == (
        Expiration(date(2022, 5, 31), redemption=5),
        Expiration(date(2022, 6, 1), inactivity=5),
    )


@pytest.mark.parametrize("value", ["yesterday", 1653955200, True, "", "2022-02-30"])
def test_a_date_that_is_none_is_refused(value: Any) -> None:
    path = "/redemption_period_points_expiration/0/expiration_date"

    assert list(faults(**redemption(expiration_date=value))) == [path]


@pytest.mark.parametrize(
    ("message_date", "path"),
    [
        ("2022-05-25T13:00:00.000Z", []),
        ("2022-05-25T13:00:00.001Z", ["/message_date"]),
        ("2999-01-01T00:00:00Z", ["/message_date"]),
        ("1970-01-01", []),
        ("1969-12-31T23:59:59.999Z", ["/message_date"]),
    ],
)
def test_a_message_date_lies_between_1970_and_an_hour_after_receipt(
    message_date: str, path: list[str]
) -> None:
    if path:
        assert list(faults(message_date=message_date)) == path
    else:
        assert accepted(message_date=message_date).message_date == message_date


def test_a_body_may_have_no_message_date() -> None:
    push = accepted(message_date=None)

    assert (push.message_date, push.instant) == (None, None)


# --- Whatever comes -----------------------------------------------------------------------------

numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.just(10**400))
texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "null", "7", "2022-05-31T00:00:00Z", "\ud800", "٣", "9" * 400]),
)
names = st.one_of(
    texts,
    st.sampled_from(
        [*VALID, *MAY, *IDLE, "email_address", "third_party_id", "redemption_period_point_expired"]
    ),
)
values = st.recursive(
    st.one_of(st.none(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=6)),
    max_leaves=20,
)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw: bytes) -> None:
    assert isinstance(read(raw), Push | Problem)


@given(st.dictionaries(names, values, max_size=8))
def test_any_json_is_answered_and_what_is_taken_can_be_stored(document: dict[str, Any]) -> None:
    result = read(json.dumps({**VALID, **document}, allow_nan=True).encode())

    if isinstance(result, Problem):
        assert result.status in (400, 422)
        assert 1 <= len(result.faults) <= MAX_FAULTS
        json.dumps(result.document()).encode("ascii")
    else:
        assert len(result.member.text.encode()) <= 1_024
        assert all(0 < each.points < 10**38 for each in result.expirations)
        result.body.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b'{"user_id":7,"inactivity_points_expiration":[' + b"{}," * 21_000 + b"{}]}",
        b'{"user_id":7,"a":[' + b"[]," * 21_000 + b"0]}",
        b'{"user_id":7,' + b",".join(b'"%05d":0' % n for n in range(6_000)) + b"}",
        b'{"user_id":7,"message_date":"2022-05-25T00:00:00.' + b"0" * 65_000 + b'"}',
        b'{"user_id":' + b"7" * 65_000 + b"}",
        b'"' + b"\\ud83d\\ude00" * 5_400 + b'"',
    ],
    ids=range(6),
)
def test_no_body_takes_long(raw: bytes) -> None:
    assert len(raw) <= MAX_BODY_BYTES
    began = time.process_time()
    read(raw)

    assert time.process_time() - began < 1
