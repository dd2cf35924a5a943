"""What names a member in what is stored, and what is left when its name is taken out.

Pure rules: texts go in, and come out without the member.
"""

from __future__ import annotations

import base64
import csv
import hmac
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from pointflow.domain.batch_row import RejectedRow
from pointflow.domain.member import Member
from pointflow.domain.push import KeyKind, MemberKey

ERASED = "the row named a member whose data was erased"
"""Stands where a rejected row's message stood."""


@dataclass(frozen=True)
class Names:
    """The identifiers of a member that is to be forgotten. Personal data: never log it.

    `third_party_id` is None also where other members share it: it names them as well.
    """

    client_id: str
    user_id: int
    email: str | None = None
    username: str | None = None
    third_party_id: str | None = None

    @classmethod
    def of(cls, member: Member, *, shares_third_party_id: bool) -> Names:
        """The names of a member that is on record."""
        return cls(
            member.client_id,
            member.user_id,
            member.email,
            member.username,
            None if shares_third_party_id else member.third_party_id,
        )

    @property
    def keys(self) -> tuple[MemberKey, ...]:
        """Under which keys pushes may be kept about the member, the CT user id first."""
        named = (
            (KeyKind.USER_ID, str(self.user_id)),
            (KeyKind.EMAIL, self.email),
            (KeyKind.THIRD_PARTY_ID, self.third_party_id),
        )
        return tuple(
            MemberKey(self.client_id, kind, value) for kind, value in named if value is not None
        )

    def in_row(self, raw: bytes) -> bool:
        """Whether a row, sound or not, names the member.

        By its email anywhere, by another identifier as a whole field, by the CT user id in its
        own place.
        """
        text = raw.decode("utf-8", "surrogateescape")
        fields = [field.strip(' "\r\n') for field in text.split("|")]
        exact = {value for value in (self.username, self.third_party_id) if value}
        return (
            not exact.isdisjoint(fields)
            or (len(fields) > 1 and self._is_user_id(fields[1]))
            or self.in_text(text)
        )

    def in_reject(self, reject: RejectedRow) -> bool:
        """Whether a rejected row names the member, in what was sent or in what was said of it."""
        return (reject.raw is not None and self.in_row(reject.raw)) or self.in_text(reject.message)

    def in_text(self, text: str) -> bool:
        """Whether the member's email stands in a text."""
        return self._email is not None and self._email.search(text.lower()) is not None

    def in_push(self, body: bytes) -> bool:
        """Whether a push that was refused names the member; it may be no JSON at all."""
        text = body.decode("utf-8", "replace")
        return self.in_text(text) or any(each.search(text) for each in self._push_fields)

    def _is_user_id(self, field: str) -> bool:
        return field.isascii() and field.isdigit() and field.lstrip("0") == str(self.user_id)

    @cached_property
    def _email(self) -> re.Pattern[str] | None:
        if self.email is None:
            return None
        # Not as the end or the beginning of a longer one.
        return re.compile(rf"(?<![\w.+%-]){re.escape(self.email)}(?!\w|[.-]\w)")

    @cached_property
    def _push_fields(self) -> tuple[re.Pattern[str], ...]:
        found = [re.compile(rf'"user_id"\s*:\s*"?0*{self.user_id}(?![0-9])')]
        if self.third_party_id is not None:
            value = re.escape(self.third_party_id)
            found.append(re.compile(rf'"third_party_id"\s*:\s*"?{value}(?![\w-])'))
        return tuple(found)


def redacted(reject: RejectedRow) -> RejectedRow:
    """A rejected row without what was sent: its line and its code are still counted."""
    return reject._replace(raw=None, field=None, message=ERASED)


def redact_errors(
    lines: Iterator[bytes], names: Names, numbers: Collection[int]
) -> Iterator[bytes]:
    """A file of errors, a record a line, without what its messages say of the member's rows.

    Parameters
    ----------
    lines : iterator of bytes
        With their line ends.
    names : Names
    numbers : collection of int
        The line numbers of the member's rows in the client's file.
    """
    for line in lines:
        changed = _record_of(line, names, numbers)
        yield line if changed is None else changed


def _record_of(line: bytes, names: Names, numbers: Collection[int]) -> bytes | None:
    """What an errors record becomes; None where it stays."""
    text = line.decode("utf-8", "surrogateescape")
    record = next(csv.reader([text]), [])
    if len(record) != 4 or not record[0].isdigit() or record[3] == ERASED:
        return None
    number, code, _, message = record
    if int(number) not in numbers and not names.in_text(message):
        return None
    return f"{number},{code},,{ERASED}\r\n".encode()


def redact_dry_run(
    lines: Iterator[bytes], names: Names, numbers: Collection[int]
) -> Iterator[bytes]:
    """The report of a dry run without what its first rejects say of the member's rows."""
    kept = list(lines)
    try:
        report = json.loads(b"".join(kept))
        rejects = [
            each
            for each in report["first_rejects"]
            if each["message"] != ERASED
            and (each["line"] in numbers or names.in_text(each["message"]))
        ]
    except (ValueError, KeyError, TypeError):
        rejects = []
    for each in rejects:
        each.update(field=None, message=ERASED)
    if rejects:
        yield (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode()
    else:
        yield from kept


def drop_rows(lines: Iterator[bytes], names: Names) -> Iterator[bytes]:
    """A file of rejected rows without those that name the member."""
    return (line for line in lines if not names.in_row(line))


def refused_body(stored: bytes) -> bytes:
    """The body of a push as its quarantine object holds it; the object itself where it does not."""
    try:
        return base64.b64decode(json.loads(stored)["body_base64"])
    except (ValueError, KeyError, TypeError):
        return stored


def tombstone(key: bytes, member: MemberKey) -> str:
    """What is kept of an identifier that is to stay away: HMAC-SHA256 under the stack's own key."""
    return hmac.new(key, member.text.encode("utf-8", "surrogatepass"), sha256).hexdigest()
