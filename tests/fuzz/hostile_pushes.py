"""Bodies that a push endpoint may be sent: near misses of the payload grammar, and nothing like it.

Strategies for hypothesis. Names and values are drawn from what is right, what is nearly right and
what is nowhere near; the bytes are then spoilt in the ways in which senders spoil them.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

CANARY = "canary"
"""Stands in every identifier that is a text: it must not turn up where personal data must not."""

MARK = "\ufeff".encode()

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**13),
    st.integers(-(10**320), 10**320),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "null", "NULL", "7", "007", "7.0", "+7", "-7", "\u0667", "²", "9" * 5_000]
    ),
    st.sampled_from(["\ud800", "a\udc00", "\x00", "\x7f", "\u2028", "\U0001f600", "e\u0301"]),
)
times = st.one_of(
    st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
    st.dates().map(str),
    st.sampled_from(
        [
            *("2022-05-25T10:00:00-04:00", "2022-05-31T00:00:00.000Z", "2022-05-31 00:00"),
            *("2022-05-31T24:00:00", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00+23:59"),
            *("9999-12-31T23:59:59.999-23:59", "1969-12-31T23:59:59Z", "2022-02-30", "20220531"),
            *("2022-W22-2", "2022-05-31T10:00:00+25:00", "2022-05-31T10:00:00." + "1" * 9_000),
        ]
    ),
    scalars,
)
points = st.one_of(st.integers(0, 10**12), st.integers(0, 10**12).map(str), scalars)
identifiers = st.one_of(
    st.integers(1, 10**18 - 1),
    st.text(max_size=10).map(lambda text: CANARY + text),
    st.just(CANARY + "é" * 130),
    scalars,
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {"expiration_date": times, "points_expiring": points},
    optional={
        "points_expired": points,
        "points_redeemed": points,
        "last_qualified_date": times,
        "days_until_expiry": points,
        "note": anything,
    },
)
arrays = st.one_of(
    st.lists(entries, max_size=4), st.lists(entries | anything, max_size=4), anything
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "user_id": identifiers,
        "email_address": identifiers,
        "third_party_id": identifiers,
        "message_date": times,
        "redemption_period_points_expiration": arrays,
        "redemption_period_point_expired": arrays,
        "inactivity_points_expiration": arrays,
        "tier": anything,
    },
)
good_times = st.datetimes().filter(lambda at: 1971 <= at.year <= 2022).map(lambda at: f"{at}Z")
good_entries = st.fixed_dictionaries(
    {"expiration_date": good_times, "points_expiring": st.integers(0, 10**12)},
    optional={"points_redeemed": st.just("007"), "days_until_expiry": st.just(7), "x": anything},
)
good_documents = st.fixed_dictionaries(
    {"redemption_period_point_expired": st.lists(good_entries, max_size=4)},
    optional={
        "user_id": st.integers(1, 10**18 - 1),
        "email_address": st.text(max_size=10).map(lambda text: CANARY + text),
        "third_party_id": st.integers(0, 10**300),
        "inactivity_points_expiration": st.lists(good_entries, max_size=4),
        "tier": anything,
    },
)


def _text(value: Any) -> bytes:
    return json.dumps(value).encode()


def _raw_text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@st.composite
def spoilt(draw: st.DrawFn, raw: bytes) -> bytes:
    """Bytes with one thing done to them, or none."""
    at = draw(st.integers(0, len(raw)))
    odd = draw(st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0", b",", b"}", b"["]))
    twice = b'{"user_id": 1, ' + raw[1:] if raw.startswith(b"{") else raw + raw
    return draw(
        st.sampled_from(
            [
                *(
                    raw,
                    raw,
                    raw,
                    MARK + raw,
                    MARK + MARK + raw,
                    raw[:at],
                    raw[:at] + odd + raw[at:],
                ),
                *(twice, raw.replace(b"null", b"NaN"), raw.replace(b"null", b"-Infinity")),
                *(raw.replace(b"null", b"1e999"), raw.replace(b"true", b"1.0"), b"[" + raw + b"]"),
                *(raw.replace(b'"tier"', b'"user_id"'), raw.decode("latin-1").encode("utf-16")),
                b'{"x": ' * 40 + raw + b"}" * 40,
            ]
        )
    )


bodies = st.one_of(
    (good_documents | documents).flatmap(lambda each: spoilt(_text(each))),
    (good_documents | documents).flatmap(lambda each: spoilt(_raw_text(each))),
    anything.flatmap(lambda each: spoilt(_text(each))),
    st.binary(max_size=40),
)
content_types = st.one_of(
    st.just("application/json"),
    st.just("application/json"),
    st.just("application/json"),
    st.sampled_from(
        [
            *("Application/JSON; charset=UTF-8", 'application/json;charset="utf-8"', "text/plain"),
            *("application/json; charset=utf-16", "application/problem+json", "application/jsonx"),
            *("", ";", "application/json; x=y; charset", "application/x-www-form-urlencoded"),
        ]
    ),
    st.text(max_size=20),
    st.none(),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: the event's body and its flag, the content type, and the encoding."""

    raw: bytes
    body: str
    is_base64: bool
    content_type: str | None
    content_encoding: str | None = None


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    """A request with any body."""
    raw = draw(bodies)
    is_base64 = draw(st.booleans())
    body = base64.b64encode(raw).decode() if is_base64 else raw.decode("utf-8", "surrogateescape")
    encoding = draw(st.sampled_from([None, None, None, None, "identity", "gzip"]))
    return Sent(raw, body, is_base64, draw(content_types), encoding)
