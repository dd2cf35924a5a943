"""From the bytes of a body to a push, or to everything that is wrong with it.

The field names come from the source document ("Live Push Points Expiration"); what it leaves open
is ruled in `docs/rulings-push.md`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from pointflow.domain.iso_time import Moment, parse_moment
from pointflow.domain.problem import Fault, Problem, ProblemCode
from pointflow.domain.push import Expiration, KeyKind, MemberKey, Push
from pointflow.domain.strict_json import JsonError, decode_text, parse_json

MAX_BODY_BYTES = 65_536
MAX_FAULTS = 50
"""The first so many faults of a body are told. Reading stops there."""

MAX_IDENTIFIER_BYTES = 254
MAX_ID_DIGITS = 18
MAX_POINTS = 1_000_000_000_000
MAX_DAYS = 1_000_000
CLOCK_TOLERANCE = 3_600_000
"""Milliseconds by which a message date may lie after its receipt: clocks differ."""

REDEMPTION = "redemption_period_points_expiration"
REDEMPTION_ALIAS = "redemption_period_point_expired"
INACTIVITY = "inactivity_points_expiration"
INTEGER_FIELDS = {
    REDEMPTION: frozenset({"points_expired", "points_expiring", "points_redeemed"}),
    INACTIVITY: frozenset({"points_expiring", "days_until_expiry"}),
}
"""By array. A name of the other array is a property unknown to us, and holds anything."""

_DIGITS = re.compile(r"[0-9]+")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


def read_push(raw: bytes, *, client_id: str, received_at: int) -> Push | Problem:
    """Check a body.

    Parameters
    ----------
    raw : bytes
        The body as sent, at most 64 KB.
    client_id : str
        The client whose credential sent it.
    received_at : int
        Milliseconds since the epoch.

    Returns
    -------
    Push or Problem
        `BODY_NOT_JSON`, or `PUSH_INVALID` with every fault and its path.
    """
    try:
        body = decode_text(raw)
        document = parse_json(body)
    except JsonError as error:
        return Problem(ProblemCode.BODY_NOT_JSON, str(error), (Fault("", str(error)),))
    faults = _Faults()
    try:
        return _Reader(document, faults).push(raw, body, client_id, received_at)
    except _InvalidError:
        return _invalid(faults)


def is_absent(identifier: Any) -> bool:
    """Whether an identifier is as good as not sent: null, nothing but spaces, or the text "null".

    The last is what a template writes for a value it does not have, never somebody's id.
    """
    if isinstance(identifier, str):
        return identifier.strip(" ").lower() in ("", "null")
    return identifier is None


class _InvalidError(Exception):
    """Ends the reading of a body; its faults are noted."""


class _Faults:
    """Collects faults up to the limit."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, path: str, message: str) -> None:
        self.found.append(Fault(path, message))
        if len(self.found) == MAX_FAULTS:
            raise _InvalidError

    def try_at[Value](
        self, path: str, name: str, read: Callable[..., Value], *told: Any
    ) -> Value | None:
        """What `read` answers to `told`; None, and a fault at the path, on `ValueError`."""
        try:
            return read(*told)
        except ValueError as error:
            self.add(f"{path}/{name}", str(error))
            return None


def _invalid(faults: _Faults) -> Problem:
    count = len(faults.found)
    told = f"the first {count} faults" if count == MAX_FAULTS else f"{count} fault(s)"
    return Problem(ProblemCode.PUSH_INVALID, f"errors lists {told}", tuple(faults.found))


class _Reader:
    """Reads one body, noting every fault."""

    def __init__(self, document: Any, faults: _Faults) -> None:
        self._document = document
        self._faults = faults
        self._redemption: Counter[date] = Counter()
        self._inactivity: Counter[date] = Counter()

    def push(self, raw: bytes, body: str, client_id: str, received_at: int) -> Push:
        if not isinstance(self._document, dict):
            self._faults.add("", "the body must be one JSON object")
            raise _InvalidError
        member = self._member(client_id)
        message = self._message_date(received_at)
        self._arrays()
        if self._faults.found or member is None:
            raise _InvalidError
        days = sorted(self._redemption.keys() | self._inactivity.keys())
        return Push(
            member=member,
            digest=sha256(raw).hexdigest(),
            body=body,
            message_date=self._document["message_date"] if message else None,
            instant=message.instant if message else None,
            expirations=tuple(
                Expiration(day, self._redemption[day], self._inactivity[day]) for day in days
            ),
        )

    def _member(self, client_id: str) -> MemberKey | None:
        present = {
            KeyKind.USER_ID: self._identifier("user_id", _user_id),
            KeyKind.EMAIL: self._identifier("email_address", _email),
            KeyKind.THIRD_PARTY_ID: self._identifier("third_party_id", _third_party_id),
        }
        named = [MemberKey(client_id, kind, value) for kind, value in present.items() if value]
        if named:
            return named[0]
        if not self._faults.found:
            self._faults.add(
                "", "names nobody: give user_id, email_address or third_party_id beside the arrays"
            )
        return None

    def _identifier(self, name: str, read: Callable[[Any], str]) -> str | None:
        value = self._document.get(name)
        if is_absent(value):
            return None
        return self._faults.try_at("", name, read, value)

    def _message_date(self, received_at: int) -> Moment | None:
        moment = self._moment(self._document, "", "message_date")
        if moment is None:
            return None
        if moment.instant < 0:
            self._faults.add("/message_date", "lies before 1970")
        if moment.instant > received_at + CLOCK_TOLERANCE:
            self._faults.add("/message_date", "lies more than an hour in the future")
        return moment

    def _arrays(self) -> None:
        if None not in (self._document.get(REDEMPTION), self._document.get(REDEMPTION_ALIAS)):
            self._faults.add(f"/{REDEMPTION_ALIAS}", f"is another name of {REDEMPTION}: give one")
        present = [
            name
            for name in (REDEMPTION, REDEMPTION_ALIAS, INACTIVITY)
            if self._document.get(name) is not None
        ]
        if not present:
            self._faults.add(
                "", f"has no expirations: give {REDEMPTION} or {INACTIVITY}, empty to clear them"
            )
        for name in present:
            entries = self._document[name]
            if not isinstance(entries, list):
                self._faults.add(f"/{name}", "must be an array")
                continue
            self._entries(name, entries)

    def _entries(self, name: str, entries: Iterable[Any]) -> None:
        read = self._inactivity_entry if name == INACTIVITY else self._redemption_entry
        for position, entry in enumerate(entries):
            path = f"/{name}/{position}"
            if isinstance(entry, dict):
                read(entry, path)
            else:
                self._faults.add(path, "must be an object")

    def _redemption_entry(self, entry: Mapping[str, Any], path: str) -> None:
        expires = self._moment(entry, path, "expiration_date", required=True)
        points = self._integer(entry, path, "points_expiring", MAX_POINTS, required=True)
        self._integer(entry, path, "points_expired", MAX_POINTS)
        self._integer(entry, path, "points_redeemed", MAX_POINTS)
        if expires and points:
            # Buckets are months of the sender's calendar: 31 May 23:00-04:00 is May.
            self._redemption[expires.written] += points

    def _inactivity_entry(self, entry: Mapping[str, Any], path: str) -> None:
        self._moment(entry, path, "last_qualified_date")
        expires = self._moment(entry, path, "expiration_date", required=True)
        self._integer(entry, path, "days_until_expiry", MAX_DAYS)
        points = self._integer(entry, path, "points_expiring", MAX_POINTS, required=True)
        if expires and points:
            self._inactivity[expires.utc_date] += points

    def _moment(
        self, holder: Mapping[str, Any], path: str, name: str, *, required: bool = False
    ) -> Moment | None:
        value = self._value(holder, path, name, required)
        return None if value is None else self._faults.try_at(path, name, _time, value)

    def _integer(
        self, holder: Mapping[str, Any], path: str, name: str, most: int, *, required: bool = False
    ) -> int | None:
        value = self._value(holder, path, name, required)
        if value is None:
            return None
        return self._faults.try_at(path, name, _whole_number, value, most)

    def _value(self, holder: Mapping[str, Any], path: str, name: str, required: bool) -> Any:
        value = holder.get(name)
        if value is None and required:
            self._faults.add(f"{path}/{name}", "is missing")
        return value


def _time(value: Any) -> Moment:
    if not isinstance(value, str):
        raise ValueError("must be a text that holds an ISO-8601 time")
    return parse_moment(value)


def _whole_number(value: Any, most: int) -> int:
    """An integer from 0 to `most`, given as a JSON integer or as a text of ASCII digits."""
    if isinstance(value, str) and _DIGITS.fullmatch(value) and len(value) <= MAX_ID_DIGITS:
        value = int(value)
    if type(value) is not int:  # a bool is an int to Python, not to JSON
        raise ValueError("must be a whole number, without fraction, sign or separator")
    if not 0 <= value <= most:
        raise ValueError(f"must lie between 0 and {most}")
    return value


def _user_id(value: Any) -> str:
    number = _whole_number(value, 10**MAX_ID_DIGITS - 1)
    if number == 0:
        raise ValueError("must be greater than 0")
    return str(number)


def _email(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return _bounded(value.strip(" ").lower())


def _third_party_id(value: Any) -> str:
    if type(value) is int and value >= 0:
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("must be a text or a whole number without a sign")
    return _bounded(value.strip(" "))


def _bounded(identifier: str) -> str:
    if _CONTROL.search(identifier):
        raise ValueError("holds a control character")
    if len(identifier.encode()) > MAX_IDENTIFIER_BYTES:
        raise ValueError(f"is longer than {MAX_IDENTIFIER_BYTES} bytes")
    return identifier
